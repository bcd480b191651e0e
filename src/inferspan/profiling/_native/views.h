/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of any type and strides, brought to the kernel as contiguous numbers. */
#ifndef INFERSPAN_VIEWS_H
#define INFERSPAN_VIEWS_H

#include <stddef.h>

#include "levels.h"

enum { MAX_AXES = 64 };

/* Elements of an array: size of them, along the axes that remain when those are joined that lie end to end. */
struct view {
    const char *data;
    enum type type;
    int is_swapped; /* has the other byte order */
    int axes;
    ptrdiff_t lengths[MAX_AXES], strides[MAX_AXES];
};

/* What values are added to: either of both. */
struct target {
    struct moments *moments;
    struct state *state;
    int with_moments; /* whether to those of the state */
};

/* Returns the number of elements. */
size_t view_size(const struct view *view);

/* Adds all elements. Returns whether there was memory for it. */
int view_add(const struct level *level, const struct view *view, struct target to);

/* Adds each column of the last axis to a target of its own, the next one `columns` times. Targets are as many moments
 * in a row, or states. */
int view_add_columns(const struct level *level, const struct view *view, struct target to);

#endif
