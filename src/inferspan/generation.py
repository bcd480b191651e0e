# SPDX-License-Identifier: Apache-2.0
"""What an adapter knows of a generation when it has ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Counts of tokens, and times in nanoseconds; None where one is not known.

    Attributes:
        input_tokens: that the model was given, of all sequences together, without padding.
        output_tokens: that the model has generated, of all sequences together, without padding.
        time_to_first_token: from the start of the call.
        time_per_output_token: the mean between the first token and the last, for each token after the first; the
            tokens of one step, one for each sequence, count as one.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    time_to_first_token: int | None = None
    time_per_output_token: float | None = None
