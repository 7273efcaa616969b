"""The program that checks large inputs, so that the server need not stop for them; `server.checks` starts it and asks it.

A question is a line of JSON and the bytes that it is about, a verdict a line of JSON. It ends when nobody can ask it any more.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from trivet.platform.server.memory import give_back
from trivet.platform.wire import verdicts

_MUCH = 1 << 20
"""Bytes of an input, decoded for its check, whose memory is worth giving back."""


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers questions until there are none any more.

    Args:
        questions: where they come from.
        answers: where the verdicts go, in the order of the questions.
    """
    while line := questions.readline():
        question = verdicts.read_question(line)
        data = questions.read(question.size)
        if len(data) < question.size:
            return
        verdict = verdicts.judge(question, data)
        answers.write(verdicts.encode(verdict) + b"\n")
        answers.flush()
        del data
        if question.size > _MUCH:
            give_back()


def main() -> None:
    """Serves who has started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever has started it says when it is over
    with contextlib.suppress(OSError):  # where memory runs out, it is this process that can best be missed
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
