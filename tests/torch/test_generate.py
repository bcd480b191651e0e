# SPDX-License-Identifier: Apache-2.0
"""Every way of generating says how many tokens went in and came out, and how long the first and the others took."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from inferspan_instrumentors.torch import TorchInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from support.telemetry import Telemetry
from torch import Tensor, nn

import inferspan
from inferspan import clock, identity, pipeline
from inferspan.semconv import attributes as names
from inferspan.semconv import metrics

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

_SECOND = 1_000_000_000
_PAD, _END = 0, 1
_IDS = torch.tensor([[5, 6, 7]])


@pytest.fixture(scope="module")
def decoder() -> Any:
    """GPT-2 as small as it goes, with random weights."""
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(_gpt2()).eval()


@pytest.fixture(scope="module")
def assistant() -> Any:
    """Another of the same vocabulary."""
    torch.manual_seed(1)
    return transformers.GPT2LMHeadModel(_gpt2()).eval()


def _gpt2() -> Any:
    return transformers.GPT2Config(
        vocab_size=32,
        n_positions=64,
        n_embd=8,
        n_layer=1,
        n_head=2,
        bos_token_id=2,
        eos_token_id=_END,
        pad_token_id=_PAD,
    )


@pytest.fixture(scope="module")
def translator() -> Any:
    """T5 as small as it goes: an encoder and a decoder."""
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=32, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=3,
        pad_token_id=_PAD, eos_token_id=_END,
    )  # fmt: skip
    return transformers.T5ForConditionalGeneration(config).eval()


class _Clock(transformers.StoppingCriteria):
    """A clock that goes on by a second each step, and by nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = clock.monotonic()
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        self.now += _SECOND
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)


