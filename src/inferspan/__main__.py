# SPDX-License-Identifier: Apache-2.0
"""``python -m inferspan`` is the ``inferspan`` command."""

from __future__ import annotations

import sys

from inferspan.cli import main

sys.exit(main())
