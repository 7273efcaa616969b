"""Paths below ``/algorithmia``: the door, the area, and names that are decoded part by part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.data_paths import DataPath
from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.algorithmia.paths import Place, WorkerProof, data_path, place_of, shown


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"/algorithmia/v1/algo/a/b", Place("algo", "a/b")),
        (b"/algorithmia//v1/algo/a/b", Place("algo", "a/b")),
        (b"/algorithmia/v1/data/", Place("data", "")),
        (b"/algorithmia/v1/data", Place("data", "")),
        (b"/algorithmia/v1/data/s3+lab://b//k", Place("data", "s3+lab://b//k")),
        (b"/algorithmia/w/w1.se.cret/v1/insights", Place("insights", "", WorkerProof("w1", "se.cret"))),
        (b"/algorithmia/w/w1/v1/insights", Place("insights", "", WorkerProof("w1", ""))),
        (b"/algorithmia/w/w1.x", None),
        (b"/algorithmia/v2/algo/a/b", None),
        (b"/algorithmia/v1", None),
        (b"/algorithmia", None),
    ],
)
def test_a_path_is_cut_before_it_is_decoded(raw: bytes, place: Place | None) -> None:
    assert place_of("whatever", raw) == place
    assert place_of("whatever", b"/behind" + raw, "/behind") == place


def test_without_the_path_as_it_was_sent_the_decoded_one_is_read() -> None:
    assert place_of("/algorithmia/v1/algo/a/b", b"") == Place("algo", "a/b")


def test_names_are_decoded_one_by_one() -> None:
    assert Place("algo", "a%20b/c%2Fd/").parts == ["a b", "c/d"]
    with pytest.raises(BadRequest, match="UTF-8"):
        _ = Place("algo", "%ff").parts


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        (Place("data", "a/b%20c+d"), "a/b c+d"),
        (Place("data", "S3+lab://b//k"), "S3+lab://b//k"),
        (Place("connector", "s3+lab/b/k"), "s3+lab://b/k"),
        (Place("connector", "data/a%2Fb%2Fc"), "data://a/b/c"),
    ],
)
def test_a_uri_stands_behind_the_area(place: Place, uri: str) -> None:
    assert data_path(place) == uri


def test_an_encoded_slash_does_not_become_one() -> None:
    with pytest.raises(BadRequest, match="slash"):
        data_path(Place("data", "a/b%2Fc"))


def test_a_workers_proof_is_not_told_in_errors() -> None:
    place = place_of("", b"/algorithmia/w/w1.secret/v1/nothing/x")
    assert place is not None
    assert shown(place) == "/algorithmia/v1/nothing/x"


@given(st.text(alphabet="./%2eE2fF0dataAlgomy:-+ ", max_size=40))
def test_no_path_escapes_its_collection(rest: str) -> None:
    try:
        path = DataPath.parse(data_path(Place("data", rest)))
    except BadRequest:
        return
    for name in (path.owner, path.collection, path.file):
        assert name is None or (name not in {"", ".", ".."} and "/" not in name)
