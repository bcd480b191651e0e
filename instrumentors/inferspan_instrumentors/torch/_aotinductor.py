# SPDX-License-Identifier: Apache-2.0
"""Records the calls of AOTInductor packages, which are no torch modules, and names them after their files."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from inferspan import faults, identity
from inferspan.artifact import Artifact
from inferspan.identity import Evidence, Model, WeakTable
from inferspan.instrumentor import Patches, imitate
from inferspan.recorder import Recorder
from inferspan_instrumentors.torch import _dynamo
from inferspan_instrumentors.torch._reentrancy import inside
from inferspan_instrumentors.torch._values import device_of, outputs_of

#: The name of a package's only model.
_DEFAULT_NAME = "model"

#: The name that a package gives to a model, by model.
_names = WeakTable()


def patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps the call of a loaded package, and its load."""
    import torch  # imported already: this module is one of torch's

    def called(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        if inside.on:
            return original(model, *args, **kwargs)
        call = recorder.start(
            lambda: _identity(model),
            inputs=lambda: {**{f"input.{index}": value for index, value in enumerate(args)}, **kwargs},
            device=device_of(torch, args, kwargs),
        )
        if call is None:
            return original(model, *args, **kwargs)
        try:
            result = original(model, *args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.succeed(lambda: outputs_of(result))
        return result

    compiled: type = module.AOTICompiledModel
    original: Any = vars(compiled)["__call__"]
    patches.wrap(compiled, "__call__", called, when=recorder.ready)
    _dynamo.trace_instead(vars(compiled)["__call__"], original)

    # All ways of loading a package come here, whichever of torch's modules they start from; the model itself keeps
    # nothing of its file. A torch without this function names models after their class.
    load = getattr(module, "_load_aoti", None)
    if load is None:
        return

    def _load_aoti(*args: Any, **kwargs: Any) -> Any:
        loading = recorder.load(lambda: _artifact(*args, **kwargs))
        try:
            model = load(*args, **kwargs)
        except BaseException as error:
            loading.fail(error)
            raise
        try:
            _note_name(model, *args, **kwargs)
        except Exception:
            faults.caught("identity")
        loading.succeed(model, lambda: _identity(model))
        return model

    imitate(_load_aoti, load)
    patches.replace(module, "_load_aoti", _load_aoti)


def _artifact(file: str, *_: Any, **__: Any) -> Artifact | None:
    folder, name = os.path.split(file)
    # torch writes a package that it is given as a stream into a temporary file.
    temporary = folder == tempfile.gettempdir() and name.startswith(tempfile.gettempprefix())
    return Artifact.of(file, format="aotinductor", named=not temporary)


def _note_name(model: Any, _file: str, model_name: str, *_: Any, **__: Any) -> None:
    if model_name != _DEFAULT_NAME:
        _names.set(model, model_name)


def _identity(model: Any) -> Model:
    found = identity.known(model)
    if found is None:
        evidence = Evidence(metadata_name=_names.get(model), class_name="torch.AOTICompiledModel", format="aotinductor")
        found = identity.identify(model, evidence)
    return found
