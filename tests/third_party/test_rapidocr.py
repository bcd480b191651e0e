# SPDX-License-Identifier: Apache-2.0
"""RapidOCR's own server: three ONNX models that come with it, one after the other, on a pool of threads."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from support.collector import Collector
from support.services import Trace, at_once, counts, serving

_REQUIREMENTS = ("rapidocr_api==0.2.0", "rapidocr==3.10.0", "onnxruntime")
_REQUESTS = 16
_BOUNDARY = "------------------------inferspan"


def _photograph(text: str) -> bytes:
    image = Image.new("RGB", (320, 80), "white")
    ImageDraw.Draw(image).text((10, 20), text, fill="black", font_size=40)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _form(image: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="image_file"; filename="a.png"\r\n\r\n'
    return head.encode() + image + f"\r\n--{_BOUNDARY}--\r\n".encode()


@pytest.mark.timeout(900)  # the first time, the environment is made
def test_rapidocr(environment: Callable[..., Path], collector: Collector) -> None:
    programs = environment("rapidocr", *_REQUIREMENTS)
    command = (programs / "rapidocr_api", "--ip=127.0.0.1", "--port={port}")
    with serving(command, collector, name="ocr", health="/") as service:
        forms = [_form(_photograph(f"TEXT{100 + index}")) for index in range(_REQUESTS)]
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        answers = at_once([lambda form=form: json.loads(service.ask("/ocr", form, kind)) for form in forms])
    read = ["".join(line["rec_txt"] for line in answer.values()) for answer in answers]
    assert read == [f"TEXT{100 + index}" for index in range(_REQUESTS)]

    trace = Trace(collector.traces(), "ocr")
    requests = [span for span in trace.requests if span.attributes["http.route"] == "/ocr"]
    assert len(requests) == _REQUESTS
    models = ["PP-OCRv6_det_small", "PP-OCRv6_rec_small", "ch_ppocr_mobile_v2.0_cls_mobile"]
    per_request = Counter((trace.request_of(span).span_id, span.name) for span in trace.ours)
    assert per_request == Counter((request.span_id, f"infer {model}") for request in requests for model in models)
    assert {span.name for span in trace.loads} == {f"load {model}" for model in models}
    durations = counts(collector, "ocr", "inferspan.inference.duration", "inferspan.model.name")
    assert durations == dict.fromkeys(models, _REQUESTS)

    for span in trace.ours:
        assert span.status != "error"
        assert span.attributes["inferspan.system.name"] == "onnxruntime"
        assert len(span.attributes["inferspan.input.names"]) == len(span.attributes["inferspan.output.names"]) == 1
        assert span.attributes["inferspan.input.shapes"][0].startswith("1x3x")
        assert span.attributes["inferspan.input.profile.missing_counts"] == [0]
        assert -1.0 <= span.attributes["inferspan.input.profile.minimums"][0] < 1.0
