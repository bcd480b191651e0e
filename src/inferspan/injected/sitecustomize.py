# SPDX-License-Identifier: Apache-2.0
"""Takes the place of the OpenTelemetry launcher's module of this name, in a folder that is put on ``PYTHONPATH``."""

from inferspan.injected import instrument

instrument()
