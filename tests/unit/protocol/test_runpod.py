"""What workers say of failures, in RunPod's words."""

from __future__ import annotations

import json

import pytest

from trivet.protocol.runpod import HandlersError, read_error

TRACE = 'Traceback (most recent call last):\n  File "%s", line 1, in handler\nOwn: why\n'


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("/data/workers/wrk_1/code/handler.py", "handler.py"),
        ("/data/envs/0aff/lib/python3.12/site-packages/torch/nn.py", "torch/nn.py"),
        (
            "/data/runtime/0aff/trivet/runpod/serverless/utils/rp_download.py",
            "trivet/runpod/serverless/utils/rp_download.py",
        ),
        ("/usr/lib/python3.12/json/decoder.py", "/usr/lib/python3.12/json/decoder.py"),
    ],
)
def test_a_traceback_names_no_folder_of_the_platforms(place: str, shown: str) -> None:
    told = {"error_type": "<class '__main__.Own'>", "error_message": "why", "error_traceback": TRACE % place}
    assert read_error(json.dumps(told)) == HandlersError("why", "Own", TRACE % shown)


@pytest.mark.parametrize("text", ["my words", "{not JSON", '{"x": 1}', '{"error_type": 1, "error_message": ""}'])
def test_what_is_no_exception_is_its_own_message(text: str) -> None:
    assert read_error(text) == HandlersError(text)
