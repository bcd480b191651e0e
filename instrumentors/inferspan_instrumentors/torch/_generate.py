# SPDX-License-Identifier: Apache-2.0
"""Makes one span of a ``generate()`` of transformers, whose every token is a call of the module.

Its progress is seen where every way of decoding passes after each step: the question whether sequences are
unfinished, for whose answer the host waits until the step's tokens are known, on any device. Nothing that the
application has passed is replaced or added to, streamers and stopping criteria included. Where a version of
transformers has no such question, times are left out.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from inferspan import clock, identity
from inferspan.generation import Generation
from inferspan.instrumentor import Patches
from inferspan.recorder import Recorder
from inferspan.semconv.attributes import OperationName
from inferspan_instrumentors.torch import _dynamo, _tokens
from inferspan_instrumentors.torch._identity import identity_of
from inferspan_instrumentors.torch._reentrancy import inside
from inferspan_instrumentors.torch._values import outputs_of

#: Parameters of ``generate()`` that are data, as are all that neither it nor its settings know: they are the model's.
_DATA = ("inputs", "negative_prompt_ids", "negative_prompt_attention_mask")
#: Known to some ways of decoding only.
_TOOLS = ("tokenizer", "assistant_tokenizer", "trust_remote_code")

#: What transformers' outputs store, whatever they have made of the method.
_stored: Callable[[Any, str], Any] = cast(Any, dict).get


class _Progress:
    """How far a generation is: when its steps ended, as `clock.monotonic` says it, and what it was prepared for."""

    __slots__ = ("began", "first", "last", "looks", "prompt", "settings")

    def __init__(self) -> None:
        self.looks = 0
        self.first = self.last = 0
        self.prompt: int | None = None
        self.settings: Any = None
        self.began = clock.monotonic()

    def look(self, *_: Any, **__: Any) -> None:
        """Notes the time: the first look is before the first step has ended, each other one after a step."""
        self.looks += 1
        if self.looks > 1:
            self.last = clock.monotonic()
            if self.looks == 2:
                self.first = self.last

    def prepared(self, settings: Any = None, length: Any = None, *_: Any, **named: Any) -> None:
        """Notes the settings in force and the length of what the decoder starts with, of any model."""
        self.settings = named.get("generation_config", settings)
        self.prompt = named.get("input_ids_length", length)

    def summary(self, torch: Any, inputs: Mapping[str, Any], result: Any) -> Generation:
        """Returns what is known of the generation at its end."""
        sequences = _stored(result, "sequences") if isinstance(result, dict) else result
        steps = self.looks - 1
        output_tokens = longest = None
        if self.prompt is not None:
            output_tokens, longest = _tokens.count_outputs(torch, sequences, self.prompt, self.settings)
        # An assistant's step has several tokens; a beam search goes on beyond the sequence that it returns.
        later = 0 if longest is None else max(steps, longest) - 1
        return Generation(
            input_tokens=_tokens.count_inputs(torch, inputs, self.settings),
            output_tokens=output_tokens,
            time_to_first_token=self.first - self.began if steps > 0 else None,
            time_per_output_token=(self.last - self.first) / later if steps > 1 and later else None,
        )


class _Running(threading.local):
    progress: _Progress | None = None


#: The innermost generation on this thread, if it is recorded.
_running = _Running()


def patch(module: Any, recorder: Recorder, patches: Patches) -> None:
    """Wraps ``GenerationMixin.generate``, and the two steps of it that tell how far it is."""
    import torch  # imported already: transformers has no generation without it

    mixin: type = module.GenerationMixin
    original: Any = vars(mixin)["generate"]
    tools = frozenset((*inspect.signature(original).parameters, *_TOOLS)).difference(_DATA)

    #: By ``id``, modules that are inferences of their own wherever they run: models inside a model.
    named = identity.named_models.ids

    def generate(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        around, outer = inside.on, _running.progress
        call = None
        if not around or id(model) in named:
            call = recorder.start(
                lambda: identity_of(model),
                operation=OperationName.GENERATE,
                inputs=lambda: _inputs_of(model, args, kwargs, tools),
            )
        # The steps of an assistant are not those of the model that it assists.
        progress = _running.progress = None if call is None else _Progress()
        inside.on = True
        try:
            result = original(model, *args, **kwargs)
        except BaseException as error:
            inside.on, _running.progress = around, outer
            if call is not None:
                call.fail(error)
            raise
        inside.on, _running.progress = around, outer
        if call is not None and progress is not None:
            call.succeed(
                lambda: _outputs_of(torch, result),
                generation=lambda: progress.summary(torch, _inputs_of(model, args, kwargs, tools), result),
            )
        return result

    patches.wrap(mixin, "generate", generate, when=recorder.ready)
    _dynamo.trace_instead(vars(mixin)["generate"], original)
    _watch(mixin, "_validate_generated_length", _Progress.prepared, recorder, patches)
    _watch(mixin, "_has_unfinished_sequences", _Progress.look, recorder, patches)


def _watch(mixin: Any, name: str, tell: Callable[..., None], recorder: Recorder, patches: Patches) -> None:
    """Tells the generation in progress when one of its own methods has answered, and what it was given."""
    if not hasattr(mixin, name):
        return
    original = getattr(mixin, name)

    def watched(original: Any, model: Any, args: Any, kwargs: Any) -> Any:
        answer = original(model, *args, **kwargs)
        try:
            tell(_running.progress, *args, **kwargs)
        except Exception:
            recorder.failed("torch")
        return answer

    patches.wrap(mixin, name, watched, when=lambda: _running.progress is not None)
    _dynamo.trace_instead(vars(mixin)[name], original)


def _inputs_of(model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], tools: Collection[str]) -> dict[str, Any]:
    """Names what the model is given: ``inputs`` as the model does, and neither settings nor tools."""
    values = dict(kwargs)
    if args:
        values["inputs"] = args[0]
    settings = getattr(model, "generation_config", None)
    named: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or name in tools or hasattr(settings, name):
            continue
        named[getattr(model, "main_input_name", name) if name == "inputs" else name] = value
    return named


def _outputs_of(torch: Any, result: Any) -> Mapping[str, Any]:
    """Names the output as transformers does where it returns more than that."""
    return {"sequences": result} if type(result) is torch.Tensor else outputs_of(result)
