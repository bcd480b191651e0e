/* SPDX-License-Identifier: Apache-2.0 */
#include "buckets.h"

#include <math.h>
#include <string.h>

#include "state.h"

typedef unsigned __int128 u128;

static const uint64_t ROOTS[MAX_SCALE][2] = {
#include "roots.inc"
};

enum { KNOWN_SCALE = 6 };
static const uint64_t FRACTIONS[1 << KNOWN_SCALE] = {
#include "fractions.inc"
};

static const u128 ONE = (u128)1 << 127;

static u128 root_of(int number) { return (u128)ROOTS[number - 1][0] << 64 | ROOTS[number - 1][1]; }

/* Returns half a product of numbers in [1, 2), too low by less than 3 of the last digit if anything. */
static inline u128 half_product(u128 one, u128 two) {
    uint64_t a = (uint64_t)(one >> 64), b = (uint64_t)one, c = (uint64_t)(two >> 64), d = (uint64_t)two;
    return (u128)a * c + (uint64_t)(((u128)a * d) >> 64) + (uint64_t)(((u128)b * c) >> 64);
}

/* Returns 2^(part/2^scale). Of all parts at scale 20, and so at every scale, the digits below the 53rd are further from
 * a carry than 2^49 of the last digit, and what is lost here, and in `boundaries_of`, adds up to less than 2^11: rounded
 * down to a double, or to fewer digits, it is exact. */
static u128 power_of(uint32_t part, int scale) {
    u128 result = ONE;
    for (int number = 1; number <= scale; number++)
        if (part >> (scale - number) & 1)
            result = half_product(result, root_of(number)) << 1;
    return result;
}

void boundaries_of(uint64_t *found, int32_t index, int number, int scale, int mantissa, int lowest) {
    const uint64_t unit = (uint64_t)1 << mantissa, most = ((uint64_t)(3 - 2 * lowest) << mantissa) - 1;
    const int32_t whole = scale > 0 ? ((int32_t)1 << scale) - 1 : 0;
    if (scale <= KNOWN_SCALE) {
        for (int i = 0; i < number; i++, index++) {
            int64_t exponent = scale > 0 ? index >> scale : index * ((int64_t)1 << -scale);
            uint64_t fraction = scale > 0 ? FRACTIONS[(index & whole) << (KNOWN_SCALE - scale)] : 0;
            int64_t bits = (exponent - lowest + 1) * (int64_t)unit + (int64_t)(fraction >> (52 - mantissa));
            found[i] = bits < (int64_t)unit ? unit - 1 : (uint64_t)bits < most ? (uint64_t)bits : most;
        }
        return;
    }
    /* Of four boundaries in turn, each is the one before, times the same. */
    u128 roots[4], step = root_of(scale - 2);
    int64_t exponents[4];
    for (int32_t i = 0; i < 4; i++) {
        roots[i] = power_of((uint32_t)((index + i) & whole), scale);
        exponents[i] = ((index + i) >> scale) - lowest + 1;
    }
    for (int i = 0; i < number; i++, index++) {
        u128 *root = &roots[i & 3];
        int64_t *exponent = &exponents[i & 3];
        if (!(index & whole)) { /* which products come near to only */
            *root = ONE;
            *exponent = (index >> scale) - lowest + 1;
        }
        int64_t bits = *exponent * (int64_t)unit + (int64_t)((uint64_t)(*root >> (127 - mantissa)) - unit);
        found[i] = bits < (int64_t)unit ? unit - 1 : (uint64_t)bits < most ? (uint64_t)bits : most;
        u128 half = half_product(*root, step);
        int is_carried = (int)(half >> 127);
        *root = half << !is_carried;
        *exponent += is_carried;
    }
}

int32_t bucket_of(double magnitude) {
    const uint64_t unit = (uint64_t)1 << 52;
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    int32_t exponent = (int32_t)(bits >> 52) - 1023;
    if (bits < unit) { /* subnormal: made normal, without arithmetic on it, which may be switched off */
        int shift = __builtin_clzll(bits) - 11;
        bits <<= shift;
        exponent -= shift - 1;
    }
    bits &= unit - 1;
    int32_t first = exponent * ((int32_t)1 << MAX_SCALE);
    if (!bits)
        return first - 1;
    double position = log2((double)(bits | unit) * 0x1p-52) * (1 << MAX_SCALE);
    int32_t nearest = (int32_t)(position + 0.5);
    if (fabs(position - nearest) > 0x1p-28) /* farther than the logarithm can be wrong */
        return first + (int32_t)position;
    if (nearest <= 0)
        return first;
    if (nearest >= 1 << MAX_SCALE)
        return first + (1 << MAX_SCALE) - 1;
    return first + nearest - ((bits | unit) <= (uint64_t)(power_of((uint32_t)nearest, MAX_SCALE) >> 75));
}
