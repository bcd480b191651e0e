# SPDX-License-Identifier: Apache-2.0
"""The public API for what no instrumentor knows: any model, any call, local or remote."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import wrapt
from opentelemetry.context import attach, get_current

from inferspan import contexts, faults, identity, pipeline
from inferspan.blocks import Blocks, decorated
from inferspan.identity import Model
from inferspan.lifecycle import ACTIVITY, Inference
from inferspan.recorder import Endpoint, Recorder
from inferspan.recording import batches, skips
from inferspan.recording.batches import Batch, Token
from inferspan.recording.labels import Labelling
from inferspan.semconv.attributes import SelfSkipReason, SystemName
from inferspan.stages import Stage
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

    __slots__ = ("_blocks", "_model", "_options")

    def __init__(self, model: object, options: dict[str, Any]) -> None:
        self._model = model
        self._options = options
        self._blocks: Blocks[Inference | None] = Blocks()

    def __enter__(self) -> Call:
        self._blocks.enter(_start(self._model, self._options, {}))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        call = self._blocks.leave()
        if call is None:
            return
        if error is None:
            call.succeed()
        else:
            call.fail(error)

    @property
    def id(self) -> str | None:
        """The inference's identifier, as `current_id` returns it inside the block; None outside of one."""
        call = self._blocks.current()
        return None if call is None else call.id

    def inputs(self, *values: Any, **named: Any) -> None:
        """Says what the model is given. Call it before the model runs: models change their inputs in place.

        Args:
            *values: arrays, tensors, numbers, or lists, tuples and dicts of such; a dict names its fields, as a frame
                and a list of records do.
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
        call = self._blocks.current()
        try:
            if call is not None:
                return call.headers(existing or {})
        except Exception:
            faults.caught("propagation")
        return dict(existing or {})

    def _add(
        self, add: Callable[[Inference, Mapping[str, Any]], None], values: Any, named: Mapping[str, Any], default: str
    ) -> None:
        call = self._blocks.current()
        if call is None:
            return
        try:
            add(call, _by_name(values, named, default))
        except Exception:
            faults.caught("profile")

    def __call__(self, function: _F) -> _F:
        """Decorates a function, or what ``classmethod`` or ``staticmethod`` has made of one."""
        return _decorate(function, self._model, self._options)


class Step:
    """A step around a model, described by the application: a context manager, and a decorator.

    One object may be entered again and again, by several threads and tasks at a time.
    """

    __slots__ = ("_blocks", "_model", "_name")

    def __init__(self, name: str, model: str | None) -> None:
        self._name = name
        self._model = model
        self._blocks: Blocks[Stage | None] = Blocks()

    def __enter__(self) -> Step:
        self._blocks.enter(_start_stage(self._name, self._model))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        step = self._blocks.leave()
        if step is not None:
            step.end(error)

    def __call__(self, function: _F) -> _F:
        """Decorates a function, or a coroutine function: each of its calls is a stage."""
        return decorated(function, lambda: self)


class _NoCall:
    """What an inference is where code is being compiled: nothing, and nothing to trace."""

    id: str | None = None

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


def _recorder_of_api() -> Recorder:
    global _recorder
    if _recorder is None:
        _recorder = pipeline.recorder(SCOPE, system=SystemName.OTHER)
    return _recorder


def _start(
    model: object, options: Mapping[str, Any], inputs: Mapping[str, Any], *, attach: bool = True
) -> Inference | None:
    try:
        recorder = _recorder_of_api()
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


def stage(name: str, *, model: str | None = None) -> Step:
    """Records a step around a model: the preparation of its input, what is done with its output.

    ::

        with inferspan.stage("preprocess"):
            batch = resize(images)

        @inferspan.stage("postprocess")
        def decode(logits): ...

    Its duration is a histogram, ``inferspan.stage.duration``; inside a sampled trace it is a child span as well.

    Args:
        name: of low cardinality.
        model: the name of the model that the step belongs to, where several share its name.
    """
    return _NO_CALL if _is_compiling() else Step(name, model)


def profile(data: Any, *, entity: str) -> None:
    """Profiles data that belongs to no inference, so that monitoring can begin where the pipeline begins.

    ::

        inferspan.profile(features, entity="features.v2")

    It goes into the windows of its entity, which say the same as those of a model: counts, moments and distribution of
    each column. All of it is read, at once and on this thread, within the setting ``profile_max_elements`` and outside
    the budget, which is for inferences.

    Args:
        data: a frame of pandas, polars or pyarrow; a numpy array or a torch tensor, rows first; a dict of columns; a
            list of records.
        entity: what the data is called: of low cardinality, with its version if it has one.

    Raises:
        TypeError: the entity is no text, or an empty one.
    """
    if not isinstance(entity, str) or not entity:  # pyright: ignore[reportUnnecessaryIsInstance] (not all callers are typed)
        raise TypeError(f"entity must be a string that is not empty, not {type(entity).__name__}")
    if _is_compiling():
        return
    try:
        _recorder_of_api().profile(entity, data)
    except Exception:
        faults.caught("api")


def labels(**values: object) -> Labelling:
    """Labels the inferences and stages of a block, or of a function; of what they await and start as well.

    ::

        with inferspan.labels(segment="eu"):
            model(x)

    Labels of an outer block stay, unless the inner one has the same key. They are on spans and metrics, as
    ``inferspan.label.<key>``.

    Args:
        **values: by key. A key that the setting ``labels`` does not declare is dropped, with one warning; a value
            beyond the first ``max_label_values`` of its key is ``_OTHER``. Both are counted in
            ``inferspan.self.dropped``. Of a value that is not text, its ``str()`` is taken, at most 64 characters.
    """
    return _NO_CALL if _is_compiling() else Labelling(values)


def enqueue() -> Token:
    """Notes that a request begins to wait for a batch, where the request is handled; give it to `batch` later."""
    return Token()


class Batching:
    """The execution of a batch: a context manager."""

    __slots__ = ("_blocks", "_tokens")

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._blocks: Blocks[Any] = Blocks()

    def __enter__(self) -> Batching:
        token: Any = None
        try:
            token = attach(batches.executing(self._tokens, Batch(self._tokens)))
        except Exception:
            faults.caught("api")
        self._blocks.enter(token)
        return self

    def __exit__(self, *_: object) -> None:
        token = self._blocks.leave()
        if token is not None:
            contexts.detach(token)


def batch(tokens: Iterable[Token]) -> Batching:
    """Says which requests the inferences of a block serve.

    ::

        queue.put((inferspan.enqueue(), x))            # where the request is handled

        with inferspan.batch([token for token, _ in items]):  # where the batch is executed
            model(stack([x for _, x in items]))

    The span of each outermost inference in the block has a link to the span of every request, up to ``max_links``, and
    the number of requests; the requests' spans are linked to the first. For how long each request has waited is the
    histogram ``inferspan.inference.queue.duration``. The only request of a batch is its parent; otherwise the parent
    is a span that was started for the batch, if there is one.

    Args:
        tokens: what `enqueue` has returned, in any thread or task of this process.
    """
    return _NO_CALL if _is_compiling() else Batching(list(tokens))


def current_id() -> str | None:
    """Returns the identifier of the inference that is in progress here, or None where there is none.

    It is ``<trace id>-<span id>`` in hexadecimal digits, whether the span is sampled or not, and where there is no
    tracer provider as many random digits: something to write down with a prediction, for the label that comes later.
    """
    activity: Any = None if _is_compiling() else get_current().get(ACTIVITY)
    while activity is not None:
        if activity.active:
            return activity.id
        activity = activity.outer
    return None


def _start_stage(name: str, model: str | None) -> Stage | None:
    try:
        return _recorder_of_api().stage(name, model=model)
    except Exception:
        skips.count(SystemName.OTHER, SelfSkipReason.FAULT)
        faults.caught("api")
        return None


def _model(model: object, version: str | None) -> Model:
    if isinstance(model, str):
        return identity.named(model, version)
    found = identity.of_object(model)
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
