/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel, compiled once for each instruction level. */
#ifndef INFERSPAN_LEVELS_H
#define INFERSPAN_LEVELS_H

#include <stddef.h>

#include "state.h"

/* Types of elements. The first two are computed with as they are, the others converted to one of them before. */
enum type { FLOAT32, FLOAT64, FLOAT16, BFLOAT16, BOOLEAN, INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64, TYPES };

static const unsigned char SIZE_OF[TYPES] = {4, 8, 2, 2, 1, 1, 1, 2, 2, 4, 4, 8, 8};

/* What elements of a type are computed with. */
static inline enum type computed_as(enum type type) {
    return type == FLOAT64 || type >= INT32 ? FLOAT64 : FLOAT32;
}

/* Functions take contiguous elements at any address; those of arrays are of FLOAT32 and FLOAT64. */
struct level {
    const char *name;
    void (*summarise[2])(struct moments *to, const void *data, size_t size);
    void (*tally[2])(struct state *to, const void *data, size_t size, int with_moments);
    void (*convert[TYPES])(void *to, const void *from, size_t size);
};

/* Those that were compiled, best first; the last one runs everywhere. NULL ends them. */
extern const struct level *const LEVELS[];

/* The level of the shortest vectors, for so few elements that setting up and adding up longer ones takes longer. */
extern const struct level *const LEVEL_OF_FEW;
enum { FEW_ELEMENTS = 64 };

/* Returns whether this processor and its operating system can run a level. */
int level_runs(const struct level *level);

#endif
