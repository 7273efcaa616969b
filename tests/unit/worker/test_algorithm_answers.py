"""The pipe that an algorithm answers on: another one for each question, whoever still writes to those before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from trivet.worker.algorithms.answers import Answers
from trivet.worker.algorithms.watch import Watch


def descriptors(folder: Path) -> int:
    """How many named pipes are open, of those on the folder's disk: what other threads open and close is none of them."""
    count, disk = 0, folder.stat().st_dev
    for entry in list(Path("/dev/fd").iterdir()):
        with suppress(OSError):  # it has been closed meanwhile
            status = os.fstat(int(entry.name))
            count += stat.S_ISFIFO(status.st_mode) and status.st_dev == disk
    return count


class Desk:
    """A pipe with its reader; those who write are at the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tmp" / "algoout"
        self.path.parent.mkdir()
        self.watch = Watch()
        self.late = 0
        self.answers = Answers(self.path, folder / "algoout", self.watch, self._was_late)

    def _was_late(self) -> None:
        self.late += 1

    def open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)

    def say(self, text: str) -> None:
        writer = self.open()
        os.write(writer, text.encode())
        os.close(writer)

    def heard(self) -> list[bytes]:
        self.watch.wait(0.0)
        return list(self.answers.documents)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    before = descriptors(tmp_path)
    desk = Desk(tmp_path)
    assert descriptors(tmp_path) > before
    yield desk
    desk.answers.close()
    desk.answers.close()
    assert descriptors(tmp_path) <= before, "pipes are left open"


def test_lines_are_documents_and_half_a_line_is_none(desk: Desk) -> None:
    desk.say("one\ntw")
    assert desk.heard() == [b"one"]
    desk.say("o\n")
    assert desk.heard() == [b"one", b"two"]


def test_nothing_that_was_written_before_a_question_is_an_answer_to_it(desk: Desk) -> None:
    desk.say("early\nhalf")
    desk.answers.renew()
    assert desk.heard() == []
    desk.say("answer\n")
    assert (desk.heard(), desk.late) == ([b"answer"], 0)


def test_whoever_opened_the_pipe_before_a_question_writes_to_nobody(desk: Desk) -> None:
    writer = desk.open()
    for _ in range(3):
        desk.answers.renew()
        os.write(writer, b"late\n")
        assert desk.heard() == []
        desk.say("answer\n")
        assert desk.heard() == [b"answer"]
    os.close(writer)
    assert desk.late == 1


def test_a_pipe_is_let_go_of_when_nobody_writes_to_it_and_those_that_are_written_to_are_not_too_many(
    desk: Desk, tmp_path: Path
) -> None:
    before = descriptors(tmp_path)
    for _ in range(50):
        desk.answers.renew()
    assert descriptors(tmp_path) <= before + 2
    writers = []
    for _ in range(50):
        writers.append(desk.open())
        desk.answers.renew()
    assert descriptors(tmp_path) <= before + 50 + 20
    with pytest.raises(BrokenPipeError):
        os.write(writers[0], b"too late\n")
    os.write(writers[-1], b"late\n")
    for writer in writers:
        os.close(writer)


def test_a_pipe_that_was_deleted_or_replaced_is_there_again_for_the_next_question(desk: Desk) -> None:
    desk.path.unlink()
    desk.answers.renew()
    desk.say("answer\n")
    assert desk.heard() == [b"answer"]
    desk.path.unlink()
    desk.path.write_text("a file")
    desk.answers.renew()
    desk.say("again\n")
    assert desk.heard() == [b"again"]


def test_whoever_writes_to_an_old_pipe_without_end_holds_nobody_up(desk: Desk) -> None:
    writer = desk.open()
    desk.answers.renew()
    for _ in range(10):
        while True:
            try:
                os.write(writer, b"x" * 65536)
            except BlockingIOError:
                break
        assert desk.heard() == []
    os.close(writer)
