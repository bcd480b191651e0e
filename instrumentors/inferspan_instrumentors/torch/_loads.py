# SPDX-License-Identifier: Apache-2.0
"""Records the loads of models from files: TorchScript, exported programs, pickled modules, Hugging Face's folders.

What is loaded remembers its file, which torch itself forgets: it is named after it, and has its digest as version.
A reference to one of these functions that was made before they were patched loads unnoticed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from inferspan import faults, identity
from inferspan.artifact import Artifact
from inferspan.identity import Evidence, Model
from inferspan.instrumentor import Patches, imitate
from inferspan.recorder import Recorder
from inferspan_instrumentors.torch import _dynamo
from inferspan_instrumentors.torch._identity import class_of, identity_of


def patch_torch(torch: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps ``torch.jit.load``, and ``torch.load``, which is one of a model only where a module comes out."""
    module: type = torch.nn.Module

    def load_script(original: Any, args: Any, kwargs: Any) -> Any:
        load = recorder.load(lambda: Artifact.of(_source(args, kwargs), format="torchscript"))
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            load.fail(error)
            raise
        load.succeed(result, lambda: identity_of(result))
        return result

    def load_pickle(original: Any, args: Any, kwargs: Any) -> Any:
        load = recorder.load(lambda: Artifact.of(_source(args, kwargs), format="pickle"), certain=False)
        result = original(*args, **kwargs)
        # Of TorchScript, `torch.load` has called `torch.jit.load`.
        if isinstance(result, module) and identity.artifact_of(result) is None:
            load.succeed(result, lambda: identity_of(result))
        return result

    _replace(patches, [torch.jit, torch.jit._serialization], "load", load_script)
    _replace(patches, [torch, torch.serialization], "load", load_pickle)


def patch_export(export: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps ``torch.export.load``, and hands what is known of a program on to the modules that it makes."""

    def load_program(original: Any, args: Any, kwargs: Any) -> Any:
        load = recorder.load(lambda: Artifact.of(_source(args, kwargs), format="exported_program"))
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            load.fail(error)
            raise
        load.succeed(result, lambda: _of_program(result))
        return result

    def module(original: Any, program: Any, args: Any, kwargs: Any) -> Any:
        result = original(program, *args, **kwargs)
        try:
            artifact = identity.artifact_of(program)
            if artifact is not None:
                identity.note_artifact(result, artifact)
        except Exception:
            faults.caught("identity")
        return result

    _replace(patches, [export], "load", load_program)
    patches.wrap(export.ExportedProgram, "module", module, when=lambda: not recorder.closed)


def patch_transformers(module: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps ``PreTrainedModel.from_pretrained``, which all models of transformers are loaded by."""
    model_class: type = module.PreTrainedModel
    original: Any = vars(model_class)["from_pretrained"].__func__

    def from_pretrained(cls: Any, *args: Any, **kwargs: Any) -> Any:
        load = recorder.load(lambda: _folder(_source(args, kwargs, "pretrained_model_name_or_path"), kwargs))
        try:
            result = original(cls, *args, **kwargs)
        except BaseException as error:
            load.fail(error)
            raise
        # With `output_loading_info` the model comes with a report.
        model: Any = result[0] if class_of(result) is tuple else result
        load.succeed(model, lambda: identity_of(model))
        return result

    imitate(from_pretrained, original)
    patches.replace(model_class, "from_pretrained", classmethod(from_pretrained))


def _replace(patches: Patches, places: list[Any], name: str, wrapper: Callable[..., Any]) -> None:
    original = getattr(places[0], name)

    def load(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, args, kwargs)

    imitate(load, original)
    _dynamo.trace_instead(load, original)
    for place in places:
        if getattr(place, name, None) is original:
            patches.replace(place, name, load)


def _source(args: Any, kwargs: Any, name: str = "f") -> Any:
    return args[0] if args else kwargs.get(name)


def _of_program(program: Any) -> Model:
    cls = class_of(program)
    return identity.identify(
        program, Evidence(class_name=f"{cls.__module__}.{cls.__qualname__}", format="exported_program")
    )


def _folder(source: Any, kwargs: Any) -> Artifact | None:
    """Returns a folder of the application's; of what comes from a hub, revision and commit tell more."""
    if not isinstance(source, (str, PurePath)):
        return None
    folder = os.path.join(source, kwargs.get("subfolder") or "")
    if not os.path.isdir(folder):
        return None
    is_safe = any(name.endswith(".safetensors") for name in os.listdir(folder))
    return Artifact.of(os.path.normpath(folder), format="safetensors" if is_safe else "pickle")
