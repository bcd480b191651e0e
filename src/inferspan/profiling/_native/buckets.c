/* SPDX-License-Identifier: Apache-2.0 */
#include "buckets.h"

#include <math.h>

#include "state.h"

typedef unsigned __int128 u128;

static const uint64_t ROOTS[MAX_SCALE][2] = {
#include "roots.inc"
};

static const u128 ONE = (u128)1 << 127;

static u128 root_of(int number) { return (u128)ROOTS[number - 1][0] << 64 | ROOTS[number - 1][1]; }

/* Returns a product of numbers in [1, 2), too low by less than 6 of the last digit if anything. */
static inline u128 times(u128 one, u128 two) {
    uint64_t a = (uint64_t)(one >> 64), b = (uint64_t)one, c = (uint64_t)(two >> 64), d = (uint64_t)two;
    return ((u128)a * c + (uint64_t)(((u128)a * d) >> 64) + (uint64_t)(((u128)b * c) >> 64)) << 1;
}

/* Returns 2^(part/2^scale). Of all parts at scale 20, and so at every scale, the digits below the 53rd are further from
 * a carry than 2^49 of the last digit, and what is lost here adds up to less than 2^11: rounded down to a double, or to
 * fewer digits, it is exact. */
static u128 power_of(uint32_t part, int scale) {
    u128 result = ONE;
    for (int number = 1; number <= scale; number++)
        if (part >> (scale - number) & 1)
            result = times(result, root_of(number));
    return result;
}

struct boundary boundary_of(int32_t index, int scale) {
    struct boundary found = {ONE, index, 0, scale};
    if (scale > 0) {
        found.exponent = index >> scale;
        found.root = power_of((uint32_t)index & (((uint32_t)1 << scale) - 1), scale);
    } else {
        found.exponent = index * ((int32_t)1 << -scale);
    }
    return found;
}

void boundary_next(struct boundary *boundary) {
    int scale = boundary->scale;
    boundary->index++;
    if (scale <= 0) {
        boundary->exponent += (int32_t)1 << -scale;
    } else if (boundary->index & (((int32_t)1 << scale) - 1)) {
        boundary->root = times(boundary->root, root_of(scale));
    } else {
        boundary->exponent++;
        boundary->root = ONE;
    }
}

int32_t bucket_of(double magnitude) {
    int exponent;
    double fraction = frexp(magnitude, &exponent);
    int32_t first = (exponent - 1) * ((int32_t)1 << MAX_SCALE);
    if (fraction == 0.5)
        return first - 1;
    double position = log2(2 * fraction) * (1 << MAX_SCALE);
    double nearest = nearbyint(position);
    if (fabs(position - nearest) > 0x1p-28) /* farther than the logarithm can be wrong */
        return first + (int32_t)position;
    if (nearest <= 0)
        return first;
    if (nearest >= 1 << MAX_SCALE)
        return first + (1 << MAX_SCALE) - 1;
    uint64_t digits = (uint64_t)(power_of((uint32_t)nearest, MAX_SCALE) >> 75);
    return first + (int32_t)nearest - ((uint64_t)(fraction * 0x1p53) <= digits);
}
