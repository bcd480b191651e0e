# SPDX-License-Identifier: Apache-2.0
"""The same without a launcher: a spawned process imports its parent's main module, and is set up by this, too."""

from opentelemetry.instrumentation.auto_instrumentation import initialize

initialize()

from pool import main  # noqa: E402

if __name__ == "__main__":
    main()
