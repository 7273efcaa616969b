"""Frames survive any cut of the stream, and nothing else passes for one."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.protocol.frames import Decoder, Frame, Kind, ProtocolError, encode

METAS = st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=3)
FRAMES = st.builds(Frame, st.sampled_from(Kind), st.integers(0, 2**64 - 1), METAS, st.binary(max_size=50))


@given(st.lists(FRAMES, max_size=6), st.lists(st.integers(0, 400), max_size=8))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(frames: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(encode(*frame) for frame in frames)
    decoder = Decoder()
    found: list[Frame] = []
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(places):
        found += decoder.feed(stream[start:end])
    assert found == frames


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_protocol_error(data: bytes) -> None:
    try:
        frames = Decoder(max_frame=1000).feed(data)
    except ProtocolError:
        return
    assert sum(len(frame.body) for frame in frames) <= len(data)


def head(length: int, kind: int, meta_length: int) -> bytes:
    return struct.pack(">IBIQ", length, kind, meta_length, 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (head(13, 99, 0), "unknown kind"),
        (head(2**31, 1, 0), "limit"),
        (head(13, 1, 5), "shorter"),
        (head(14, 1, 1) + b"{", "not JSON"),
        (head(15, 1, 2) + b"[]", "not a JSON object"),
    ],
)
def test_what_is_no_frame_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        Decoder().feed(data)


def test_a_frame_over_the_limit_is_refused_before_its_body_has_come() -> None:
    with pytest.raises(ProtocolError, match="limit is 100"):
        Decoder(max_frame=100).feed(encode(Kind.RESULT, 1, {}, b"x" * 200)[:20])


def test_numbers_of_kinds_never_change() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "HELLO": 1, "WELCOME": 2, "REFUSED": 3, "READY": 4, "UNFIT": 5,
        "JOB": 10, "PIECE": 11, "PROGRESS": 12, "LOG": 13, "RESULT": 14, "ERROR": 15, "CANCEL": 16, "STOPPED": 17,
        "RETURNED": 18, "RECALL": 19, "HEARTBEAT": 20, "DRAIN": 21, "DRAINING": 22, "BYE": 23, "BEGUN": 24,
    }  # fmt: skip


def test_a_frame_without_meta_costs_its_head_alone() -> None:
    empty: dict[str, Any] = {}
    assert len(encode(Kind.BYE)) == len(encode(Kind.BYE, 0, empty)) == 17
