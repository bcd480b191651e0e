# SPDX-License-Identifier: Apache-2.0
"""Stages that libraries define: the preparation of a model's input by a transform, a processor or a tokenizer.

The outermost call is the stage: a transform inside a composition, a tokenizer inside a processor, and whatever runs
inside a stage of the application's own, is part of it.
"""

from __future__ import annotations

import sys
from typing import Any

from inferspan import config
from inferspan.instrumentor import Patches
from inferspan.recorder import Recorder
from inferspan.stages import Stage

PREPROCESS = "preprocess"
TOKENIZE = "tokenize"


def start(recorder: Recorder, name: str) -> Stage | None:
    """Starts a stage, where it is the outermost and belongs to an inference rather than to the loading of data."""
    if not config.in_force.automatic_stages or _loads_data():
        return None
    return recorder.stage(name, nested=False)


def wrap(owner: type, method: str, name: str, recorder: Recorder, patches: Patches) -> None:
    """Makes a stage of each call of a method."""

    def staged(original: Any, self: Any, args: Any, kwargs: Any) -> Any:
        stage = start(recorder, name)
        if stage is None:
            return original(self, *args, **kwargs)
        try:
            result = original(self, *args, **kwargs)
        except BaseException as error:
            stage.end(error)
            raise
        stage.end()
        return result

    original = vars(owner)[method]
    patches.wrap(owner, method, staged, when=recorder.listened_to)
    vars(owner)[method]._torchdynamo_inline = original  # what Dynamo traces in its place


def _loads_data() -> bool:
    """Returns whether this is a worker process of torch's ``DataLoader``.

    It is about data sets more often than about requests, has no trace to be part of, and is killed when its epoch ends.
    """
    data = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None
