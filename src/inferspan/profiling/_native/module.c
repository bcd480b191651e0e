/* SPDX-License-Identifier: Apache-2.0 */
/* The Python module `inferspan.profiling._compiled`. Within the limited API of Python 3.10, which has no buffers: data
 * are bytes, or arrays by numpy's protocol `__array_struct__`.
 *
 * Nothing here is changed after the import but the choice of a level, so that threads may call it at the same time;
 * a block of states is guarded by its owner.
 */
#include <Python.h>
#include <stddef.h>
#include <string.h>

#include "views.h"

/* Larger data are read without the interpreter lock, in bytes. */
#define LARGE 32768

/* Fields of `inferspan.profiling._moments.Moments`, in the order of `results_of`. */
enum { FIELDS = 10 };
static const char *const FIELD_NAMES[FIELDS] = {
    "count", "missing", "infinite", "zero", "minimum", "maximum", "mean", "standard_deviation", "sample", "is_sorted"};

struct module {
    PyObject *moments;        /* the class */
    PyObject *fields[FIELDS]; /* its slots, and how they are set */
    descrsetfunc set[FIELDS];
    PyObject *block, *array_struct;
};

static const struct level *chosen;

/* https://numpy.org/doc/stable/reference/arrays.interface.html#c-struct-access */
struct array_interface {
    int two, nd;
    char typekind;
    int itemsize, flags;
    Py_intptr_t *shape, *strides;
    void *data;
    PyObject *descr;
};

/* -- arguments ---------------------------------------------------------------------------------------------------- */

static int has_length(PyObject *const *arguments, Py_ssize_t given, Py_ssize_t expected) {
    (void)arguments;
    if (given != expected)
        PyErr_Format(PyExc_TypeError, "%zd arguments are expected, not %zd", expected, given);
    return given == expected;
}

static int read_layout(PyObject *text, enum type *type, int *is_swapped) {
    static const struct {
        char kind, width;
        enum type type;
    } KNOWN[] = {{'f', '4', FLOAT32}, {'f', '8', FLOAT64}, {'f', '2', FLOAT16}, {'b', '1', BOOLEAN}, {'i', '1', INT8},
                 {'u', '1', UINT8},   {'i', '2', INT16},   {'u', '2', UINT16},  {'i', '4', INT32},   {'u', '4', UINT32},
                 {'i', '8', INT64},   {'u', '8', UINT64}};
    Py_ssize_t length;
    const char *layout = PyUnicode_AsUTF8AndSize(text, &length);
    if (!layout)
        return 0;
    *is_swapped = 0;
    if (length == 3) {
        *is_swapped = layout[0] == (PY_LITTLE_ENDIAN ? '>' : '<');
        for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
            if (layout[1] == KNOWN[i].kind && layout[2] == KNOWN[i].width) {
                *type = KNOWN[i].type;
                return 1;
            }
    } else if (!strcmp(layout, "bfloat16")) {
        *type = BFLOAT16;
        return 1;
    }
    PyErr_Format(PyExc_ValueError, "%R is no layout that is profiled", text);
    return 0;
}

static int read_array(const struct module *module, PyObject *data, struct view *view, PyObject **held) {
    *held = PyObject_GetAttr(data, module->array_struct);
    if (!*held)
        return 0;
    struct array_interface *array = PyCapsule_GetPointer(*held, NULL);
    if (!array)
        return 0;
    if (array->two != 2 || array->itemsize != SIZE_OF[view->type] || array->nd > MAX_AXES) {
        PyErr_SetString(PyExc_ValueError, "the array is not of this layout");
        return 0;
    }
    view->data = array->data;
    view->axes = array->nd;
    for (int axis = 0; axis < array->nd; axis++) {
        view->lengths[axis] = array->shape[axis];
        view->strides[axis] = array->strides[axis];
    }
    if (!array->nd) {
        view->axes = 1;
        view->lengths[0] = 1;
        view->strides[0] = array->itemsize;
    }
    return 1;
}

/* Reads data and its layout; `held` is what has to be given up when it has been read, or NULL. */
static int read_data(const struct module *module, PyObject *data, PyObject *layout, Py_ssize_t columns,
                     struct view *view, PyObject **held) {
    *held = NULL;
    if (!read_layout(layout, &view->type, &view->is_swapped))
        return 0;
    if (PyBytes_Check(data)) {
        char *bytes;
        Py_ssize_t length, width = SIZE_OF[view->type];
        if (PyBytes_AsStringAndSize(data, &bytes, &length))
            return 0;
        if (length % width) {
            PyErr_SetString(PyExc_ValueError, "the bytes are not of this layout");
            return 0;
        }
        view->data = bytes;
        view->axes = 1;
        view->lengths[0] = length / width;
        view->strides[0] = width;
    } else if (!read_array(module, data, view, held)) {
        return 0;
    }
    Py_ssize_t *last = &view->lengths[view->axes - 1];
    if (!columns || (*last == columns && view->axes > 1))
        return 1;
    if (columns < 0 || view->axes > 1 || *last % columns) {
        PyErr_SetString(PyExc_ValueError, "the last axis has another length");
        return 0;
    }
    view->axes = 2;
    view->lengths[1] = columns;
    view->strides[1] = view->strides[0];
    view->lengths[0] /= columns;
    view->strides[0] *= columns;
    return 1;
}

