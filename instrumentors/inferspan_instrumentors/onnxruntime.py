# SPDX-License-Identifier: Apache-2.0
"""Records the inferences of ONNX Runtime sessions, and their loads.

The five ways to run a session are methods of its Python class ``Session``, which ``InferenceSession`` and the
classes of other libraries inherit; they call the native session directly, and not one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, cast

from inferspan import identity
from inferspan.artifact import Artifact
from inferspan.identity import Evidence, Model
from inferspan.instrumentor import InferspanInstrumentor, Patches
from inferspan.lifecycle import Inference
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import SystemName
from inferspan.values import Reading, element_type

_MODULE = "onnxruntime.capi.onnxruntime_inference_collection"

#: What a model without a version says.
_NO_VERSION = (0, 2**63 - 1)
_NAME_KEYS = ("model_name", "name", "model.name")
_VERSION_KEYS = ("model_version", "version", "model.version")
#: An asynchronous run reports a message without the code that would choose a class of exception.
_UNKNOWN_ERROR = "_OTHER"

#: What flatbuffers of the format of ONNX Runtime's own have at their fifth byte.
_ORT_FORMAT = b"ORTM"
_DEVICES = {"CUDA": "cuda", "Tensorrt": "cuda", "NvTensorRTRTX": "cuda", "ROCM": "cuda", "MIGraphX": "cuda"}


class OnnxRuntimeInstrumentor(InferspanInstrumentor):
    """Instruments ``onnxruntime.InferenceSession``."""

    system = SystemName.ONNXRUNTIME

    def targets(self) -> Iterable[tuple[str, Callable[[ModuleType, Recorder, Patches], None]]]:
        """Returns the module with the session's class."""
        return [(_MODULE, _patch)]


def _patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    session = module.Session
    for name, read_inputs, read_outputs in (
        ("run", _fed, _returned),
        ("run_with_ort_values", _fed, _returned),
        ("run_with_ortvaluevector", _fed_vector, _fetched_vector),
        ("run_with_iobinding", _bound_inputs, _bound_outputs),
    ):
        if hasattr(session, name):
            patches.wrap(session, name, _synchronous(recorder, read_inputs, read_outputs), when=recorder.ready)
    if hasattr(session, "run_async"):
        patches.wrap(session, "run_async", _asynchronous(recorder), when=recorder.ready)
    # These always: what is recorded later would be named after what was there before, or would have no version.
    patches.wrap(session, "set_providers", _forgetting, when=lambda: True)
    patches.wrap(module.InferenceSession, "__init__", _loading(recorder), when=lambda: True)


_Read = Callable[..., Mapping[str, Any]]


