/* SPDX-License-Identifier: Apache-2.0 */
#include "levels.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "buckets.h"

#if defined(__x86_64__)


#ifdef __clang__
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#endif
#define LEVEL v4
#define LEVEL_NAME "x86-64-v4"
#define VECTOR 64
#define ROWS 4
#include "body.h"
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#endif
#define LEVEL v3
#define LEVEL_NAME "x86-64-v3"
#define VECTOR 32
#define ROWS 2
#include "body.h"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#define LEVEL_NAME "x86-64"

#elif defined(__aarch64__)
#define LEVEL_NAME "arm64" /* NEON is always there */
#else
#define LEVEL_NAME "portable"
#endif

#define LEVEL base
#define VECTOR 16
#define ROWS 4
#include "body.h"

const struct level *const LEVELS[] = {
#if defined(__x86_64__)
    &level_v4, &level_v3,
#endif
    &level_base, NULL};

const struct level *const LEVEL_OF_FEW = &level_base;

int level_runs(const struct level *level) {
#if defined(__x86_64__)
    /* Whether the operating system saves the registers is part of the answers. */
    __builtin_cpu_init();
    if (level == &level_v4)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (level == &level_v3)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
               __builtin_cpu_supports("bmi2");
#endif
    (void)level;
    return 1;
}
