/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <math.h>
#include <string.h>

/* By the formula of Chan, Golub and LeVeque. */
void moments_add(struct moments *to, const struct moments *other) {
    uint64_t size = finite_of(to), added = finite_of(other);
    to->count += other->count;
    to->missing += other->missing;
    to->infinite += other->infinite;
    to->zero += other->zero;
    if (!added)
        return;
    if (!size) {
        to->minimum = other->minimum;
        to->maximum = other->maximum;
        to->mean = other->mean;
        to->squares = other->squares;
        return;
    }
    double minimum = to->minimum < other->minimum ? to->minimum : other->minimum;
    double maximum = to->maximum > other->maximum ? to->maximum : other->maximum;
    double share = (double)added / (double)(size + added);
    double one = to->mean, two = other->mean, squares, distance, mean;
    int unit = unit_of(minimum, maximum);
    int unit_one = unit_of(to->minimum, to->maximum), unit_two = unit_of(other->minimum, other->maximum);
    if (!(unit | unit_one | unit_two)) {
        distance = two - one;
        squares = to->squares + other->squares;
        mean = one + distance * share;
    } else {
        one = ldexp(one, -unit);
        distance = ldexp(two, -unit) - one;
        squares = ldexp(to->squares, 2 * (unit_one - unit)) + ldexp(other->squares, 2 * (unit_two - unit));
        mean = ldexp(one + distance * share, unit);
    }
    to->squares = squares + distance * distance * (double)size * share;
    to->minimum = minimum;
    to->maximum = maximum;
    to->mean = mean < minimum ? minimum : mean > maximum ? maximum : mean;
}

double moments_deviation(const struct moments *some) {
    double deviation = sqrt(some->squares / (double)finite_of(some));
    int unit = unit_of(some->minimum, some->maximum);
    return unit ? ldexp(deviation, unit) : deviation;
}

void state_make_room(struct state *state, const struct span needed[2]) {
    int is_new = !state->used[0] && !state->used[1];
    int scale = is_new ? MAX_SCALE : state->scale;
    int steps = 0;
    struct span all[2];
    for (int side = 0; side < 2; side++) {
        struct span *ends = &all[side];
        ends->first = needed[side].first >> (MAX_SCALE - scale);
        ends->last = needed[side].last >> (MAX_SCALE - scale);
        if (needed[side].last < needed[side].first) {
            ends->first = INT32_MAX;
            ends->last = INT32_MIN;
        }
        if (state->used[side]) {
            int32_t first = state->offset[side], last = first + state->used[side] - 1;
            ends->first = first < ends->first ? first : ends->first;
            ends->last = last > ends->last ? last : ends->last;
        }
        if (ends->first <= ends->last) /* more than 2^31 buckets are between the least and the largest double */
            while ((int64_t)(ends->last >> steps) - (ends->first >> steps) >= MAX_BUCKETS)
                steps++;
    }
    state->scale = scale - steps;
    for (int side = 0; side < 2; side++) {
        if (all[side].last < all[side].first)
            continue;
        int32_t first = all[side].first >> steps, last = all[side].last >> steps;
        if (state->used[side] && (steps || first != state->offset[side])) {
            uint32_t counts[MAX_BUCKETS] = {0};
            for (int i = 0; i < state->used[side]; i++)
                counts[((state->offset[side] + i) >> steps) - first] += state->counts[side][i];
            memcpy(state->counts[side], counts, sizeof counts);
        }
        state->offset[side] = first;
        state->used[side] = (uint16_t)(last - first + 1);
    }
}