def _synchronous(recorder: Recorder, read_inputs: _Read, read_outputs: _Read) -> Callable[..., Any]:
    def run(original: Any, session: Any, args: Any, kwargs: Any) -> Any:
        call = recorder.start(lambda: _identity(session), inputs=lambda: read_inputs(session, args, kwargs))
        if call is None:
            return original(session, *args, **kwargs)
        try:
            result = original(session, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.succeed(lambda: read_outputs(session, args, kwargs, result))
        return result

    return run


def _asynchronous(recorder: Recorder) -> Callable[..., Any]:
    def run_async(original: Any, session: Any, args: Any, kwargs: Any) -> Any:
        if len(args) + len(kwargs) < 4:
            return original(session, *args, **kwargs)
        call = recorder.start(lambda: _identity(session), inputs=lambda: _fed(session, args, kwargs), attach=False)
        if call is None:
            return original(session, *args, **kwargs)
        names = _argument(args, kwargs, 0, "output_names")
        arguments = list(args)
        if "callback" in kwargs:
            kwargs["callback"] = _ending(call, session, names, kwargs["callback"])
        else:
            arguments[2] = _ending(call, session, names, args[2])
        try:
            return original(session, *arguments, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise

    return run_async


def _ending(call: Inference, session: Any, names: Any, callback: Any) -> Callable[..., Any]:
    """Returns a callback that ends the inference on ONNX Runtime's thread, then calls the application's."""

    def done(results: Any, user_data: Any, error: str) -> Any:
        if error:
            call.fail_as(_UNKNOWN_ERROR, error)
        else:
            call.succeed(lambda: _named(session, names, results))
        with call.caller():
            return callback(results, user_data, error)

    return done


def _forgetting(original: Any, session: Any, args: Any, kwargs: Any) -> Any:
    identity.forget(session)
    return original(session, *args, **kwargs)


def _loading(recorder: Recorder) -> Callable[..., Any]:
    def load_session(original: Any, session: Any, args: Any, kwargs: Any) -> None:
        load = recorder.load(lambda: _artifact(_argument(args, kwargs, 0, "path_or_bytes")))
        try:
            original(session, *args, **kwargs)
        except BaseException as error:
            load.fail(error)
            raise
        load.succeed(session, lambda: _identity(session))

    return load_session


# -- inputs and outputs ----------------------------------------------------------------------------------------------


def _argument(args: Any, kwargs: Any, index: int, name: str) -> Any:
    return kwargs[name] if name in kwargs else args[index] if len(args) > index else None


def _fed(_session: Any, args: Any, kwargs: Any) -> Mapping[str, Any]:
    """``run(output_names, input_feed)``, and ``run_with_ort_values(output_names, input_dict_ort_values)``."""
    name = "input_feed" if "input_feed" in kwargs else "input_dict_ort_values"
    feed = _argument(args, kwargs, 1, name)
    return cast("dict[str, Any]", feed) if type(feed) is dict else {"input": feed}


def _returned(session: Any, args: Any, kwargs: Any, result: Any) -> Mapping[str, Any]:
    return _named(session, _argument(args, kwargs, 0, "output_names"), result)


def _named(session: Any, names: Any, results: Any) -> Mapping[str, Any]:
    names = list(names) if names else [output.name for output in session.get_outputs()]
    return dict(zip(names, results, strict=False))


def _fed_vector(_session: Any, args: Any, kwargs: Any) -> Mapping[str, Any]:
    """``run_with_ortvaluevector(run_options, feed_names, feeds, fetch_names, fetches, fetch_devices)``."""
    return dict(zip(_argument(args, kwargs, 1, "feed_names"), _argument(args, kwargs, 2, "feeds"), strict=False))


def _fetched_vector(_session: Any, args: Any, kwargs: Any, _result: Any) -> Mapping[str, Any]:
    return dict(zip(_argument(args, kwargs, 3, "fetch_names"), _argument(args, kwargs, 4, "fetches"), strict=False))


def _bound_inputs(session: Any, _args: Any, _kwargs: Any) -> Mapping[str, Any]:
    """A binding holds addresses and cannot be read back: the model's own signature says type and shape."""
    return {
        one.name: Reading(
            element_type(one.type),
            tuple(one.shape) if all(type(size) is int for size in one.shape) else None,
            note="bound by address: not read",
        )
        for one in session.get_inputs()
    }


def _bound_outputs(session: Any, args: Any, kwargs: Any, _result: Any) -> Mapping[str, Any]:
    return _named(session, None, _argument(args, kwargs, 0, "iobinding").get_outputs())


# -- identity --------------------------------------------------------------------------------------------------------


def _identity(session: Any) -> Model:
    known = identity.known(session)
    if known is not None:
        return known
    meta = session.get_modelmeta()
    custom = meta.custom_metadata_map
    path = getattr(session, "_model_path", None)
    version = next((custom[key] for key in _VERSION_KEYS if custom.get(key)), None)
    if version is None and meta.version not in _NO_VERSION:
        version = str(meta.version)
    providers = tuple(session.get_providers())
    return identity.identify(
        session,
        Evidence(
            metadata_name=next((custom[key] for key in _NAME_KEYS if custom.get(key)), None),
            metadata_version=version,
            path=str(path) if path else None,
            graph_name=meta.graph_name or None,
            content=getattr(session, "_model_bytes", None),
            format=_format(path),
            device=_device(session, providers),
            execution_providers=providers,
        ),
    )


def _artifact(source: Any) -> Artifact | None:
    return Artifact.of(source, format=_format(source))


def _format(source: Any) -> str:
    # As ONNX Runtime tells them apart: by the name of a file, and by the identifier in bytes.
    is_ort = source[4:8] == _ORT_FORMAT if type(source) is bytes else str(source).endswith(".ort")
    return "ort" if is_ort else "onnx"


def _device(session: Any, providers: tuple[str, ...]) -> str | None:
    if not providers:
        return None
    engine = providers[0].removesuffix("ExecutionProvider")
    if engine not in _DEVICES:
        return engine.lower()
    options = session.get_provider_options().get(providers[0], {})
    return f"{_DEVICES[engine]}:{options.get('device_id', '0')}"
