# SPDX-License-Identifier: Apache-2.0
"""Whether this thread is inside a torch inference already."""

from __future__ import annotations

import threading


class _Inside(threading.local):
    on = False


#: Set while an outermost call runs. A thread-local is right here, and the cheapest: a module's body is synchronous
#: and cannot yield to another task.
inside = _Inside()
