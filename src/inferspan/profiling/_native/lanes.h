/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel proper, in vectors of the compiler's own: included for each instruction level, as float and as double.
 *
 * Before: LEVEL, VECTOR (bytes of a vector), ROWS (vectors that are worked on side by side), and of the type REAL, BITS,
 * SIGNED, NAME(x), MANTISSA, LOWEST (exponent of the first normal number). Addresses need not be aligned.
 */

#define LANES (VECTOR / sizeof(REAL))
#define WIDE (VECTOR / sizeof(double)) /* lanes of doubles, to which LANES are widened in STEPS */
#define STEPS (LANES / WIDE)
#define STRIPE (LANES * ROWS)
#define SIGN ((BITS)1 << (8 * sizeof(BITS) - 1))
#define INFINITE ((((BITS)1 << (8 * sizeof(BITS) - 1 - MANTISSA)) - 1) << MANTISSA)
#define TINY ((BITS)1 << MANTISSA) /* the first normal number */

typedef REAL NAME(element) __attribute__((aligned(1), may_alias));
typedef REAL NAME(reals) __attribute__((vector_size(VECTOR), aligned(1), may_alias));
typedef BITS NAME(bits) __attribute__((vector_size(VECTOR), aligned(1), may_alias));
typedef SIGNED NAME(flags) __attribute__((vector_size(VECTOR)));
typedef REAL NAME(part) __attribute__((vector_size(WIDE * sizeof(REAL))));
typedef double NAME(doubles) __attribute__((vector_size(VECTOR)));
#define element NAME(element)
#define reals NAME(reals)
#define bits NAME(bits)
#define flags NAME(flags)
#define part NAME(part)
#define doubles NAME(doubles)

/* Elements whose sums are taken about one shift, and those that are added up in lanes of REAL. */
#define BLOCK 16384
#define SUM (16 * STRIPE)

/* Sums of deviations from a shift, of a block. */
struct NAME(sums) {
    reals minimum[ROWS], maximum[ROWS];
    flags nonzero[ROWS], missing[ROWS], finite[ROWS];
    doubles total, squares;
};
#define sums struct NAME(sums)

#define EACH(i) for (size_t i = 0; i < LANES; i++)
#define INLINE static inline __attribute__((always_inline))

#define CHOOSE(mask, x, y) ((reals)(((flags)(x) & (mask)) | ((flags)(y) & ~(mask))))
/* GCC makes the instruction of a choice written out lane by lane, unless lanes are few; Clang, of one by masks. */
#ifdef __clang__
#define BY_MASK 1
#else
#define BY_MASK (LANES <= 4)
#endif

/* Compilers make one instruction of each of these; a value that is not a number is passed over. */
INLINE reals NAME(least)(reals x, reals y) {
    reals z;
    if (BY_MASK)
        return CHOOSE(x < y, x, y);
    EACH(i) z[i] = x[i] < y[i] ? x[i] : y[i];
    return z;
}

INLINE reals NAME(most)(reals x, reals y) {
    reals z;
    if (BY_MASK)
        return CHOOSE(x > y, x, y);
    EACH(i) z[i] = x[i] > y[i] ? x[i] : y[i];
    return z;
}


INLINE flags NAME(lower)(flags x, flags y) {
    flags z;
    if (BY_MASK)
        return y ^ ((x ^ y) & (x < y));
    EACH(i) z[i] = x[i] < y[i] ? x[i] : y[i];
    return z;
}

INLINE flags NAME(higher)(flags x, flags y) {
    flags z;
    if (BY_MASK)
        return y ^ ((x ^ y) & (x > y));
    EACH(i) z[i] = x[i] > y[i] ? x[i] : y[i];
    return z;
}

/* Counts magnitudes that are not zero. Whether floats are equal to zero may depend on the thread's settings. */
INLINE flags NAME(count)(flags count, flags magnitude) {
#if VECTOR == 64 /* comparisons give bits there, which would have to be made numbers of */
    return count + NAME(lower)(magnitude, (flags){0} + 1);
#else
    return count - (magnitude > 0);
#endif
}

INLINE void NAME(widen)(doubles *to, reals some) {
    part pieces[STEPS];
    memcpy(pieces, &some, sizeof pieces);
    for (size_t i = 0; i < STEPS; i++)
        *to += __builtin_convertvector(pieces[i], doubles);
}

INLINE reals NAME(all)(REAL value) {
    reals result;
    EACH(i) result[i] = value;
    return result;
}

