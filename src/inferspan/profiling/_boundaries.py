# SPDX-License-Identifier: Apache-2.0
"""The buckets of OpenTelemetry's base-2 exponential histogram, exactly, for every double.

At scale ``s`` bucket ``i`` covers (2^(i/2^s), 2^((i+1)/2^s)]: the upper boundary belongs to it. Between powers of two a
boundary is irrational, so no double ever is one; the roots it is made of are computed with as many bits as it takes to
tell on which side of it a double lies.

https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache
from math import isqrt

#: Scales that the SDK uses.
MAX_SCALE = 20
MIN_SCALE = -10
#: A logarithm in double precision that is further from a whole number, in buckets, is on the right side of it.
_DOUBT = 2.0**-28
_MANTISSA = 53
_LOWEST_EXPONENT = -1074
_PRECISION = 128


def bucket_index(value: float, scale: int) -> int:
    """Returns the bucket that a value is in.

    Subnormal values are in buckets of their own, as normal ones are. (The SDK puts them all just below the smallest
    normal one, which the specification permits as well.)

    Args:
        value: finite and above zero.
        scale: from `MIN_SCALE` to `MAX_SCALE`.
    """
    fraction, exponent = math.frexp(value)
    exponent -= 1
    is_power = fraction == 0.5
    if scale <= 0:
        return (exponent - is_power) >> -scale
    if is_power:
        return (exponent << scale) - 1
    mantissa = 2.0 * fraction
    position = math.log2(mantissa) * (1 << scale)
    index = math.floor(position)
    if abs(position - round(position)) < _DOUBT:
        nearest = round(position)
        index = nearest if mantissa > _root(nearest, scale) else nearest - 1
    return (exponent << scale) + index


def boundary(index: int, scale: int) -> float:
    """Returns the lower boundary of a bucket, rounded down to a double, which loses nothing.

    No double lies between a boundary and what it is rounded down to: a value is above the one exactly if it is above
    the other.

    Args:
        index: of the bucket; that of the next one for the upper boundary.
        scale: from `MIN_SCALE` to `MAX_SCALE`.

    Returns:
        The largest double that is not above the boundary: 0.0 below the smallest one, the largest beyond it.
    """
    whole, part = (index >> scale, index & ((1 << scale) - 1)) if scale > 0 else (index << -scale, 0)
    if whole > sys.float_info.max_exp - 1:
        return sys.float_info.max
    if whole < _LOWEST_EXPONENT:
        return 0.0
    root = _root(part, scale)
    if whole >= sys.float_info.min_exp - 1:
        return math.ldexp(root, whole)
    # A subnormal has fewer bits: those beyond are cut off, where ldexp would round.
    kept = int(root * 2.0 ** (_MANTISSA - 1)) >> (sys.float_info.min_exp - 1 - whole)
    return math.ldexp(float(kept), _LOWEST_EXPONENT)


def boundaries(index: int, number: int, scale: int) -> list[float]:
    """Returns the lower boundaries of as many buckets in a row, as `boundary` does, in a fraction of the time."""
    if scale <= 0:
        return [boundary(one, scale) for one in range(index, index + number)]
    size = 1 << scale
    found: list[float] = []
    step = _square_roots(_PRECISION)[scale - 1]
    low = 0
    cut = _PRECISION - (_MANTISSA - 1)
    for one in range(index, index + number):
        part = one & (size - 1)
        low = _product(part, scale, _PRECISION) if not found or not part else low * step >> _PRECISION
        # As in `_root`; each step may lose as much again.
        is_clear = low >> cut == low + 8 * (scale + 1 + len(found)) >> cut
        is_normal = sys.float_info.min_exp <= one >> scale < sys.float_info.max_exp
        root = math.ldexp(float(low >> cut), (one >> scale) - (_MANTISSA - 1)) if is_clear and is_normal else None
        found.append(boundary(one, scale) if root is None else root)
    return found


@lru_cache(maxsize=4096)
def _root(part: int, scale: int) -> float:
    """Returns 2^(part/2^scale), for a part from 0 to 2^scale, rounded down to a double."""
    if part <= 0:
        return 1.0
    if part >= 1 << scale:
        return 2.0
    precision = _PRECISION
    while True:
        low = _product(part, scale, precision)
        cut = precision - (_MANTISSA - 1)
        # What was cut off in every step adds up to less than this many units of the last bit.
        high = low + 8 * (scale + 1)
        if low >> cut == high >> cut:
            return math.ldexp(float(low >> cut), -(_MANTISSA - 1))
        precision *= 2


def _product(part: int, scale: int, precision: int) -> int:
    """Returns 2^(part/2^scale) in units of 2^-precision, a little too low if anything."""
    result = 1 << precision
    for root in _square_roots(precision)[:scale]:
        scale -= 1
        if part >> scale & 1:
            result = result * root >> precision
    return result


@lru_cache(maxsize=8)
def _square_roots(precision: int) -> list[int]:
    """Returns 2^(1/2), 2^(1/4), 2^(1/8) … in units of 2^-precision, each too low by less than two of them."""
    roots: list[int] = []
    root = 2 << precision
    for _ in range(MAX_SCALE):
        root = isqrt(root << precision)
        roots.append(root)
    return roots
