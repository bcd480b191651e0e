/* SPDX-License-Identifier: Apache-2.0 */
#include "views.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 4096,       /* elements that are converted at a time: they stay in the first-level cache */
    RUN = 512,          /* so many contiguous elements in a row are not copied */
    TOGETHER = 8,       /* columns that are taken out of rows at a time */
    PITCH_EXTRA = 64,   /* bytes, so that places of columns do not fall on one another in a cache */
    COLUMN = 8192,      /* bytes of a column that is taken out */
};

size_t view_size(const struct view *view) {
    size_t size = 1;
    for (int axis = 0; axis < view->axes; axis++)
        size *= (size_t)view->lengths[axis];
    return size;
}

/* Orders axes by stride, the widest first, all of them upwards, and joins those that lie end to end: in which order
 * values are added makes no difference. */
static void join_axes(struct view *view) {
    int axes = 0;
    for (int axis = 0; axis < view->axes; axis++) {
        ptrdiff_t length = view->lengths[axis], stride = view->strides[axis];
        if (length == 1)
            continue;
        if (stride < 0) {
            view->data += (length - 1) * stride;
            stride = -stride;
        }
        int place = axes++;
        for (; place && view->strides[place - 1] < stride; place--) {
            view->lengths[place] = view->lengths[place - 1];
            view->strides[place] = view->strides[place - 1];
        }
        view->lengths[place] = length;
        view->strides[place] = stride;
    }
    if (!axes) {
        view->lengths[0] = 1;
        view->strides[0] = SIZE_OF[view->type];
        axes = 1;
    }
    int last = 0;
    for (int axis = 1; axis < axes; axis++) {
        if (view->strides[last] == view->lengths[axis] * view->strides[axis]) {
            view->lengths[last] *= view->lengths[axis];
        } else {
            view->lengths[++last] = view->lengths[axis];
        }
        view->strides[last] = view->strides[axis];
    }
    view->axes = last + 1;
}

static void swap_bytes(char *data, size_t size, size_t width) {
    for (size_t i = 0; i < size; i++, data += width)
        for (size_t j = 0; j < width / 2; j++) {
            char other = data[j];
            data[j] = data[width - 1 - j];
            data[width - 1 - j] = other;
        }
}

/* Adds contiguous elements of native byte order; `room` is for PIECE doubles. */
static void add_contiguous(const struct level *level, const void *data, size_t size, enum type type, struct target to,
                           void *room) {
    int is_double = computed_as(type) == FLOAT64;
    const char *place = data;
    if (size <= FEW_ELEMENTS)
        level = LEVEL_OF_FEW;
    while (size) {
        const void *numbers = place;
        size_t number = size;
        if (level->convert[type]) {
            number = size < PIECE ? size : PIECE;
            level->convert[type](room, place, number);
            numbers = room;
        }
        if (to.state)
            level->tally[is_double](to.state, numbers, number, to.with_moments);
        else
            level->summarise[is_double](to.moments, numbers, number);
        place += number * SIZE_OF[type];
        size -= number;
    }
}

static inline void copy_strided(char *to, const char *from, size_t size, ptrdiff_t stride, size_t width) {
    for (size_t i = 0; i < size; i++, to += width, from += stride)
        memcpy(to, from, width);
}

static void gather(char *to, const char *from, size_t size, ptrdiff_t stride, size_t width) {
    if (stride == (ptrdiff_t)width)
        memcpy(to, from, size * width);
    else if (width == 1)
        copy_strided(to, from, size, stride, 1);
    else if (width == 2)
        copy_strided(to, from, size, stride, 2);
    else if (width == 4)
        copy_strided(to, from, size, stride, 4);
    else
        copy_strided(to, from, size, stride, 8);
}

/* Goes on to the next place along some axes, the last one fastest. */
static void advance(const struct view *view, int axes, ptrdiff_t *at, const char **place) {
    for (int axis = axes - 1; axis >= 0; axis--) {
        *place += view->strides[axis];
        if (++at[axis] < view->lengths[axis])
            return;
        *place -= at[axis] * view->strides[axis];
        at[axis] = 0;
    }
}

static int is_ready(const struct view *view, int axis) {
    return view->strides[axis] == SIZE_OF[view->type] && !view->is_swapped;
}

