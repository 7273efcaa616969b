from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from trivet.cli.output import Column, ago, facts, listing, moment, span, to_json
from trivet.sdk.models import AccountInfo

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ID = "a" * 60

COLUMNS: list[Column[dict[str, str]]] = [
    Column("ID", lambda row: row["id"], whole=True),
    Column("WHAT", lambda row: row.get("what")),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.85, "850ms"), (42, "42s"), (119, "119s"), (300, "5m"), (7200, "2h"), (1e6, "11d")],
)
def test_a_length_of_time_has_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_moment_ahead_reads_as_such() -> None:
    assert ago(NOW - timedelta(minutes=5), NOW) == "5m"
    assert ago(NOW + timedelta(days=30), NOW) == "in 30d"
    assert ago(None) is None


def test_a_clock_that_is_a_little_off_gives_no_future() -> None:
    assert ago(NOW + timedelta(milliseconds=400), NOW) == "0ms"


def test_times_are_rfc_3339_in_utc() -> None:
    assert moment(NOW) == "2026-11-21T08:00:00.000Z"


def test_models_become_json() -> None:
    assert json.loads(to_json([AccountInfo("ada", created_at=NOW)]))[0]["name"] == "ada"


def test_json_keeps_text_as_it_is() -> None:
    assert to_json({"name": "Zoë"}) == '{"name":"Zoë"}'


def test_tables_elsewhere_than_on_a_terminal_shorten_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    listing([{"id": ID, "what": "w" * 300}, {"id": "b"}], COLUMNS, as_json=False, empty="none")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "WHAT"]
    assert lines[1].split() == [ID, "w" * 300]
    assert lines[2].split() == ["b", "-"]


def test_tables_on_a_narrow_terminal_keep_ids_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    listing([{"id": ID, "what": "w" * 300}], COLUMNS, as_json=False, empty="none")
    lines = terminal.getvalue().splitlines()
    assert ID in lines[1]
    assert len(lines) == 2


def test_what_a_narrow_terminal_has_no_room_for_is_named_and_names_are_never_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    columns: list[Column[dict[str, str]]] = [
        Column("ID", lambda row: row["id"], whole=True),
        Column("WHAT", lambda row: row["what"]),
        *(Column(f"NUMBER {number}", lambda row: row["what"]) for number in range(4)),
    ]
    listing([{"id": ID, "what": "漢字" * 9}, {"id": "b", "what": "w"}], columns, as_json=False, empty="none")
    heading, first, second = terminal.getvalue().splitlines()
    assert "NUMBER" not in heading
    assert first.startswith(f"{ID}  漢字")
    assert first.endswith("…")
    assert second.split() == ["b", "w"]
    assert "NUMBER 0, NUMBER 1, NUMBER 2, NUMBER 3" in capsys.readouterr().err


def test_no_colour_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    listing([{"id": "a"}], COLUMNS, as_json=False, empty="none")
    assert "\x1b[3" not in terminal.getvalue()


def test_what_others_wrote_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    listing([{"id": "a", "what": "evil\x1b[2Jrow\nnext"}], COLUMNS, as_json=False, empty="none")
    facts([("What", "evil\x1b]0;title\x07\nsecond line")])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_an_empty_listing_says_so_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    listing([], COLUMNS, as_json=False, empty="There is none.")
    listing([], COLUMNS, as_json=True, empty="There is none.")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("[]\n", "There is none.\n")


def test_facts_line_up_and_leave_out_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    facts([("Job", "a"), ("Endpoint", None), ("Error", ["one", "two"])])
    assert capsys.readouterr().out == "Job    a\nError  one\n       two\n"
