# SPDX-License-Identifier: Apache-2.0
"""Numbers, durations and counts as people read them: three significant digits, few characters."""

from __future__ import annotations

#: Stands for a statistic that was withheld, or does not apply.
NOTHING = "·"


def number(value: float | None) -> str:
    """A statistic: ``0.131``, ``12345``, ``-1.2e-05``."""
    if value is None:
        return NOTHING
    magnitude = abs(value)
    if magnitude == 0:
        return "0"
    if magnitude >= 99_999.5 or magnitude < 0.000_995:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if magnitude >= 999.5:
        return f"{value:.0f}"
    return f"{value:.3g}"


def count(value: int) -> str:
    """A count: ``1,204``."""
    return f"{value:,}"


def share(part: int, whole: int) -> str:
    """A part of a whole in percent: only none of it is ``0 %``, and only all of it ``100 %``."""
    if not part or not whole:
        return "0 %"
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1 %"
    if percent > 99.9:
        return ">99.9 %"
    return f"{percent:.1f} %" if percent < 10 or percent > 99 else f"{percent:.0f} %"


def duration(seconds: float | None) -> str:
    """A duration: ``850 µs``, ``1.21 ms``, ``12.3 s``."""
    if seconds is None:
        return NOTHING
    for unit, factor in (("ns", 1e9), ("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 999.5:
            return f"{_three_digits(seconds * factor)} {unit}"
    return f"{_three_digits(seconds)} s" if seconds < 119.5 else f"{seconds / 60:,.0f} min"


def rate(per_second: float | None) -> str:
    """A rate, without its unit: ``98.2``, ``1,204``."""
    if per_second is None:
        return NOTHING
    if per_second >= 999.5:
        return f"{per_second:,.0f}"
    if 0 < per_second < 0.005:
        return "<0.01"
    return _three_digits(per_second)


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def plain(text: str) -> str:
    """Text of the program on one line, without anything that a terminal would obey."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
