# SPDX-License-Identifier: Apache-2.0
"""An exception as telemetry: captured in microseconds on the calling thread, written out by the worker.

What is captured refers to code objects, never to frames: a queued frame would keep its tensors alive.
"""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Sequence
from types import CodeType, FrameType, TracebackType
from typing import NamedTuple

from opentelemetry.trace import Span, Status, StatusCode

from inferspan import config
from inferspan.semconv import attributes as names
from inferspan.text import encodable

_SIGNAL = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"
_MAX_FRAMES = 64
_MAX_CHAIN = 4
_MAX_MESSAGE = 1024
_MAX_STACKTRACE = 16_384


class Failure(NamedTuple):
    """One exception: its type, its message, where it passed, and the one that it was raised from or during.

    A frame is its code and the index of its instruction; the line is found from these by the worker.
    """

    type: str
    message: str
    frames: list[tuple[CodeType, int]]
    skipped_frames: int
    reason: Failure | None
    link: str


def name_of(error: BaseException) -> str:
    """Returns the exception's class as OpenTelemetry names it: qualified, unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", None) else f"{kind.__module__}.{kind.__qualname__}"


def capture(error: BaseException, *, detail: str) -> Failure:
    """Takes from an exception what ``exception_detail`` lets out, and no reference to its frames."""
    return _capture(error, detail, 0)


def from_text(type_name: str, message: str) -> Failure:
    """Makes a failure of an error that was reported as text, without an exception."""
    return Failure(type_name, message[:_MAX_MESSAGE], [], 0, None, "")


def _capture(error: BaseException, detail: str, depth: int) -> Failure:
    message = ""
    if detail != "type":
        try:
            message = str(error)[: _MAX_MESSAGE * 4]
        except Exception:  # an exception class whose __str__ fails: the application's fault, not ours
            message = "<exception str() failed>"
    frames: list[tuple[CodeType, int]] = []
    skipped = 0
    reason, link = None, ""
    if detail in ("stacktrace", "full"):
        frames, skipped = _frames(error.__traceback__)
        if depth < _MAX_CHAIN:
            if error.__cause__ is not None:
                link = "\nThe above exception was the direct cause of the following exception:\n\n"
                reason = _capture(error.__cause__, detail, depth + 1)
            elif error.__context__ is not None and not error.__suppress_context__:
                link = "\nDuring handling of the above exception, another exception occurred:\n\n"
                reason = _capture(error.__context__, detail, depth + 1)
    return Failure(name_of(error), message, frames, skipped, reason, link)


def _frames(traceback: TracebackType | None) -> tuple[list[tuple[CodeType, int]], int]:
    frames: list[tuple[CodeType, int]] = []
    skipped = 0
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code, traceback.tb_lasti))
        if len(frames) > _MAX_FRAMES:  # a recursion: its end tells more than its middle
            del frames[_MAX_FRAMES // 2]
            skipped += 1
        traceback = traceback.tb_next
    return frames, skipped


def message_of(failure: Failure, *, detail: str) -> str | None:
    """Returns the message that may leave, or None where none may."""
    if detail == "type":
        return None
    return encodable((failure.message if detail == "full" else elide(failure.message))[:_MAX_MESSAGE])


def stacktrace_of(failure: Failure, *, detail: str) -> str | None:
    """Writes the stack as Python prints it, with the message as it may leave, or None where it may not."""
    if detail not in ("stacktrace", "full") or not failure.frames:
        return None
    return _bounded(_format(failure, detail))


def stack_of(frame: FrameType | None, *, detail: str) -> str | None:
    """Writes where a thread is, from its outermost frame to its innermost, or None where that may not leave."""
    if detail not in ("stacktrace", "full") or frame is None:
        return None
    frames: list[tuple[CodeType, int]] = []
    while frame is not None and len(frames) < _MAX_FRAMES:
        frames.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return _bounded("".join(_lines(frames[::-1], 0, detail)))


def _bounded(text: str) -> str:
    text = encodable(text)
    if len(text) <= _MAX_STACKTRACE:
        return text
    half = _MAX_STACKTRACE // 2
    return f"{text[:half]}\n  ...\n{text[-half:]}"


def attributes_of(failure: Failure) -> dict[str, str]:
    """Returns what may leave as the attributes of an event."""
    detail = config.in_force.exception_detail
    attributes = {
        names.EXCEPTION_TYPE: failure.type,
        names.EXCEPTION_MESSAGE: message_of(failure, detail=detail),
        names.EXCEPTION_STACKTRACE: stacktrace_of(failure, detail=detail),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def go_to(signal: str) -> bool:
    """Returns whether exceptions go to ``spans`` or ``logs``; looked up each time, it is only asked for failures."""
    opted = os.environ.get(_SIGNAL, "").strip().lower()
    return opted in ("logs", "logs/dup") if signal == "logs" else opted != "logs"


def tell(span: Span, error_type: str, failure: Failure | None, *, time: int) -> None:
    """Says on a span that it failed, and how.

    Args:
        span: that has not ended.
        error_type: of the failure.
        failure: the exception, where it is to be told.
        time: of the failure, in nanoseconds since the epoch.
    """
    message = message_of(failure, detail=config.in_force.exception_detail) if failure is not None else None
    span.set_status(Status(StatusCode.ERROR, message or error_type))
    if failure is not None and go_to("spans"):
        span.add_event("exception", attributes_of(failure), timestamp=time)


def _format(failure: Failure, detail: str) -> str:
    parts: list[str] = []
    if failure.reason is not None:
        parts += [_format(failure.reason, detail), failure.link]
    parts.append("Traceback (most recent call last):\n")
    parts += _lines(failure.frames, failure.skipped_frames, detail)
    message = message_of(failure, detail=detail)
    parts.append(f"{failure.type}: {message}\n" if message else f"{failure.type}\n")
    return "".join(parts)


def _lines(frames: Sequence[tuple[CodeType, int]], skipped: int, detail: str) -> list[str]:
    lines: list[str] = []
    for index, (code, instruction) in enumerate(frames):
        if skipped and index == _MAX_FRAMES // 2:
            lines.append(f"  [{skipped} more frames]\n")
        if _is_own(code):
            continue
        line = _line_of(code, instruction)
        lines.append(f'  File "{code.co_filename}", line {line}, in {code.co_name}\n')
        source = linecache.getline(code.co_filename, line).strip()
        if source:  # whose literals may be anything, a password included
            lines.append(f"    {source if detail == 'full' else _elide_quoted(source)}\n")
    return lines


def _line_of(code: CodeType, instruction: int) -> int:
    for begin, end, line in code.co_lines():
        if begin <= instruction < end and line is not None:
            return line
    return code.co_firstlineno


def _is_own(code: CodeType) -> bool:
    path = code.co_filename.replace("\\", "/")
    return "/inferspan/" in path or "/inferspan_instrumentors/" in path


# A quote opens where no word ends ("can't" opens nothing) and closes where none begins; one that never closes takes
# the rest with it.
_QUOTED = re.compile(r"""(?<!\w)(['"`])(?:\\.|(?!\1(?!\w)).)*(?:\1|$)""", re.DOTALL)
_ADDRESS = re.compile(r"[^\s@]{0,128}@\S*")
#: Arrays, dicts and dataclasses as Python prints them: what is in them are data.
_PRINTED_ARRAY = re.compile(r"\b(array|tensor)\([^()]*(?:\([^()]*\)[^()]*)*(?:\)|$)", re.IGNORECASE)
_PRINTED_DICT = re.compile(r"\{[^{}]*[:\w…][^{}]*(?:\}|$)")
_PRINTED_FIELD = re.compile(r"(?<=\w=)[^\s=,;()\[\]{}'\"`…]+")
#: Numbers in brackets: a shape where they are few and have commas between them, else data.
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\{[^{}]*\}")
_MAX_DIMENSIONS = 8
_SPACED = re.compile(r".\s*-?\d+\.?(\s+-?\d+\.?)+\s*.", re.DOTALL)
_WORD = re.compile(r"[\w.+-]+")
_PARTS = re.compile(r"[._+-]")
#: Letters with at most two digits after them (``layer4``, ``float32``), other element types, shapes.
_NAME = re.compile(r"[^\W\d]+\d{0,2}|(?:complex|float)128|e\dm\d\w{0,3}|\d+(?:x\d+)+|")
_MAX_DIGITS = 6
_MAX_DIGITS_IN_PARTS = 4
_SIZE = re.compile(r"\s?[KMGT]?i?B\b")


def elide(message: str) -> str:
    """Takes out of a message what is likely to be data and keeps what is likely to be structure.

    Quoted literals, addresses, printed arrays and dicts, values after an equals sign, decimal fractions, whole numbers
    of seven digits and more, dates, and words that mix letters and digits (identifiers, hashes, keys) become an
    ellipsis; shapes, element types, indices and names stay. A plain word cannot be told from a name, and stays.
    """
    message = _ADDRESS.sub("…", _elide_quoted(message))
    message = _PRINTED_ARRAY.sub(r"\1(…)", message)
    message = _PRINTED_DICT.sub(_elide_dict, message)
    message = _BRACKETED.sub(_elide_numbers, _PRINTED_FIELD.sub("…", message))
    return _WORD.sub(_elide_word, message)


def _elide_quoted(text: str) -> str:
    return _QUOTED.sub(lambda match: f"{match[1]}…{match[1]}", text)


def _elide_dict(match: re.Match[str]) -> str:
    text = match.group()
    return text if text.strip("{}").replace(",", "").replace(" ", "").isdecimal() else "{…}"


def _elide_numbers(match: re.Match[str]) -> str:
    text = match.group()
    is_data = text.count(",") >= _MAX_DIMENSIONS or _SPACED.fullmatch(text)
    return f"{text[0]}…{text[-1]}" if is_data else text


def _elide_word(match: re.Match[str]) -> str:
    word = match.group()
    parts = _PARTS.split(word)
    digits = [part for part in parts if part.isdecimal()]
    if len(digits) + parts.count("") == len(parts):
        numbers = "".join(digits)
        if len(digits) < 2 and len(numbers) <= _MAX_DIGITS:
            return word
        if len(digits) == 2 and "." in word:  # a fraction, unless it is how much memory there was
            return word if _SIZE.match(match.string, match.end()) else "…"
        return word if len(numbers) <= _MAX_DIGITS_IN_PARTS else "…"
    is_name = all(_NAME.fullmatch(part) or (part.isdecimal() and len(part) <= _MAX_DIGITS) for part in parts)
    return word if is_name else "…"
