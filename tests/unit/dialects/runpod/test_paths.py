"""Paths below ``/runpod``, decoded part by part."""

from __future__ import annotations

import pytest

from trivet.platform.core.errors import NotFound
from trivet.platform.dialects.runpod.paths import endpoint_parts, parts_of, reference_to, target_of


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/runpod/v2/ep/run", ["v2", "ep", "run"]),
        (b"/runpod/v2/ann%2Fsong/run", ["v2", "ann/song", "run"]),
        (b"/runpod/v2//ep/run/", ["v2", "ep", "run"]),
        (b"/runpod/v2/ep/job-take/w&job_in_progress=0", ["v2", "ep", "job-take", "w&job_in_progress=0"]),
        (b"/runpod", []),
        (b"/runpod/v2/%ff/run", ["v2", "�", "run"]),
    ],
)
def test_a_path_is_cut_before_it_is_decoded(raw: bytes, parts: list[str]) -> None:
    assert parts_of("whatever", raw) == parts
    assert parts_of("whatever", b"/behind" + raw, "/behind") == parts


def test_without_the_path_as_it_was_sent_the_decoded_one_is_read() -> None:
    assert parts_of("/runpod/v2/ep/run", b"") == ["v2", "ep", "run"]


def test_a_target_is_a_verb_on_an_endpoint_or_on_a_job() -> None:
    run = target_of(["ep", "run"])
    assert run is not None
    assert (run.endpoint, run.verb, run.job_id) == ("ep", "run", "")
    status = target_of(["ep", "status", "job_1"])
    assert status is not None
    assert (status.verb, status.job_id) == ("status", "job_1")
    for parts in ([], ["ep"], ["ep", "status"], ["ep", "run", "x"], ["ep", "nothing"], ["ep", "status", "a", "b"]):
        assert target_of(parts) is None
    assert endpoint_parts(["v2", "ep", "run"]) == ["ep", "run"]
    assert endpoint_parts(["v2"]) is None
    assert endpoint_parts(["v3", "ep"]) is None


def test_an_endpoint_is_referred_to_by_id_number_or_name() -> None:
    assert reference_to("abc").id == "abc"
    assert reference_to("42").model_id == 42
    for text in ("ann/song", "ann~song"):
        assert (reference_to(text).owner, reference_to(text).name) == ("ann", "song")
    for text in ("x" * 301, "a~b~c/", "a/b/c/d"):
        with pytest.raises(NotFound):
            reference_to(text)