/* Adds stripes of some vectors each. Without gaps, a value that is not finite makes the totals not finite. */
INLINE void NAME(add)(
    sums *to, const element *data, const size_t rows, size_t stripes, reals shift, const int has_gaps) {
    reals total[ROWS], squares[ROWS], minimum[ROWS], maximum[ROWS];
    flags nonzero[ROWS], missing[ROWS], finite[ROWS];
    for (size_t row = 0; row < rows; row++) {
        total[row] = squares[row] = (reals){0};
        minimum[row] = to->minimum[row];
        maximum[row] = to->maximum[row];
        nonzero[row] = missing[row] = finite[row] = (flags){0};
    }
    for (size_t stripe = 0; stripe < stripes; stripe++, data += rows * LANES) {
        for (size_t row = 0; row < rows; row++) {
            reals value = *(const reals *)(data + row * LANES);
            flags magnitude = (flags)value & (SIGNED)~SIGN;
            nonzero[row] = NAME(count)(nonzero[row], magnitude);
            if (has_gaps) {
                flags is_finite = magnitude < (SIGNED)INFINITE;
                finite[row] -= is_finite;
                missing[row] -= magnitude > (SIGNED)INFINITE;
                minimum[row] = NAME(least)(CHOOSE(is_finite, value, minimum[row]), minimum[row]);
                maximum[row] = NAME(most)(CHOOSE(is_finite, value, maximum[row]), maximum[row]);
                value = CHOOSE(is_finite, value, shift);
            } else {
                minimum[row] = NAME(least)(value, minimum[row]);
                maximum[row] = NAME(most)(value, maximum[row]);
            }
            reals deviation = value - shift;
            total[row] += deviation;
            squares[row] += deviation * deviation;
        }
    }
    for (size_t row = 0; row < rows; row++) {
        to->minimum[row] = minimum[row];
        to->maximum[row] = maximum[row];
        to->nonzero[row] += nonzero[row];
        to->missing[row] += missing[row];
        to->finite[row] += finite[row];
        NAME(widen)(&to->total, total[row]);
        NAME(widen)(&to->squares, squares[row]);
    }
}

/* Adds a block, whose last vector is filled up with a value that then is taken off again. */
INLINE void NAME(pass)(
    struct moments *found, sums *to, const element *data, size_t size, REAL near, int has_gaps) {
    reals shift = NAME(all)(near), low = NAME(all)((REAL)INFINITY), high = -low;
    memset(to, 0, sizeof *to);
    for (size_t row = 0; row < ROWS; row++) {
        to->minimum[row] = low;
        to->maximum[row] = high;
    }
    size_t left = size;
    while (left >= STRIPE) {
        size_t stripes = left / STRIPE < SUM / STRIPE ? left / STRIPE : SUM / STRIPE;
        NAME(add)(to, data, ROWS, stripes, shift, has_gaps);
        data += stripes * STRIPE;
        left -= stripes * STRIPE;
    }
    size_t whole = left / LANES;
    if (whole)
        NAME(add)(to, data, 1, whole, shift, has_gaps);
    data += whole * LANES;
    left -= whole * LANES;
    size_t filled = left ? LANES - left : 0;
    if (left) {
        reals last = has_gaps ? NAME(all)((REAL)NAN) : shift;
        memcpy(&last, data, left * sizeof *data);
        NAME(add)(to, (const element *)&last, 1, 1, shift, has_gaps);
    }
    for (size_t row = 1; row < ROWS; row++) {
        to->minimum[0] = NAME(least)(to->minimum[row], to->minimum[0]);
        to->maximum[0] = NAME(most)(to->maximum[row], to->maximum[0]);
        to->nonzero[0] += to->nonzero[row];
        to->missing[0] += to->missing[row];
        to->finite[0] += to->finite[row];
    }
    uint64_t nonzero = 0, missing = 0, finite = 0;
    REAL minimum = (REAL)INFINITY, maximum = -(REAL)INFINITY;
    for (size_t i = 0; i < LANES; i++) {
        minimum = to->minimum[0][i] < minimum ? to->minimum[0][i] : minimum;
        maximum = to->maximum[0][i] > maximum ? to->maximum[0][i] : maximum;
        nonzero += (uint64_t)to->nonzero[0][i];
        missing += (uint64_t)to->missing[0][i];
        finite += (uint64_t)to->finite[0][i];
    }
    found->count = size;
    found->zero = size - nonzero + (near != 0 || has_gaps ? filled : 0);
    found->missing = has_gaps ? missing - filled : 0;
    found->infinite = has_gaps ? size - finite - found->missing : 0;
    found->minimum = minimum;
    found->maximum = maximum;
}

