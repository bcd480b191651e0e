/* SPDX-License-Identifier: Apache-2.0 */
/* The buckets of OpenTelemetry's base-2 exponential histogram, exactly, for every double: at scale s bucket i covers
 * (2^(i/2^s), 2^((i+1)/2^s)]. */
#ifndef INFERSPAN_BUCKETS_H
#define INFERSPAN_BUCKETS_H

#include <stdint.h>

/* Returns the bucket of a finite magnitude above zero at scale 20; shifted right, it is that at a lower scale. */
int32_t bucket_of(double magnitude);

/* Finds the lower boundaries of buckets from `index` on: their bits, rounded down, as numbers of so many bits of mantissa
 * whose first normal one has the exponent `lowest`; brought between the last subnormal and the last finite number. No
 * value lies between a boundary and what it is rounded down to. */
void boundaries_of(uint64_t *found, int32_t index, int number, int scale, int mantissa, int lowest);

#endif
