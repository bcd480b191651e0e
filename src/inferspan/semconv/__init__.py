# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/model by `python semconv/generate.py`; do not edit.
"""The names of everything that inferspan emits, generated from the registry of semantic conventions.

`attributes`, `metrics` and `events` have the names, `schema` has the URL of the conventions as a whole.
"""