static int add(const struct view *view, Py_ssize_t columns, struct target to) {
    int has_memory;
    PyThreadState *thread = NULL;
    if (view_size(view) * SIZE_OF[view->type] > LARGE)
        thread = PyEval_SaveThread();
    has_memory = columns ? view_add_columns(chosen, view, to) : view_add(chosen, view, to);
    if (thread)
        PyEval_RestoreThread(thread);
    if (!has_memory)
        PyErr_NoMemory();
    return has_memory;
}

/* -- moments ------------------------------------------------------------------------------------------------------ */

static PyObject *none(void) {
    Py_INCREF(Py_None);
    return Py_None;
}

/* Makes a Moments without a call of its constructor, which would cost more than the kernel. */
static PyObject *result_of(const struct module *module, const struct moments *some) {
    PyObject *result = PyType_GenericAlloc((PyTypeObject *)module->moments, 0);
    if (!result)
        return NULL;
    int has_values = finite_of(some) > 0;
    PyObject *values[FIELDS] = {
        PyLong_FromUnsignedLongLong(some->count),
        PyLong_FromUnsignedLongLong(some->missing),
        PyLong_FromUnsignedLongLong(some->infinite),
        PyLong_FromUnsignedLongLong(some->zero),
        has_values ? PyFloat_FromDouble(some->minimum) : none(),
        has_values ? PyFloat_FromDouble(some->maximum) : none(),
        has_values ? PyFloat_FromDouble(some->mean) : none(),
        has_values ? PyFloat_FromDouble(moments_deviation(some)) : none(),
        none(),
        PyBool_FromLong(0),
    };
    for (int i = 0; i < FIELDS; i++) {
        if (result && (!values[i] || module->set[i](module->fields[i], result, values[i])))
            Py_CLEAR(result);
        Py_XDECREF(values[i]);
    }
    return result;
}

static PyObject *list_of(const struct module *module, const struct moments *found, Py_ssize_t size) {
    PyObject *list = PyList_New(size);
    for (Py_ssize_t i = 0; list && i < size; i++) {
        PyObject *one = result_of(module, &found[i]);
        if (!one || PyList_SetItem(list, i, one))
            Py_CLEAR(list);
    }
    return list;
}

PyDoc_STRVAR(moments_doc, "moments(data, layout, columns)\n--\n\nReturns a list of Moments.");

static PyObject *moments(PyObject *self, PyObject *const *arguments, Py_ssize_t given) {
    const struct module *module = PyModule_GetState(self);
    if (!has_length(arguments, given, 3))
        return NULL;
    Py_ssize_t columns = PyLong_AsSsize_t(arguments[2]);
    if (columns == -1 && PyErr_Occurred())
        return NULL;
    struct view view;
    PyObject *held, *result = NULL;
    struct moments few[32], *found = few;
    size_t size = columns > 0 ? (size_t)columns : 1;
    if (read_data(module, arguments[0], arguments[1], columns, &view, &held)) {
        if (size > sizeof few / sizeof *few)
            found = PyMem_Malloc(size * sizeof *found);
        if (found) {
            memset(found, 0, size * sizeof *found);
            if (add(&view, columns, (struct target){.moments = found}))
                result = list_of(module, found, (Py_ssize_t)size);
        } else {
            PyErr_NoMemory();
        }
    }
    if (found != few)
        PyMem_Free(found);
    Py_XDECREF(held);
    return result;
}

/* -- states ------------------------------------------------------------------------------------------------------- */

/* Adds to the fields of a block from `first` on. */
static PyObject *add_to_states(const struct module *module, PyObject *states, PyObject *data, PyObject *layout,
                               PyObject *first, Py_ssize_t columns, int with_moments) {
    Py_ssize_t index = PyLong_AsSsize_t(first);
    if (index == -1 && PyErr_Occurred())
        return NULL;
    PyObject *block = PyObject_GetAttr(states, module->block), *held = NULL, *result = NULL;
    struct view view;
    if (!block)
        return NULL;
    if (!PyByteArray_Check(block)) {
        PyErr_SetString(PyExc_TypeError, "a block is a bytearray");
    } else if (read_data(module, data, layout, columns, &view, &held)) {
        Py_ssize_t fields = PyByteArray_Size(block) / (Py_ssize_t)sizeof(struct state);
        Py_ssize_t needed = columns ? columns : 1;
        if (index < 0 || needed > fields || index > fields - needed) {
            PyErr_Format(PyExc_IndexError, "there are %zd fields, and no field %zd", fields, index + needed - 1);
        } else {
            struct state *state = (struct state *)(void *)PyByteArray_AsString(block);
            if (add(&view, columns, (struct target){.state = state + index, .with_moments = with_moments}))
                result = none();
        }
    }
    Py_XDECREF(held);
    Py_DECREF(block);
    return result;
}

