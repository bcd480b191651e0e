/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the values of one field: `inferspan.profiling.states` reads and writes the same memory. */
#ifndef INFERSPAN_STATE_H
#define INFERSPAN_STATE_H

#include <stdint.h>

enum { MAX_BUCKETS = 160, MAX_SCALE = 20 };

/* Statistics are over finite values; without any they mean nothing. Squares are those of deviations from the mean, in
 * units of 4^unit_of(minimum, maximum). */
struct moments {
    uint64_t count, missing, infinite, zero;
    double minimum, maximum, mean, squares;
};

/* The side of index 0 counts values above zero, the other one those below, by magnitude. Count i of a side is of the
 * bucket offset + i; all used counts lie at the front. Without used ones, the scale means nothing. */
struct state {
    struct moments moments;
    uint64_t zeroes;
    int32_t scale;
    int32_t offset[2];
    uint16_t used[2];
    uint32_t counts[2][MAX_BUCKETS];
};

_Static_assert(sizeof(struct state) == 1368, "states.py has the same layout");

static inline uint64_t finite_of(const struct moments *some) { return some->count - some->missing - some->infinite; }

/* The exponent of the power of two that deviations between such values are measured in, so that neither their squares
 * nor the sum of these leave a double's range: 0 nearly always. */
static inline int unit_of(double minimum, double maximum) {
    double spread = maximum - minimum;
    if ((spread >= 0x1p-480 && spread <= 0x1p500) || spread == 0)
        return 0;
    return spread > 0x1p500 ? 600 : -600;
}

/* Adds what is known of other values. */
void moments_add(struct moments *to, const struct moments *other);

/* Returns the standard deviation of the population, of at least one finite value. */
double moments_deviation(const struct moments *some);

/* Buckets of a side that are needed, at scale 20; none if last < first. */
struct span {
    int32_t first, last;
};

/* Returns whether there are buckets for them. */
static inline int state_has_room(const struct state *state, const struct span needed[2]) {
    for (int side = 0; side < 2; side++) {
        if (needed[side].last < needed[side].first)
            continue;
        int32_t first = state->offset[side], end = first + state->used[side];
        int steps = MAX_SCALE - state->scale;
        if (!state->used[side] || needed[side].first >> steps < first || needed[side].last >> steps >= end)
            return 0;
    }
    return 1;
}

/* Makes room for them: the scale becomes the largest at which either side fits, as in OpenTelemetry's SDK. */
void state_make_room(struct state *state, const struct span needed[2]);

#endif
