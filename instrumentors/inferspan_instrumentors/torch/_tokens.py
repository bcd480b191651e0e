# SPDX-License-Identifier: Apache-2.0
"""Counts the tokens that a generation was given and has generated, padding excluded where it can be told.

All is counted when the generation has ended: the device is idle then, and a look at what it holds stalls nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferspan.values import walk


def count_inputs(torch: Any, inputs: Mapping[str, Any], settings: Any) -> int | None:
    """Counts the tokens given, or the embeddings of tokens.

    Args:
        torch: the module.
        inputs: what the model was given, by the names that it knows.
        settings: transformers' ``GenerationConfig`` in force, or None.

    Returns:
        None where the model was given no text, or nothing that is read.
    """
    ids = inputs.get("input_ids")
    given = inputs.get("inputs_embeds", ids)
    if type(given) is not torch.Tensor or given.dim() < 2:
        return None
    rows, length = given.shape[:2]
    mask: Any = inputs.get("attention_mask")
    if type(mask) is torch.Tensor and mask.dim() == 2 and mask.shape[0] == rows and mask.shape[1] >= length:
        values = _on_host(torch, mask)
        # A mask longer than what is given begins with what is in the cache already.
        return None if values is None else int((values[:, -length:] != 0).sum())
    padding = getattr(settings, "pad_token_id", None)
    if given is not ids or padding is None or padding in _end_tokens(settings):
        return rows * length
    values = _on_host(torch, ids)
    return None if values is None else int((values != padding).sum())


def count_outputs(torch: Any, sequences: Any, prompt: int, settings: Any) -> tuple[int | None, int | None]:
    """Counts the tokens generated.

    Args:
        torch: the module.
        sequences: what was returned, one row a sequence, its prompt first.
        prompt: length of the prompt, in tokens.
        settings: transformers' ``GenerationConfig`` in force, or None.

    Returns:
        The number of all sequences together, and that of the longest one; None where it is not known.
    """
    if type(sequences) is not torch.Tensor or sequences.dim() != 2:
        return None, None
    rows, length = sequences.shape
    longest = length - prompt
    if longest < 0:
        return None, None
    if rows == 1 or longest == 0:  # generation ends when the longest sequence does
        return rows * longest, longest
    values = _on_host(torch, sequences)
    if values is None:
        return None, longest
    return int(_lengths(values[:, prompt:], settings).sum()), longest


def _lengths(generated: Any, settings: Any) -> Any:
    """Returns the length of each sequence, its end token included, without the padding after it."""
    np = _numpy()
    length = generated.shape[1]
    ends = _end_tokens(settings)
    is_end = np.isin(generated, ends)
    lengths = np.where(is_end.any(axis=1), is_end.argmax(axis=1) + 1, length)
    padding = getattr(settings, "pad_token_id", None)
    if padding is not None and padding not in ends:
        # What was ended by another criterion is padded without an end token.
        is_token = generated[:, ::-1] != padding
        lengths = np.minimum(lengths, np.where(is_token.any(axis=1), length - is_token.argmax(axis=1), 0))
    return lengths


def _end_tokens(settings: Any) -> Any:
    ends: Any = getattr(settings, "eos_token_id", None)
    if ends is None:
        return []
    return ends if hasattr(ends, "__len__") else [ends]


def _on_host(torch: Any, tensor: Any) -> Any:
    """Returns a tensor's values as an array, or None where they cannot be read."""
    if not tensor.is_cpu:
        if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
            return None  # a mode of the application's would see us copy
        tensor = tensor.cpu()
    ((_, reading),) = walk(tensor, "tokens")
    if reading.array is not None:
        return reading.array
    if type(reading.data) is not bytes:
        return None
    return _numpy().frombuffer(reading.data, reading.layout).reshape(reading.shape)


def _numpy() -> Any:
    """Returns numpy where it is needed, for it is the application's; without its types, which know no element type."""
    import numpy

    return numpy