/* Adds up a block again, in doubles of a unit: deviations whose squares leave the range of REAL. */
static __attribute__((noinline)) void NAME(add_wide)(sums *to, const element *data, size_t size, REAL near, int unit) {
    double scale = ldexp(1, -unit), middle = near * scale;
    reals shift = NAME(all)(near);
    doubles total = {0}, squares = {0};
    for (; size >= LANES; size -= LANES, data += LANES) {
        reals value = *(const reals *)data;
        flags magnitude = (flags)value & (SIGNED)~SIGN, finite = magnitude < (SIGNED)INFINITE;
        value = CHOOSE(finite, value, shift);
        part pieces[STEPS];
        memcpy(pieces, &value, sizeof pieces);
        for (size_t i = 0; i < STEPS; i++) {
            doubles deviation = __builtin_convertvector(pieces[i], doubles) * scale - middle;
            total += deviation;
            squares += deviation * deviation;
        }
    }
    for (; size; size--, data++) {
        double deviation = *data - *data == 0 ? *data * scale - middle : 0;
        total[0] += deviation;
        squares[0] += deviation * deviation;
    }
    to->total = total;
    to->squares = squares;
}

static inline double NAME(sum)(doubles some) {
    double result = 0;
    for (size_t i = 0; i < WIDE; i++)
        result += some[i];
    return result;
}

/* Returns the mean of a few values from all over a block, which lies between its extremes; 0 where it has none. */
static inline int NAME(near)(const element *data, size_t size, REAL *near) {
    size_t step = size < 8 ? 1 : size / 8, number = 0;
    double total = 0;
    REAL low = (REAL)INFINITY, high = -low;
    for (size_t i = 0; i < size && i < 8 * step; i += step) {
        REAL value = data[i];
        if (value - value != 0)
            continue;
        total += (double)value / 8;
        low = value < low ? value : low;
        high = value > high ? value : high;
        number++;
    }
    *near = 0;
    if (!number)
        return 0;
    REAL mean = (REAL)(total * (8.0 / (double)number));
    *near = mean < low ? low : mean > high ? high : mean;
    return 1;
}

/* Summarises a block. Squares about a shift that turns out to be far from the mean would cancel: then the block, which
 * is in the first-level cache, is added up again about its mean. */
static void NAME(block)(struct moments *found, const element *data, size_t size, int *has_gaps) {
    sums all;
    REAL near;
    *has_gaps |= !NAME(near)(data, size, &near);
    for (int turn = 0;; turn++) {
        if (*has_gaps)
            NAME(pass)(found, &all, data, size, near, 1);
        else
            NAME(pass)(found, &all, data, size, near, 0);
        double total = NAME(sum)(all.total), squares = NAME(sum)(all.squares);
        if (!*has_gaps && total - total != 0) {
            *has_gaps = 1;
            NAME(pass)(found, &all, data, size, near, 1);
            total = NAME(sum)(all.total);
            squares = NAME(sum)(all.squares);
        }
        uint64_t finite = finite_of(found);
        if (*has_gaps)
            *has_gaps = finite < size;
        if (!finite)
            return;
        double spread = found->maximum - found->minimum;
        int unit = unit_of(found->minimum, found->maximum);
        if (unit || !(squares <= DBL_MAX) || (sizeof(REAL) < sizeof(double) && spread > 0 && spread < 0x1p-40)) {
            NAME(add_wide)(&all, data, size, near, unit);
            total = NAME(sum)(all.total);
            squares = NAME(sum)(all.squares);
        }
        double offset = total / (double)finite, own = squares - total * offset;
        double mean = unit ? ldexp(ldexp(near, -unit) + offset, unit) : near + offset;
        mean = mean < found->minimum ? found->minimum : mean > found->maximum ? found->maximum : mean;
        found->mean = mean;
        found->squares = own > 0 ? own : 0;
        if (turn || own * 4 > squares || total == 0)
            return;
        near = (REAL)mean;
        if (near < found->minimum || near > found->maximum)
            return;
    }
}

static void NAME(summarise)(struct moments *to, const void *address, size_t size) {
    const char *data = address;
    int has_gaps = 0;
    while (size) {
        size_t number = size < BLOCK ? size : BLOCK;
        struct moments found;
        NAME(block)(&found, (const element *)data, number, &has_gaps);
        moments_add(to, &found);
        data += number * sizeof(REAL);
        size -= number;
    }
}
