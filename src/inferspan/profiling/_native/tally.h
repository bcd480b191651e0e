/* SPDX-License-Identifier: Apache-2.0 */
/* The histogram: included after lanes.h, with the same names.
 *
 * The bits of a magnitude, as a whole number, grow like its logarithm, with a slope between ln 2 and 2 ln 2. So cells of
 * half a bucket's width in them hold one boundary at most, and there are 444 of them at most to 160 buckets. Of each cell
 * is known what to add to the bits to make the digits of the bucket's number come out exact: a carry into them happens
 * just above the boundary.
 */

/* Places for counts: of the buckets of a side, and what is to be counted nowhere (zeroes and what is not finite). */
#define PLACES 168
#define NOWHERE 162
#define CELLS 512
/* Values whose cells are computed before their buckets are counted. */
#define GROUP 256
/* Values that are counted at once without looking anything up. */
#define FEW 24
/* Values whose extremes are looked at before they are counted: they stay in the second-level cache. */
#define CHUNK 16384

struct NAME(side) {
    BITS low, high; /* magnitudes are brought between them */
    BITS before;    /* the number of the cell before the first one, less the cell's place */
};

struct NAME(table) {
    int cell, digit; /* places of the lowest digit of a cell's number, and of a bucket's */
    struct NAME(side) sides[2];
    BITS added[2 * CELLS];
};
#define table struct NAME(table)

/* Fills in a side. Returns whether there is a cell for each value: not where cells reach down to zero, or where the last
 * one has the infinite in it. */
static int NAME(fill)(table *to, const struct state *state, int side) {
    int cell = to->cell, digit = to->digit, used = state->used[side];
    int scale = state->scale, number = used, period = CELLS;
    uint64_t boundaries[MAX_BUCKETS + 1];
    BITS first = (TINY >> cell) + 1, last = first - 1;
    if (used) {
        /* Cells repeat with each power of two, where the bits and the bucket's number go on alike. */
        if (scale >= 0 && used >> scale > 0) {
            boundaries_of(boundaries, state->offset[side], 1, scale, MANTISSA, LOWEST);
            if (boundaries[0] >= TINY) {
                number = 1 << scale;
                period = 2 << scale;
                boundaries_of(boundaries + used, state->offset[side] + used, 1, scale, MANTISSA, LOWEST);
            }
        }
        boundaries_of(boundaries, state->offset[side], number + 1, scale, MANTISSA, LOWEST);
        first = (BITS)(boundaries[0] + 1) >> cell;
        last = (BITS)boundaries[used] >> cell;
    }
    if (first == 0 || last - first + 1 > CELLS - 4 || last >= (SIGN - 1) >> cell)
        return 0;
    /* A boundary ends a bucket: it is put into its cell, and the next bucket into the cells behind, of which two at
     * most have no boundary. Those that have one are put right when it is its turn. */
    BITS *added = to->added + side * CELLS + 1, bucket = (BITS)(side * PLACES), at = first;
    for (int i = 0; used && i <= number; i++, bucket++) {
        BITS boundary = (BITS)boundaries[i], plain = bucket << digit;
        if (boundary >= first << cell) { /* not below the first cell, nor the first normal number */
            at = boundary >> cell;
            added[at - first] = plain - (boundary + 1);
            at += 1;
        }
        added[at - first] = plain - (at << cell);
        added[at - first + 1] = plain - (at << cell) - ((BITS)1 << cell);
        added[at - first + 2] = plain - (at << cell) - ((BITS)2 << cell);
    }
    for (BITS i = (BITS)period; i < last - first + 1; i++)
        added[i] = added[i - (BITS)period];
    struct NAME(side) *ends = &to->sides[side];
    ends->low = (first << cell) - 1;
    ends->high = (last + 1) << cell;
    ends->before = first - 1 - (BITS)side * CELLS;
    added[-1] = ((BITS)NOWHERE << digit) - ends->low;
    added[last - first + 1] = ((BITS)NOWHERE << digit) - ends->high;
    return 1;
}