int view_add(const struct level *level, const struct view *source, struct target to) {
    double few[256];
    if (source->axes == 1 && is_ready(source, 0) &&
        (!level->convert[source->type] || source->lengths[0] <= (ptrdiff_t)(sizeof few / sizeof *few))) {
        add_contiguous(level, source->data, (size_t)source->lengths[0], source->type, to, few);
        return 1;
    }
    struct view view = *source;
    join_axes(&view);
    size_t width = SIZE_OF[view.type], size = view_size(&view);
    int inner = view.axes - 1;
    if (!size)
        return 1;
    double *room = malloc(2 * PIECE * sizeof *room);
    if (!room)
        return 0;
    char *gathered = (char *)(room + PIECE);
    size_t length = (size_t)view.lengths[inner], waiting = 0;
    ptrdiff_t at[MAX_AXES] = {0};
    const char *place = view.data;
    for (size_t runs = size / length; runs; runs--) {
        if (is_ready(&view, inner) && length >= RUN) {
            add_contiguous(level, place, length, view.type, to, room);
        } else {
            for (size_t done = 0, number; done < length; done += number) {
                number = length - done < PIECE - waiting ? length - done : PIECE - waiting;
                gather(gathered + waiting * width, place + (ptrdiff_t)done * view.strides[inner], number,
                       view.strides[inner], width);
                waiting += number;
                if (waiting == PIECE || (runs == 1 && done + number == length)) {
                    if (view.is_swapped)
                        swap_bytes(gathered, waiting, width);
                    add_contiguous(level, gathered, waiting, view.type, to, room);
                    waiting = 0;
                }
            }
        }
        advance(&view, inner, at, &place);
    }
    free(room);
    return 1;
}

static struct target target_of(struct target to, size_t column) {
    if (to.state)
        to.state += column;
    else
        to.moments += column;
    return to;
}

static inline void copy_apart(char *to, size_t pitch, const char *row, size_t columns, ptrdiff_t stride, size_t width) {
    for (size_t i = 0; i < columns; i++)
        memcpy(to + i * pitch, row + (ptrdiff_t)i * stride, width);
}

/* Copies some columns of a row to where each is gathered. Copies of a known length and number are fast. */
static void take_apart(char *to, size_t pitch, const char *row, size_t columns, ptrdiff_t stride, size_t width) {
    if (width == 8 && columns == TOGETHER)
        copy_apart(to, pitch, row, TOGETHER, stride, 8);
    else if (width == 4 && columns == TOGETHER)
        copy_apart(to, pitch, row, TOGETHER, stride, 4);
    else if (width == 8)
        copy_apart(to, pitch, row, columns, stride, 8);
    else if (width == 4)
        copy_apart(to, pitch, row, columns, stride, 4);
    else if (width == 2)
        copy_apart(to, pitch, row, columns, stride, 2);
    else
        copy_apart(to, pitch, row, columns, stride, 1);
}

int view_add_columns(const struct level *level, const struct view *source, struct target to) {
    struct view view = *source;
    size_t columns = (size_t)view.lengths[view.axes - 1], width = SIZE_OF[view.type];
    ptrdiff_t stride = view.strides[view.axes - 1];
    struct view rows = view;
    rows.axes--;
    if (!columns || !view_size(&view))
        return 1;
    join_axes(&rows);
    size_t size = view_size(&rows);
    if (rows.axes == 1 && is_ready(&rows, 0)) { /* columns lie in memory one after the other */
        double *room = malloc(PIECE * sizeof *room);
        if (!room)
            return 0;
        for (size_t column = 0; column < columns; column++)
            add_contiguous(level, rows.data + (ptrdiff_t)column * stride, size, view.type, target_of(to, column), room);
        free(room);
        return 1;
    }
    size_t most = COLUMN / width < PIECE ? COLUMN / width : PIECE, number = size < most ? size : most;
    size_t pitch = number * width + PITCH_EXTRA;
    size_t together = columns < TOGETHER ? columns : TOGETHER;
    size_t converted = level->convert[view.type] ? number * sizeof(double) : 0;
    char *memory = malloc(together * pitch + converted + number * sizeof(char *));
    if (!memory)
        return 0;
    const char **starts = (const char **)(void *)memory;
    void *room = memory + number * sizeof(char *);
    char *apart = (char *)room + converted;
    ptrdiff_t at[MAX_AXES] = {0};
    const char *place = rows.data;
    for (size_t done = 0; done < size; done += number) {
        number = size - done < number ? size - done : number;
        for (size_t row = 0; row < number; row++) {
            starts[row] = place;
            advance(&rows, rows.axes, at, &place);
        }
        for (size_t column = 0; column < columns; column += together) {
            ptrdiff_t from = (ptrdiff_t)column * stride;
            size_t taken = columns - column < together ? columns - column : together;
            for (size_t row = 0; row < number; row++)
                take_apart(apart + row * width, pitch, starts[row] + from, taken, stride, width);
            for (size_t i = 0; i < taken; i++) {
                if (view.is_swapped)
                    swap_bytes(apart + i * pitch, number, width);
                add_contiguous(level, apart + i * pitch, number, view.type, target_of(to, column + i), room);
            }
        }
    }
    free(memory);
    return 1;
}
