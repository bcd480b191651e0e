# SPDX-License-Identifier: Apache-2.0
"""One Collector for all ways to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.collector import Collector


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one
