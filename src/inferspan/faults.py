# SPDX-License-Identifier: Apache-2.0
"""The one place where inferspan's own faults end: counted, logged once each, never the application's problem."""

from __future__ import annotations

import logging
import sys

_log = logging.getLogger("inferspan")

#: Faults by the part of inferspan they came from, since the process started.
counts: dict[str, int] = {}

#: Set by ``raise_faults``: inferspan's own tests want the fault, not the count.
strict = False

_logged: set[tuple[str, str, int]] = set()
_MAX_LOGGED = 64


def caught(component: str) -> None:
    """Ends the exception being handled; call it from an ``except Exception`` block and nowhere else.

    Args:
        component: the part of inferspan that failed, as in ``inferspan.self.component``.
    """
    counts[component] = counts.get(component, 0) + 1
    error = sys.exception() if sys.version_info >= (3, 11) else sys.exc_info()[1]
    if error is None:
        return
    if strict:
        raise error
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (component, type(error).__name__, trace.tb_lineno if trace else 0)
    if place in _logged or len(_logged) >= _MAX_LOGGED:
        return
    _logged.add(place)
    # Neither the message nor locals: both can quote the application's data.
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown place"
    _log.warning(
        "inferspan failed in %s (%s at %s); the application is not affected", component, type(error).__name__, where
    )
