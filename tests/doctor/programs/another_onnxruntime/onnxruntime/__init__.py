# SPDX-License-Identifier: Apache-2.0
"""Stands for a version of the library whose modules have other names in them."""

from onnxruntime.capi import onnxruntime_inference_collection as onnxruntime_inference_collection