/* Returns whether the values of this type, in the buckets of this state, can be looked up. */
static int NAME(prepare)(table *to, const struct state *state) {
    to->cell = MANTISSA - 1 - state->scale;
    to->digit = MANTISSA - state->scale;
    if ((BITS)(2 * PLACES) > ~(BITS)0 >> to->digit)
        return 0;
    return NAME(fill)(to, state, 0) && NAME(fill)(to, state, 1);
}

/* Counts some values, in `ways` histograms in turn: a count that was written just before is slow to be read again. */
static void NAME(count_all)(
    uint32_t (*counts)[2 * PLACES], size_t ways, const table *from, const element *data, size_t size) {
    struct NAME(side) positive = from->sides[0], negative = from->sides[1];
    bits low = (bits)NAME(all)(0), high = low, before = low;
    bits low_change = low, high_change = low, before_change = low;
    EACH(i) {
        low[i] = positive.low, low_change[i] = positive.low ^ negative.low;
        high[i] = positive.high, high_change[i] = positive.high ^ negative.high;
        before[i] = positive.before, before_change[i] = positive.before ^ negative.before;
    }
    int cell = from->cell, digit = from->digit;
    const BITS *added = from->added;
    uint32_t *one = counts[0], *two = counts[1 % ways], *three = counts[2 % ways], *four = counts[3 % ways];
    BITS magnitudes[GROUP], cells[GROUP];
    while (size) {
        size_t number = size < GROUP ? size : GROUP, i;
        REAL rest[LANES] = {0};
        for (i = 0; i < number; i += LANES) {
            const element *place = data + i;
            if (number - i < LANES) {
                memcpy(rest, place, (number - i) * sizeof *place);
                place = rest;
            }
            bits value = *(const bits *)place;
            bits is_negative = (bits)((flags)value >> (8 * sizeof(BITS) - 1));
            flags magnitude = (flags)(value & ~SIGN);
            flags least = (flags)(low ^ (low_change & is_negative));
            flags most = (flags)(high ^ (high_change & is_negative));
            magnitude = NAME(lower)(NAME(higher)(magnitude, least), most);
            *(bits *)(magnitudes + i) = (bits)magnitude;
            *(bits *)(cells + i) = ((bits)magnitude >> cell) - (before ^ (before_change & is_negative));
        }
        for (i = 0; i + 4 <= number; i += 4) {
            one[(magnitudes[i] + added[cells[i]]) >> digit]++;
            two[(magnitudes[i + 1] + added[cells[i + 1]]) >> digit]++;
            three[(magnitudes[i + 2] + added[cells[i + 2]]) >> digit]++;
            four[(magnitudes[i + 3] + added[cells[i + 3]]) >> digit]++;
        }
        for (; i < number; i++)
            one[(magnitudes[i] + added[cells[i]]) >> digit]++;
        data += number;
        size -= number;
    }
}

static void NAME(collect)(struct state *to, uint32_t (*counts)[2 * PLACES], size_t ways) {
    for (size_t way = 0; way < ways; way++)
        for (size_t side = 0; side < 2; side++)
            for (size_t i = 0; i < MAX_BUCKETS; i++)
                to->counts[side][i] += counts[way][side * PLACES + i];
    memset(counts, 0, ways * sizeof *counts);
}

/* Counts each value by its logarithm. */
static void NAME(count_few)(struct state *to, const element *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        double value = data[i], magnitude = fabs(value);
        if (!(magnitude > 0 && magnitude <= DBL_MAX))
            continue;
        int side = value < 0;
        to->counts[side][(bucket_of(magnitude) >> (MAX_SCALE - to->scale)) - to->offset[side]]++;
    }
}

