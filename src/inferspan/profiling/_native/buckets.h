/* SPDX-License-Identifier: Apache-2.0 */
/* The buckets of OpenTelemetry's base-2 exponential histogram, exactly, for every double: at scale s bucket i covers
 * (2^(i/2^s), 2^((i+1)/2^s)]. */
#ifndef INFERSPAN_BUCKETS_H
#define INFERSPAN_BUCKETS_H

#include <stdint.h>

/* Returns the bucket of a finite magnitude above zero at scale 20; shifted right, it is that at a lower scale. */
int32_t bucket_of(double magnitude);

/* A boundary between powers of two: 2^exponent times a root in [1, 2), in units of 2^-127. */
struct boundary {
    unsigned __int128 root;
    int32_t index, exponent;
    int scale;
};

/* Returns the lower boundary of a bucket. */
struct boundary boundary_of(int32_t index, int scale);

/* Goes on to the next boundary of the scale. */
void boundary_next(struct boundary *boundary);

/* The bits of a boundary, rounded down, as a number of so many bits of mantissa and such an exponent of its first
 * normal number; between its first normal number, less one, and its last finite one. No value lies between the boundary
 * and what it is rounded down to. */
static inline uint64_t boundary_bits(const struct boundary *boundary, int mantissa, int lowest) {
    uint64_t least = ((uint64_t)1 << mantissa) - 1;
    uint64_t most = ((uint64_t)(3 - 2 * lowest) << mantissa) - 1; /* the largest exponent is 1 - lowest */
    int64_t exponent = (int64_t)boundary->exponent - lowest + 1;
    if (exponent < 1)
        return least;
    uint64_t fraction = (uint64_t)(boundary->root >> (127 - mantissa)) & least;
    uint64_t bits = ((uint64_t)exponent << mantissa) | fraction;
    return bits < most ? bits : most;
}

#endif
