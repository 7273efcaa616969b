from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from trivet.authoring import Blob
from trivet.cli.inputs import Input, read_input

DEEP = "[" * 5_000  # deeper than the parser goes


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"name": "Bond"}', {"name": "Bond"}), ("3", 3), ('"Bond"', "Bond"), ("null", None), ("[1]", [1])],
)
def test_an_argument_is_json(text: str, value: object) -> None:
    assert read_input(text) == Input(value)


def test_no_argument_is_null() -> None:
    assert read_input(None).payload() is None


def test_plain_text_is_refused_with_the_quoting_that_would_do() -> None:
    with pytest.raises(click.UsageError) as caught:
        read_input("it's me")
    assert """'"it'"'"'s me"'""" in caught.value.message


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', "{", "'a'", DEEP], ids=lambda text: text[:5])
def test_what_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="not JSON"):
        read_input(text)


def test_the_name_of_a_file_without_its_sign_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.touch()
    with pytest.raises(click.UsageError, match=f"@{file}"):
        read_input(str(file))


def test_a_json_file_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"a": 1}')
    assert read_input(f"@{file}") == Input({"a": 1})


def test_a_json_file_with_a_fault_is_named(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text("{")
    with pytest.raises(click.UsageError, match="input.json is not JSON"):
        read_input(f"@{file}")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("p.jpg", "image/jpeg"), ("t.txt", "text/plain"), ("unknown", "application/octet-stream")],
)
def test_any_other_file_is_sent_as_it_is(tmp_path: Path, name: str, content_type: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x00\xff")
    assert read_input(f"@{file}").payload() == Blob(b"\x00\xff", content_type)


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="No such file"):
        read_input(f"@{tmp_path / 'none'}")


def test_standard_input_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b' {"a": 1}\n')
    assert read_input("-") == Input({"a": 1})


def test_standard_input_that_is_no_text_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"\xff\xd8\xff")
    assert read_input("-") == Input(b"\xff\xd8\xff", "application/octet-stream")


def test_text_on_standard_input_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"hello")
    with pytest.raises(click.UsageError, match="Standard input is text, but not JSON"):
        read_input("-")