@pytest.fixture
def stepping(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stopping criteria that never stop, and the clock that they drive."""
    return transformers.StoppingCriteriaList([_Clock(monkeypatch)])


def _facts(span: Any) -> tuple[Any, ...]:
    return tuple(
        span.attributes.get(name)
        for name in (
            names.INFERSPAN_GENERATION_INPUT_TOKENS,
            names.INFERSPAN_GENERATION_OUTPUT_TOKENS,
            names.INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN,
            names.INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN,
        )
    )


def _lengths(rows: Tensor) -> int:
    """Counts generated tokens one by one, the end token being the last of a row."""
    total = 0
    for row in rows.tolist():
        total += row.index(_END) + 1 if _END in row else len(row)
    return total


class _EndAt(transformers.LogitsProcessor):
    """Has each sequence end at a length of its own, and no other way."""

    def __init__(self, *lengths: int) -> None:
        self._lengths = lengths

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.clone()
        for row, length in enumerate(self._lengths):
            scores[row, _END] = 1e9 if input_ids.shape[1] + 1 == length else -1e9
        return scores


def test_counts_and_times(instrumented: Telemetry, decoder: Any, stepping: Any) -> None:
    decoder.generate(_IDS, max_new_tokens=5, min_new_tokens=5, do_sample=False, stopping_criteria=stepping)
    (span,) = instrumented.spans()
    assert _facts(span) == (3, 5, 1.0, 1.0)
    (first,) = instrumented.points(metrics.INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN)
    (later,) = instrumented.points(metrics.INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN)
    assert (first.count, first.sum, later.count, later.sum) == (1, 1.0, 1, 1.0)
    assert first.attributes == later.attributes == dict(_common(span))
    tokens = {
        point.attributes[names.INFERSPAN_GENERATION_TOKEN_TYPE]: point
        for point in instrumented.points(metrics.INFERSPAN_GENERATION_TOKENS)
    }
    assert {kind: point.value for kind, point in tokens.items()} == {"input": 3, "output": 5}
    assert tokens["input"].attributes == {**_common(span), names.INFERSPAN_GENERATION_TOKEN_TYPE: "input"}


def _common(span: Any) -> dict[str, Any]:
    keys = (names.INFERSPAN_OPERATION_NAME, names.INFERSPAN_SYSTEM_NAME, names.INFERSPAN_MODEL_NAME)
    return {key: span.attributes[key] for key in keys}


def test_one_token_has_none_after_it(instrumented: Telemetry, decoder: Any, stepping: Any) -> None:
    decoder.generate(_IDS, max_new_tokens=1, min_new_tokens=1, stopping_criteria=stepping)
    (span,) = instrumented.spans()
    assert _facts(span) == (3, 1, 1.0, None)
    assert instrumented.points(metrics.INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN) == []


_BATCH = torch.tensor([[_PAD, _PAD, 5, 6], [5, 6, 7, 8]])
_MASK = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])


@pytest.mark.parametrize("given", [{"input_ids": _BATCH, "attention_mask": _MASK}, {"inputs": _BATCH}])
@pytest.mark.parametrize("mode", [{"do_sample": False}, {"do_sample": True}, {"return_dict_in_generate": True}])
def test_padding_is_not_counted(
    instrumented: Telemetry, decoder: Any, stepping: Any, given: dict[str, Tensor], mode: dict[str, Any]
) -> None:
    result = decoder.generate(
        **given, **mode, max_new_tokens=6, logits_processor=[_EndAt(6, 9)], stopping_criteria=stepping
    )
    rows = result.sequences if mode.get("return_dict_in_generate") else result
    assert rows[:, 4:].tolist()[0][2:] == [_PAD, _PAD, _PAD]
    (span,) = instrumented.spans()
    assert _facts(span) == (6, 7, 1.0, 1.0)
    assert span.attributes[names.INPUT.names][0] == "input_ids"
    assert span.attributes[names.OUTPUT.names][0] == "sequences"


def test_padding_with_the_end_token(instrumented: Telemetry, decoder: Any) -> None:
    decoder.generate(
        _BATCH.clamp(min=5), pad_token_id=_END, max_new_tokens=6, logits_processor=[_EndAt(6, 9)], do_sample=False
    )
    (span,) = instrumented.spans()
    assert _facts(span)[:2] == (8, 7)


def test_sequences_ended_by_another_criterion(instrumented: Telemetry, decoder: Any) -> None:
    class _First(transformers.StoppingCriteria):
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            return torch.tensor([input_ids.shape[1] >= 6, input_ids.shape[1] >= 9])

    decoder.generate(
        _BATCH.clamp(min=5), max_new_tokens=6, min_new_tokens=6, do_sample=False, suppress_tokens=[_PAD],
        stopping_criteria=transformers.StoppingCriteriaList([_First()]),
    )  # fmt: skip
    (span,) = instrumented.spans()
    assert _facts(span)[:2] == (8, 7)


@pytest.mark.parametrize(
    "mode",
    [
        {"num_beams": 3},
        {"num_beams": 3, "num_return_sequences": 2},
        {"num_beams": 3, "num_return_sequences": 3, "return_dict_in_generate": True, "output_scores": True},
        {"do_sample": True, "num_return_sequences": 3},
    ],
    ids=str,
)
def test_all_sequences_are_counted(instrumented: Telemetry, decoder: Any, stepping: Any, mode: dict[str, Any]) -> None:
    torch.manual_seed(3)
    result = decoder.generate(_BATCH, attention_mask=_MASK, max_new_tokens=8, **mode, stopping_criteria=stepping)
    rows = result.sequences if mode.get("return_dict_in_generate") else result
    (span,) = instrumented.spans()
    assert _facts(span) == (6, _lengths(rows[:, 4:]), 1.0, 1.0)


def test_an_assistant_is_not_counted(
    instrumented: Telemetry, decoder: Any, assistant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = _Clock(monkeypatch)
    ends: list[int] = []

    class _Step(transformers.StoppingCriteria):
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            ticking.now += _SECOND
            ends.append(input_ids.shape[1])
            return torch.zeros(1, dtype=torch.bool)

    began = ticking.now
    result = decoder.generate(
        _IDS,
        assistant_model=assistant,
        max_new_tokens=8,
        min_new_tokens=8,
        do_sample=False,
        stopping_criteria=[_Step()],
    )
    assert ticking.now == began + len(ends) * _SECOND
    (span,) = instrumented.spans()
    assert result.shape == (1, 11)
    assert _facts(span) == (3, 8, 1.0, (len(ends) - 1) / 7)


def test_prompt_lookup(instrumented: Telemetry, decoder: Any) -> None:
    ids = torch.tensor([[5, 6, 7, 5, 6, 7, 5, 6]])
    result = decoder.generate(ids, prompt_lookup_num_tokens=3, max_new_tokens=8, min_new_tokens=8, do_sample=False)
    (span,) = instrumented.spans()
    assert _facts(span)[:2] == (8, result.shape[1] - 8)
    assert _facts(span)[2] is not None


@pytest.mark.parametrize("decoder_input_ids", [None, torch.tensor([[3, 9], [3, 9]])])
def test_encoder_and_decoder(
    instrumented: Telemetry, translator: Any, stepping: Any, decoder_input_ids: Tensor | None
) -> None:
    prompt = 1 if decoder_input_ids is None else 2
    result = translator.generate(
        _BATCH, attention_mask=_MASK, decoder_input_ids=decoder_input_ids, max_new_tokens=6, do_sample=False,
        logits_processor=[_EndAt(prompt + 2, prompt + 5)], stopping_criteria=stepping,
    )  # fmt: skip
    assert result.shape == (2, prompt + 5)
    (span,) = instrumented.spans()
    assert _facts(span) == (6, 7, 1.0, 1.0)


def test_embeddings_of_tokens(instrumented: Telemetry, decoder: Any, stepping: Any) -> None:
    embeds = decoder.transformer.wte(_BATCH)
    decoder.generate(
        inputs_embeds=embeds, attention_mask=_MASK, max_new_tokens=6, logits_processor=[_EndAt(2, 5)],
        do_sample=False, stopping_criteria=stepping,
    )  # fmt: skip
    (span,) = instrumented.spans()
    assert _facts(span) == (6, 7, 1.0, 1.0)


def test_what_is_in_the_cache_was_given_before(instrumented: Telemetry, decoder: Any) -> None:
    cache = decoder(_IDS, use_cache=True).past_key_values
    instrumented.spans()
    mask = torch.ones((1, 5), dtype=torch.int64)  # of the cache as well
    decoder.generate(
        torch.tensor([[8, 9]]), attention_mask=mask, past_key_values=cache, max_new_tokens=4, min_new_tokens=4
    )
    (span,) = instrumented.spans()
    assert _facts(span)[:2] == (2, 4)


# -- streamers -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: index for index, word in enumerate(["<pad>", "</s>", *(f"w{n}" for n in range(2, 32))])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="</s>")


def test_a_streamer_in_a_thread(instrumented: Telemetry, decoder: Any, tokenizer: Any, stepping: Any) -> None:
    streamer = transformers.TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=60)
    given = tokenizer("w5 w6 w7", return_tensors="pt")
    settings = {"max_new_tokens": 5, "min_new_tokens": 5, "do_sample": False}
    expected = tokenizer.decode(decoder.generate(input_ids=given["input_ids"], **settings)[0, 3:])
    instrumented.spans()
    thread = threading.Thread(
        target=decoder.generate,
        kwargs={"input_ids": given["input_ids"], "streamer": streamer, "stopping_criteria": stepping, **settings},
    )
    thread.start()
    text = "".join(streamer)
    thread.join()
    assert text.strip() == expected.strip()
    (span,) = instrumented.spans()
    assert _facts(span) == (3, 5, 1.0, 1.0)
    assert span.attributes[names.INPUT.names] == ("input_ids",)


def test_a_streamer_of_the_applications_own(instrumented: Telemetry, decoder: Any) -> None:
    class _Kept:
        def __init__(self) -> None:
            self.tokens: list[int] = []

        def put(self, value: Tensor) -> None:
            self.tokens += value.flatten().tolist()

        def end(self) -> None:
            self.tokens.append(-1)

    kept = _Kept()
    result = decoder.generate(_IDS, max_new_tokens=4, min_new_tokens=4, do_sample=False, streamer=kept)
    assert kept.tokens == [*result[0].tolist(), -1]
    (span,) = instrumented.spans()
    assert _facts(span)[:2] == (3, 4)


# -- what is left out ----------------------------------------------------------------------------------------------


_GENERATION = (
    metrics.INFERSPAN_GENERATION_TOKENS,
    metrics.INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN,
    metrics.INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN,
)


def _no_generation(telemetry: Telemetry) -> bool:
    return all(telemetry.points(name) == [] for name in _GENERATION)


def test_under_a_generative_ai_span(instrumented: Telemetry, decoder: Any) -> None:
    tracer = instrumented.tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("chat tiny", attributes={"gen_ai.operation.name": "chat"}):
        decoder.generate(_IDS, max_new_tokens=3)
    assert [span.name for span in instrumented.spans()] == ["chat tiny"]
    assert _no_generation(instrumented)
    assert instrumented.points(metrics.INFERSPAN_INFERENCE_DURATION) == []


def test_a_generation_inside_a_module(instrumented: Telemetry, decoder: Any) -> None:
    class Captioner(nn.Module):
        def forward(self, ids: Tensor) -> Tensor:
            return decoder.generate(ids, max_new_tokens=3)

    Captioner().eval()(_IDS)
    (span,) = instrumented.spans()
    assert span.name == "infer Captioner"
    assert _facts(span) == (None, None, None, None)
    assert _no_generation(instrumented)


def test_a_model_inside_a_model(instrumented: Telemetry, stepping: Any) -> None:
    """One that the application has named generates by itself: neither a span a token, nor a part of what is around."""
    torch.manual_seed(0)
    writer = transformers.GPT2LMHeadModel(_gpt2()).eval()
    inferspan.describe(writer, name="writer")

    class Captioner(nn.Module):
        def forward(self, ids: Tensor) -> Tensor:
            return writer.generate(ids, max_new_tokens=3, min_new_tokens=3, stopping_criteria=stepping)

    Captioner().eval()(_IDS)
    inner, outer = sorted(instrumented.spans(), key=lambda span: span.name)
    assert (inner.name, outer.name) == ("generate writer", "infer Captioner")
    assert inner.parent.span_id == outer.context.span_id
    assert (_facts(inner), _facts(outer)) == ((3, 3, 1.0, 1.0), (None,) * 4)


def test_a_named_assistant(instrumented: Telemetry, decoder: Any) -> None:
    torch.manual_seed(1)
    helper = transformers.GPT2LMHeadModel(_gpt2()).eval()
    inferspan.describe(helper, name="helper")
    result = decoder.generate(_IDS, assistant_model=helper, max_new_tokens=4, do_sample=False)
    assisted, *others = sorted(instrumented.spans(), key=lambda span: span.name != "generate GPT2LMHeadModel")
    assert {span.name for span in others} == {"generate helper"}
    assert {span.parent.span_id for span in others} == {assisted.context.span_id}
    assert _facts(assisted)[:2] == (3, result.shape[1] - 3)


def test_a_failing_generation(instrumented: Telemetry, decoder: Any, stepping: Any) -> None:
    class _Failing(transformers.StoppingCriteria):
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        decoder.generate(_IDS, max_new_tokens=3, stopping_criteria=[_Failing()])
    (failed,) = instrumented.spans()
    assert failed.attributes[names.ERROR_TYPE] == "RuntimeError"
    assert _facts(failed) == (None, None, None, None)
    assert _no_generation(instrumented)
    decoder.generate(_IDS, max_new_tokens=3, min_new_tokens=3, stopping_criteria=stepping)
    (span,) = instrumented.spans()
    assert _facts(span) == (3, 3, 1.0, 1.0)


def test_an_unsampled_generation_is_measured(decoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_claims", {})
    with Telemetry(sampler=ALWAYS_OFF) as telemetry:
        telemetry.instrument(TorchInstrumentor())
        decoder.generate(_IDS, max_new_tokens=3, min_new_tokens=3)
        assert telemetry.spans() == []
        assert sum(point.value for point in telemetry.points(metrics.INFERSPAN_GENERATION_TOKENS)) == 6
        (first,) = telemetry.points(metrics.INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN)
        assert first.count == 1


def test_a_way_of_decoding_that_is_not_known(instrumented: Telemetry, decoder: Any) -> None:
    def decode(model: Any, input_ids: Tensor, **_: Any) -> str:
        return "text"

    assert decoder.generate(_IDS, max_new_tokens=3, custom_generate=decode) == "text"
    (span,) = instrumented.spans()
    assert _facts(span) == (3, None, None, None)


# -- token ids -----------------------------------------------------------------------------------------------------

_LONG = torch.arange(2, 30)[None]


@pytest.mark.parametrize("call", [lambda model: model.generate(_LONG, max_new_tokens=3), lambda model: model(_LONG)])
def test_token_ids_are_not_profiled(instrumented: Telemetry, decoder: Any, call: Callable[[Any], Any]) -> None:
    call(decoder)
    (span,) = instrumented.spans()
    assert span.attributes[names.INPUT.names] == ("input_ids",)
    assert span.attributes[names.INPUT.types] == ("int64",)
    assert span.attributes[names.INPUT.shapes] == ("1x28",)
    assert span.attributes[names.INPUT.notes] == ("input_ids: token ids are not profiled",)
    assert names.INPUT.means not in span.attributes
    assert names.INPUT.counts not in span.attributes


def test_token_ids_are_profiled_on_demand(instrumented: Telemetry, decoder: Any) -> None:
    pipeline.configure(raise_faults=True, profile_token_ids=True)
    decoder.generate(_LONG, max_new_tokens=3)
    (span,) = instrumented.spans()
    assert span.attributes[names.INPUT.means] == (15.5,)
    assert names.INPUT.notes not in span.attributes


# -- nothing changes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [{"do_sample": True, "top_k": 8}, {"num_beams": 3}, {"do_sample": False}], ids=str)
def test_results_are_as_without_us(telemetry: Telemetry, decoder: Any, mode: dict[str, Any]) -> None:
    def generate() -> tuple[Tensor, Tensor]:
        torch.manual_seed(5)
        result = decoder.generate(_BATCH, attention_mask=_MASK, max_new_tokens=8, **mode)
        return result, torch.rand(4)

    expected, random = generate()
    telemetry.instrument(TorchInstrumentor())
    result, random_after = generate()
    assert len(telemetry.spans()) == 1
    assert torch.equal(result, expected)
    assert torch.equal(random, random_after)