/* Finds the least magnitudes of either sign but zero, as bits. They mean nothing where there is none. */
static void NAME(nearest)(BITS found[2], const element *data, size_t size) {
    const flags lowest = (flags){0} + (SIGNED)SIGN;
    flags least[2] = {~lowest, ~lowest};
    REAL rest[LANES] = {0};
    for (size_t i = 0; i < size; i += LANES) {
        const element *place = data + i;
        if (size - i < LANES) {
            memcpy(rest, place, (size - i) * sizeof *place);
            place = rest;
        }
        bits value = *(const bits *)place;
        /* Less the sign and one, without a sign of their own: zero, and what has the other sign, are the largest. */
        least[0] = NAME(lower)((flags)(value - 1) ^ lowest, least[0]);
        least[1] = NAME(lower)((flags)((value ^ SIGN) - 1) ^ lowest, least[1]);
    }
    for (int side = 0; side < 2; side++) {
        SIGNED result = least[side][0];
        EACH(i) result = least[side][i] < result ? least[side][i] : result;
        found[side] = ((BITS)result ^ SIGN) + 1;
    }
}

static REAL NAME(real)(BITS some) {
    REAL result;
    memcpy(&result, &some, sizeof result);
    return result;
}

/* Adds values to a state: to its histogram, and with moments, to these as well. */
static void NAME(tally)(struct state *to, const void *address, size_t size, int with_moments) {
    const char *place = address;
    table buckets;
    uint32_t counts[4][2 * PLACES];
    size_t ways = size < 2048 ? 1 : 4;
    int is_prepared = 0, can_look_up = 0;
    while (size) {
        const element *data = (const element *)place;
        size_t number = size < CHUNK ? size : CHUNK;
        place += number * sizeof(REAL);
        size -= number;
        struct moments found = {0};
        NAME(summarise)(&found, data, number);
        if (with_moments)
            moments_add(&to->moments, &found);
        if (found.zero == finite_of(&found)) {
            to->zeroes += found.zero;
            continue;
        }
        double least[2] = {found.minimum, -found.maximum}, most[2] = {found.maximum, -found.minimum};
        if (found.minimum <= 0 && found.maximum >= 0) {
            BITS nearest[2];
            NAME(nearest)(nearest, data, number);
            for (int side = 0; side < 2; side++)
                least[side] = NAME(real)(nearest[side]);
        }
        struct span needed[2] = {{1, 0}, {1, 0}};
        int is_tiny = 0;
        for (int side = 0; side < 2; side++)
            if (most[side] > 0) {
                needed[side] = (struct span){bucket_of(least[side]), bucket_of(most[side])};
                is_tiny |= least[side] < NAME(real)(TINY);
            }
        if (!state_has_room(to, needed)) {
            if (is_prepared)
                NAME(collect)(to, counts, ways);
            is_prepared = 0;
            state_make_room(to, needed);
        }
        if (NAME(count_wide)(to, data, number, is_tiny))
            continue;
        to->zeroes += found.zero;
        if (number <= FEW || is_tiny) {
            NAME(count_few)(to, data, number);
            continue;
        }
        if (!is_prepared) {
            is_prepared = 1;
            memset(counts, 0, ways * sizeof *counts);
            can_look_up = NAME(prepare)(&buckets, to);
        }
        if (can_look_up)
            NAME(count_all)(counts, ways, &buckets, data, number);
        else
            NAME(count_few)(to, data, number);
    }
    if (is_prepared)
        NAME(collect)(to, counts, ways);
}

#undef LANES
#undef WIDE
#undef STEPS
#undef STRIPE
#undef SIGN
#undef INFINITE
#undef TINY
#undef BLOCK
#undef SUM
#undef sums
#undef EACH
#undef INLINE
#undef BY_MASK
#undef CHOOSE
#undef element
#undef reals
#undef bits
#undef flags
#undef part
#undef doubles
#undef PLACES
#undef NOWHERE
#undef CELLS
#undef GROUP
#undef FEW
#undef CHUNK
#undef table
#undef REAL
#undef BITS
#undef SIGNED
#undef NAME
#undef MANTISSA
#undef LOWEST
