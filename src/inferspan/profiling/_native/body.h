/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel for one instruction level: LEVEL (a suffix), VECTOR (bytes of a vector), ROWS (of them side by side). */

#define JOIN_(x, y) x##_##y
#define JOIN(x, y) JOIN_(x, y)

#define REAL double
#define BITS uint64_t
#define SIGNED int64_t
#define NAME(x) JOIN(JOIN(x, double), LEVEL)
#define MANTISSA 52
#define LOWEST -1022
#include "lanes.h"

static inline int JOIN(count_wide_double, LEVEL)(struct state *to, const void *data, size_t size, int is_tiny) {
    (void)to, (void)data, (void)size, (void)is_tiny;
    return 0;
}

#include "tally.h"

#define REAL float
#define BITS uint32_t
#define SIGNED int32_t
#define NAME(x) JOIN(JOIN(x, float), LEVEL)
#define MANTISSA 23
#define LOWEST -126
#include "lanes.h"

/* Counts floats as doubles where they would have to be: subnormal ones are normal then, and wide buckets have numbers
 * that fit. Returns whether it was so. */
static int JOIN(count_wide_float, LEVEL)(struct state *to, const void *address, size_t size, int is_tiny) {
    const JOIN(element_float, LEVEL) *data = address;
    double wide[1024];
    if (!is_tiny && to->scale >= 0)
        return 0;
    for (size_t number; size; size -= number, data += number) {
        number = size < 1024 ? size : 1024;
        for (size_t i = 0; i < number; i++)
            wide[i] = data[i];
        JOIN(tally_double, LEVEL)(to, wide, number, 0);
    }
    return 1;
}

#include "tally.h"

/* Of elements in their own type to the narrowest of float and double that holds their values, or comes nearest. */
#define CONVERT(name, from, to, expression)                                                                            \
    static void JOIN(name, LEVEL)(void *target, const void *source, size_t size) {                                     \
        to *result = target;                                                                                           \
        const char *place = source;                                                                                    \
        for (size_t i = 0; i < size; i++) {                                                                            \
            from x;                                                                                                    \
            memcpy(&x, place + i * sizeof x, sizeof x);                                                                \
            result[i] = (expression);                                                                                  \
        }                                                                                                              \
    }
CONVERT(boolean, uint8_t, float, (float)(x != 0))
CONVERT(int8, int8_t, float, (float)x)
CONVERT(uint8, uint8_t, float, (float)x)
CONVERT(int16, int16_t, float, (float)x)
CONVERT(uint16, uint16_t, float, (float)x)
CONVERT(int32, int32_t, double, (double)x)
CONVERT(uint32, uint32_t, double, (double)x)
CONVERT(int64, int64_t, double, (double)x)
CONVERT(uint64, uint64_t, double, (double)x)

static void JOIN(bfloat16, LEVEL)(void *target, const void *source, size_t size) {
    uint32_t *result = target;
    const char *place = source;
    for (size_t i = 0; i < size; i++) {
        uint16_t x;
        memcpy(&x, place + 2 * i, 2);
        result[i] = (uint32_t)x << 16;
    }
}

/* Without instructions for half precision, and without arithmetic on subnormal floats, which may be switched off. */
static void JOIN(float16, LEVEL)(void *target, const void *source, size_t size) {
    uint32_t *result = target;
    const char *place = source;
    for (size_t i = 0; i < size; i++) {
        uint16_t x;
        memcpy(&x, place + 2 * i, 2);
        uint32_t magnitude = x & 0x7fffu;
        float small = (float)(int32_t)magnitude * 0x1p-24f;
        uint32_t tiny, normal = (magnitude << 13) + (112u << 23);
        memcpy(&tiny, &small, sizeof tiny);
        normal += magnitude >= 0x7c00 ? 112u << 23 : 0;
        result[i] = (uint32_t)(x & 0x8000u) << 16 | (magnitude < 0x400 ? tiny : normal);
    }
}

#define CONVERTERS                                                                                                     \
    {                                                                                                                  \
        [FLOAT16] = JOIN(float16, LEVEL), [BFLOAT16] = JOIN(bfloat16, LEVEL), [BOOLEAN] = JOIN(boolean, LEVEL),        \
        [INT8] = JOIN(int8, LEVEL), [UINT8] = JOIN(uint8, LEVEL), [INT16] = JOIN(int16, LEVEL),                        \
        [UINT16] = JOIN(uint16, LEVEL), [INT32] = JOIN(int32, LEVEL), [UINT32] = JOIN(uint32, LEVEL),                  \
        [INT64] = JOIN(int64, LEVEL), [UINT64] = JOIN(uint64, LEVEL)                                                   \
    }

static const struct level JOIN(level, LEVEL) = {
    .name = LEVEL_NAME,
    .summarise = {JOIN(summarise_float, LEVEL), JOIN(summarise_double, LEVEL)},
    .tally = {JOIN(tally_float, LEVEL), JOIN(tally_double, LEVEL)},
    .convert = CONVERTERS,
};

#undef CONVERTERS
#undef CONVERT
#undef LEVEL
#undef LEVEL_NAME
#undef VECTOR
#undef ROWS
#undef JOIN
#undef JOIN_