PyDoc_STRVAR(accumulate_doc, "accumulate(states, data, layout, first, columns)\n--\n\nAdds values to fields.");

static PyObject *accumulate(PyObject *self, PyObject *const *arguments, Py_ssize_t given) {
    if (!has_length(arguments, given, 5))
        return NULL;
    Py_ssize_t columns = PyLong_AsSsize_t(arguments[4]);
    if (columns == -1 && PyErr_Occurred())
        return NULL;
    return add_to_states(PyModule_GetState(self), arguments[0], arguments[1], arguments[2], arguments[3], columns, 1);
}

PyDoc_STRVAR(distribute_doc, "distribute(states, index, data, layout)\n--\n\nAdds values to a field's histogram.");

static PyObject *distribute(PyObject *self, PyObject *const *arguments, Py_ssize_t given) {
    if (!has_length(arguments, given, 4))
        return NULL;
    return add_to_states(PyModule_GetState(self), arguments[0], arguments[2], arguments[3], arguments[1], 0, 0);
}

/* -- the module --------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(levels_doc, "levels()\n--\n\nReturns the instruction levels that run here, best first.");

static PyObject *levels(PyObject *self, PyObject *ignored) {
    (void)self, (void)ignored;
    PyObject *list = PyList_New(0);
    for (int i = 0; list && LEVELS[i]; i++) {
        if (!level_runs(LEVELS[i]))
            continue;
        PyObject *name = PyUnicode_FromString(LEVELS[i]->name);
        if (!name || PyList_Append(list, name))
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

PyDoc_STRVAR(choose_doc, "choose(level)\n--\n\nUses a level for all calls: for tests. The best one is chosen at import.");

static PyObject *choose(PyObject *self, PyObject *name) {
    (void)self;
    const char *wanted = PyUnicode_AsUTF8AndSize(name, NULL);
    if (!wanted)
        return NULL;
    for (int i = 0; LEVELS[i]; i++)
        if (!strcmp(LEVELS[i]->name, wanted) && level_runs(LEVELS[i])) {
            chosen = LEVELS[i];
            return none();
        }
    return PyErr_Format(PyExc_ValueError, "no level %R runs here", name);
}

PyDoc_STRVAR(level_doc, "level()\n--\n\nReturns the level in use.");

static PyObject *level(PyObject *self, PyObject *ignored) {
    (void)self, (void)ignored;
    return PyUnicode_FromString(chosen->name);
}

#define FAST(function) {#function, (PyCFunction)(void (*)(void))function, METH_FASTCALL, function##_doc}

static PyMethodDef methods[] = {
    FAST(moments),
    FAST(accumulate),
    FAST(distribute),
    {"levels", levels, METH_NOARGS, levels_doc},
    {"level", level, METH_NOARGS, level_doc},
    {"choose", choose, METH_O, choose_doc},
    {0},
};

static int execute(PyObject *self) {
    struct module *module = PyModule_GetState(self);
    for (int i = 0; !chosen; i++)
        if (level_runs(LEVELS[i]))
            chosen = LEVELS[i];
    module->block = PyUnicode_InternFromString("block");
    module->array_struct = PyUnicode_InternFromString("__array_struct__");
    PyObject *home = PyImport_ImportModule("inferspan.profiling._moments");
    if (home) {
        module->moments = PyObject_GetAttrString(home, "Moments");
        Py_DECREF(home);
    }
    if (!module->block || !module->array_struct || !module->moments)
        return -1;
    for (int i = 0; i < FIELDS; i++) {
        module->fields[i] = PyObject_GetAttrString(module->moments, FIELD_NAMES[i]);
        if (!module->fields[i])
            return -1;
        module->set[i] = (descrsetfunc)PyType_GetSlot(Py_TYPE(module->fields[i]), Py_tp_descr_set);
        if (!module->set[i]) {
            PyErr_SetString(PyExc_TypeError, "Moments has another slot");
            return -1;
        }
    }
    return 0;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
    struct module *module = PyModule_GetState(self);
    Py_VISIT(module->moments);
    for (int i = 0; i < FIELDS; i++)
        Py_VISIT(module->fields[i]);
    return 0;
}

static int clear(PyObject *self) {
    struct module *module = PyModule_GetState(self);
    Py_CLEAR(module->moments);
    Py_CLEAR(module->block);
    Py_CLEAR(module->array_struct);
    for (int i = 0; i < FIELDS; i++)
        Py_CLEAR(module->fields[i]);
    return 0;
}

static void release(void *self) { clear(self); }

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "The native kernel.",
    .m_size = sizeof(struct module),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = release,
};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModuleDef_Init(&definition); }
