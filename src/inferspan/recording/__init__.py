# SPDX-License-Identifier: Apache-2.0
"""The second half of an inference's life: queue and worker, spans, metrics, events."""
