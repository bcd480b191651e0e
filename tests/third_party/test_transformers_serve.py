# SPDX-License-Identifier: Apache-2.0
"""``transformers serve``: text is generated for many requests on one thread, streamed and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.collector import Collector
from support.services import Trace, at_once, counts, serving
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

_REQUIREMENTS = ("transformers[serving]",)
_REQUESTS = 16
_TOKENS = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model as small as it goes, with random weights and words of its own."""
    words = {word: index for index, word in enumerate(["<end>", *(f"w{number}" for number in range(1, 64))])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<end>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("models") / "tiny-writer"
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<end>").save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2}
    writer = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, pad_token_id=0))
    writer.generation_config.suppress_tokens = [0]  # it never ends by itself
    writer.save_pretrained(folder)
    return folder


@pytest.mark.timeout(900)  # the first time, the environment is made
def test_transformers_serve(environment: Callable[..., Path], collector: Collector, model: Path) -> None:
    programs = environment("transformers-serve", *_REQUIREMENTS)
    command = (programs / "transformers", "serve", model, "--host=127.0.0.1", "--port={port}", "--device=cpu")

    def completion(words: int, *, stream: bool) -> Callable[[], bytes]:
        prompt = " ".join(f"w{number + 1}" for number in range(words))
        body: dict[str, Any] = {"model": str(model), "prompt": prompt, "max_tokens": _TOKENS, "stream": stream}
        return lambda: service.ask("/v1/completions", json.dumps(body).encode(), "application/json")

    with serving(command, collector, name="writer", health="/health") as service:
        answers = at_once([completion(2 + index, stream=index % 2 == 1) for index in range(_REQUESTS)])
    for index, answer in enumerate(answers):
        if index % 2 == 0:
            usage = json.loads(answer)["usage"]
            assert (usage["prompt_tokens"], usage["completion_tokens"]) == (2 + index, _TOKENS)

    trace = Trace(collector.traces(), "writer")
    requests = [span for span in trace.requests if span.attributes["http.route"] == "/v1/completions"]
    assert len(requests) == _REQUESTS
    generated = [span for span in trace.ours if span.name == "generate tiny-writer"]
    tokenized = [span for span in trace.ours if span.name == "tokenize"]
    assert len(trace.ours) == len(generated) + len(tokenized) == 2 * _REQUESTS
    assert {span.name for span in trace.loads} <= {"load tiny-writer"}
    assert sorted(span.attributes["inferspan.generation.input_tokens"] for span in generated) == [
        2 + index for index in range(_REQUESTS)
    ]
    for spans in (generated, tokenized):
        assert {trace.request_of(span).span_id for span in spans} == {span.span_id for span in requests}
    for span in generated:
        attributes = span.attributes
        assert attributes["inferspan.generation.output_tokens"] == _TOKENS
        assert 0 < attributes["inferspan.generation.time_to_first_token"] < (span.end_ns - span.start_ns) / 1e9
        assert attributes["inferspan.generation.time_per_output_token"] > 0
        assert attributes["inferspan.input.names"] == ["input_ids", "attention_mask"]
        assert attributes["inferspan.input.profile.notes"] == ["input_ids: token ids are not profiled"]
        assert attributes["inferspan.output.names"] == ["sequences"]
    durations = counts(collector, "writer", "inferspan.inference.duration", "inferspan.operation.name")
    assert durations == {"generate": _REQUESTS}
    stages = counts(collector, "writer", "inferspan.stage.duration", "inferspan.stage.name")
    assert stages == {"tokenize": _REQUESTS}
