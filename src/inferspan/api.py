# SPDX-License-Identifier: Apache-2.0
"""The public API for what no instrumentor knows: any model, any call, local or remote."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import wrapt
from opentelemetry.context import Context, get_current

from inferspan import config, faults, identity, pipeline
from inferspan.identity import Model
from inferspan.lifecycle import Inference
from inferspan.recorder import Endpoint, Recorder
from inferspan.semconv.attributes import SystemName
from inferspan.streams import streaming, streaming_async

SCOPE = "inferspan.api"

_F = TypeVar("_F", bound=Callable[..., Any])
_recorder: Recorder | None = None


_METHOD_KINDS: tuple[Any, ...] = (classmethod, staticmethod)


def _not_compiling() -> bool:
    return False


#: Whether the code that runs is being traced by a compiler: torch's own answer, once the application has imported
#: torch; the compiler folds it into a constant.
_is_compiling: Callable[[], bool] = _not_compiling


def _ask_torch(torch: Any) -> None:
    global _is_compiling
    try:
        _is_compiling = torch.compiler.is_compiling
    except Exception:
        faults.caught("api")


wrapt.register_post_import_hook(_ask_torch, "torch")


class Call:
    """An inference described by the application: a context manager, and a decorator.

    As a context manager it ends with its block, with the error that leaves it. It works in coroutines as well. As a
    decorator it makes each call of the function an inference, with the arguments as inputs and the result as output;
    coroutines, generators and asynchronous generators end when they do.

    One object may be entered again and again, by several threads and tasks at a time.
    """

    __slots__ = ("_entered", "_model", "_options")

    def __init__(self, model: object, options: dict[str, Any]) -> None:
        self._model = model
        self._options = options
        #: The blocks that are being executed, each with the context that it was entered with; by ``id``.
        self._entered: dict[int, tuple[Context, Inference | None]] = {}

    def __enter__(self) -> Call:
        call = _start(self._model, self._options, {})
        block = (get_current(), call)
        self._entered[id(block)] = block
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block = self._innermost()
        if block is None:
            return
        self._entered.pop(id(block), None)
        _, call = block
        if call is None:
            return
        if error is None:
            call.succeed()
        else:
            call.fail(error)

    def _innermost(self) -> tuple[Context, Inference | None] | None:
        """Returns the block that this thread or task is in: where there are several, its context tells."""
        blocks = list(self._entered.values())
        if len(blocks) > 1:
            here = get_current()
            blocks = [block for block in blocks if block[0] is here] or blocks
        return blocks[-1] if blocks else None

    def inputs(self, *values: Any, **named: Any) -> None:
        """Says what the model is given. Call it before the model runs: models change their inputs in place.

        Args:
            *values: arrays, tensors, numbers, or lists, tuples and dicts of such; a dict names its fields.
            **named: the same, by name.
        """
        self._add(Inference.add_inputs, values, named, "input")

    def outputs(self, *values: Any, **named: Any) -> None:
        """Says what the model has returned; as `inputs`."""
        self._add(Inference.add_outputs, values, named, "output")

    def headers(self, existing: Mapping[str, str] | None = None) -> dict[str, str]:
        """Returns a copy of a request's headers with the trace context, for a server to continue the trace.

        Args:
            existing: headers that the request has anyway.
        """
        block = self._innermost()
        try:
            if block is not None and block[1] is not None:
                return block[1].headers(existing or {})
        except Exception:
            faults.caught("propagation")
        return dict(existing or {})

    def _add(
        self, add: Callable[[Inference, Mapping[str, Any]], None], values: Any, named: Mapping[str, Any], default: str
    ) -> None:
        block = self._innermost()
        if block is None or block[1] is None:
            return
        try:
            add(block[1], _by_name(values, named, default))
        except Exception:
            faults.caught("profile")

    def __call__(self, function: _F) -> _F:
        """Decorates a function, or what ``classmethod`` or ``staticmethod`` has made of one."""
        return _decorate(function, self._model, self._options)


class _NoCall:
    """What an inference is where code is being compiled: nothing, and nothing to trace."""

    def __enter__(self) -> _NoCall:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def inputs(self, *values: Any, **named: Any) -> None:
        """Ignores what it is told."""

    def outputs(self, *values: Any, **named: Any) -> None:
        """Ignores what it is told."""

    def headers(self, existing: Mapping[str, str] | None = None) -> dict[str, str]:
        """Adds nothing."""
        return dict(existing or {})

    def __call__(self, function: Any) -> Any:
        """Leaves the function as it is."""
        return function


_NO_CALL: Any = _NoCall()


def inference(
    model: object,
    *,
    version: str | None = None,
    system: str = SystemName.OTHER,
    server: str | None = None,
    port: int | None = None,
) -> Call:
    """Records an inference that no instrumentor knows.

    ::

        with inferspan.inference(model="fraud", version="3") as call:
            call.inputs(features)
            scores = my_model(features)
            call.outputs(scores)

        @inferspan.inference(model="fraud", version="3")
        def score(features): ...

    Args:
        model: its name, or the model itself, whose name is what ``describe()`` said of it, or its class.
        version: of the model.
        system: the runtime or server, one of ``semconv.attributes.SystemName`` or a name of your own of low
            cardinality.
        server: host name of the server that runs the model: makes the span one of kind CLIENT.
        port: its TCP port.
    """
    if _is_compiling():
        return _NO_CALL
    return Call(model, {"version": version, "system": system, "server": server, "port": port})


def _start(
    model: object, options: Mapping[str, Any], inputs: Mapping[str, Any], *, attach: bool = True
) -> Inference | None:
    global _recorder
    try:
        recorder = _recorder
        if recorder is None:
            recorder = _recorder = pipeline.recorder(SCOPE, system=SystemName.OTHER)
        if not recorder.ready():
            return None
        server = options["server"]
        return recorder.start(
            lambda: _model(model, options["version"]),
            inputs=inputs,
            system=options["system"],
            endpoint=None if server is None else Endpoint(address=server, port=options["port"]),
            attach=attach,
        )
    except RecursionError:  # the application's, which happens to meet its end here
        return None
    except Exception:
        faults.caught("api")
        return None


def _model(model: object, version: str | None) -> Model:
    if isinstance(model, str):
        return identity.named(model, version)
    found = identity.of_object(model, mapping=config.in_force.models)
    return found if version is None else identity.named(found.name, version)


def _by_name(values: tuple[Any, ...], named: Mapping[str, Any], default: str) -> Mapping[str, Any]:
    if not values:
        return named
    if len(values) == 1:
        # A dict's keys are the fields' names; anything else is one input.
        return {**values[0], **named} if type(values[0]) is dict else {default: values[0], **named}
    return {**{f"{default}.{index}": value for index, value in enumerate(values)}, **named}


def _decorate(function: Any, model: object, options: dict[str, Any]) -> Any:
    for kind in _METHOD_KINDS:
        if type(function) is kind:
            return kind(_decorate(function.__func__, model, options))
    names = _parameters(function)

    def begin(args: Any, kwargs: Any, *, attach: bool = True) -> Inference | None:
        return _start(model, options, _arguments(names, args, kwargs), attach=attach)

    # Each kind of function stays one of its kind: frameworks look at that.
    wrap = functools.wraps(function)
    if inspect.isasyncgenfunction(function):
        return wrap(streaming_async(functools.partial(begin, attach=False), function))
    if inspect.isgeneratorfunction(function):
        return wrap(streaming(functools.partial(begin, attach=False), function))
    if inspect.iscoroutinefunction(function):

        @wrap
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            call = begin(args, kwargs)
            if call is None:
                return await function(*args, **kwargs)
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
            call.succeed({"output": result})
            return result

        return awaited

    @wrap
    def called(*args: Any, **kwargs: Any) -> Any:
        if _is_compiling():
            return function(*args, **kwargs)
        call = begin(args, kwargs)
        if call is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.succeed({"output": result})
        return result

    return called


def _parameters(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _arguments(names: list[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Names the arguments of a call; the object or class that a method belongs to is none of its inputs."""
    named = {names[index] if index < len(names) else f"input.{index}": value for index, value in enumerate(args)}
    named.update(kwargs)
    if names and names[0] in ("self", "cls"):
        named.pop(names[0], None)
    return named
