# SPDX-License-Identifier: Apache-2.0
"""Instrumentors of libraries: each finds the call, its model, its inputs and its outputs, and nothing else."""
