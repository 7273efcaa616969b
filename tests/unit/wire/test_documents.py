"""JSON from outside."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.errors import BadRequest, InvalidJson
from trivet.platform.wire import documents

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

UNSOUND = [
    b"",
    b" ",
    b"{",
    b'{"a":1,}',
    b"[1 2]",
    b"nul",
    b"NaN",
    b"[Infinity]",
    b"01",
    b'"a\nb"',
    b'{"a":1}x',
    b"\xef\xbb\xbf1",
    b'"\xff"',
    b"'a'",
    b"a=1&b=2",
    '{"a":1}'.encode("utf-16"),
]


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(anything)
def test_what_is_json_is_found_sound_and_decoded_as_anybody_would(value: object) -> None:
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    documents.check_sound(data)
    assert documents.decode(data) == value


@given(anything)
def test_the_depth_of_sound_json_is_told_without_decoding_it(value: object) -> None:
    assert documents._depth(json.dumps(value).encode()) == depth_of(value)


@given(anything, st.integers(1, 9))
def test_the_depth_does_not_depend_on_where_a_window_ends(value: object, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_WINDOW", size)
        assert documents._depth(json.dumps(value).encode()) == depth_of(value)


def test_what_is_too_deep_is_not_read_to_its_end() -> None:
    bomb = b"[" * 5_000_000
    assert documents.MAX_DEPTH < documents._depth(bomb) < len(bomb) / 10


@pytest.mark.parametrize("data", UNSOUND)
def test_what_is_not_json_is_refused_with_a_sentence(data: bytes) -> None:
    for check in (documents.check_sound, documents.decode):
        with pytest.raises(InvalidJson) as refused:
            check(data)
        assert refused.value.detail.startswith("The body is not JSON: ")


def test_nan_is_told_what_to_send_instead() -> None:
    with pytest.raises(InvalidJson) as refused:
        documents.decode(b'{"x": NaN}')
    assert "null" in refused.value.hint


@pytest.mark.parametrize("opener", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [101, 5_000, 1_000_000])
def test_json_that_is_too_deep_is_refused_and_nothing_breaks(opener: bytes, depth: int) -> None:
    closer = b"]" if opener == b"[" else b"}"
    for data in (opener * depth + b"1" + closer * depth, opener * depth):
        for check in (documents.check_sound, documents.decode, documents.check_depth):
            with pytest.raises(InvalidJson, match="deeper than 100"):
                check(data)


def test_json_of_the_greatest_depth_is_taken() -> None:
    data = b"[" * 100 + b"]" * 100
    documents.check_sound(data)
    documents.decode(data)


def test_brackets_in_texts_do_not_count() -> None:
    value = ["[" * 500, '"' + "{" * 500, "\\" * 7 + "[" * 300, {"[{" * 200: 1}]
    documents.check_sound(json.dumps(value).encode())


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    counts: list[int] = []


def test_a_document_is_read_as_what_it_must_be() -> None:
    assert documents.decode_as(b'{"name":"a","counts":[1]}', Thing) == Thing("a", [1])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"counts":[1]}', "name"),
        (b'{"name":1}', "at /name"),
        (b'{"name":"a","counts":[1,"x"]}', "at /counts/1"),
        (b'{"name":"a","more":1}', "more"),
        (b"[]", "object"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_naming_the_field(data: bytes, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        documents.decode_as(data, Thing)
    assert words in refused.value.detail
    assert refused.value.code == "bad_request"


def test_a_document_that_is_no_json_is_refused_as_that() -> None:
    with pytest.raises(InvalidJson):
        documents.decode_as(b"{", Thing)
    with pytest.raises(InvalidJson):
        documents.decode_as(b"[" * 100_000, Thing)


def test_a_pointer_escapes_what_must_be_escaped() -> None:
    assert documents.pointer(["a/b", 0, "~"]) == "/a~1b/0/~0"
    assert documents.pointer([]) == ""
