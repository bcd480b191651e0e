# SPDX-License-Identifier: Apache-2.0
"""What a generation adds to an inference: attributes of its span, and metrics of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import Meter

from inferspan.generation import Generation
from inferspan.semconv import attributes as names
from inferspan.semconv import metrics as instruments
from inferspan.semconv.attributes import GenerationTokenType

_NANOSECONDS = 1e9


def attributes_of(generation: Generation) -> dict[str, Any]:
    """Returns the attributes of the span, those that are known."""
    attributes: dict[str, Any] = {
        names.INFERSPAN_GENERATION_INPUT_TOKENS: generation.input_tokens,
        names.INFERSPAN_GENERATION_OUTPUT_TOKENS: generation.output_tokens,
        names.INFERSPAN_GENERATION_TIME_TO_FIRST_TOKEN: _seconds(generation.time_to_first_token),
        names.INFERSPAN_GENERATION_TIME_PER_OUTPUT_TOKEN: _seconds(generation.time_per_output_token),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANOSECONDS


class Instruments:
    """The metrics of generations in one scope."""

    __slots__ = ("_first", "_later", "_tokens")

    def __init__(self, meter: Meter) -> None:
        self._tokens = instruments.create_generation_tokens(meter)
        self._first = instruments.create_generation_time_to_first_token(meter)
        self._later = instruments.create_generation_time_per_output_token(meter)

    def record(self, generation: Generation, attributes: Mapping[str, Any], context: Context) -> None:
        """Records what is known of one generation.

        Args:
            generation: that has ended.
            attributes: of the model, as its metrics carry them.
            context: with the span, for exemplars.
        """
        for count, kind in (
            (generation.input_tokens, GenerationTokenType.INPUT),
            (generation.output_tokens, GenerationTokenType.OUTPUT),
        ):
            if count is not None:
                self._tokens.add(count, {**attributes, names.INFERSPAN_GENERATION_TOKEN_TYPE: kind}, context)
        if generation.time_to_first_token is not None:
            self._first.record(generation.time_to_first_token / _NANOSECONDS, attributes, context)
        if generation.time_per_output_token is not None:
            self._later.record(generation.time_per_output_token / _NANOSECONDS, attributes, context)
