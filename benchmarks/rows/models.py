"""A predictive model: one row after the other, natively and in Jaqpot's dialect, and a large table beside the least it takes.

A prediction in Jaqpot's dialect is what its SDK makes of it: the rows are posted, and the dataset is asked for twice.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import statistics
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.conversations import Conversation, converse
from benchmarks.figures import Entry, Metric, Outcome, at_least, below
from benchmarks.load import LoadError, Target
from benchmarks.ours import Ours
from benchmarks.peers.catalogue import JAQPOT_REQUIREMENTS, JAQPOT_SDK, PROGRAMS
from benchmarks.transfers import exchange
from benchmarks.venvs import NotInstalledError, python_of

CALLERS = 16
LOOKS = 2
"""How often the SDK asks for a dataset that was finished at once."""
ALONE = Metric("p50_of_one", "a row, p50 ms of one", 2)
RATE = Metric("rate", f"rows/s, {CALLERS} callers", rising=True)
TABLE = Metric("table", "rows of a table/s", rising=True)
GROWTH = Metric("growth", "memory grows by, MiB", 1)
EXAMPLE = Path(__file__).parents[2] / "src" / "trivet" / "examples" / "wine"
_MEBIBYTE = 1 << 20
_PATIENCE = 300.0
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Contestant:
    """A way to predict. ``table`` predicts for the table, and gives its seconds and the answer."""

    entry: Entry
    row: Conversation
    table: Callable[[], tuple[float, bytearray]]


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns: one caller, many, and then the table."""
    title = f"A model of thirteen numbers: a row, and a table of {bench.table:,} rows"
    outcome = Outcome("models", title, (ALONE, RATE, TABLE, GROWTH), bars=(ALONE, TABLE))
    floor = outcome.entry("csv.reader and onnxruntime", "floor")
    with ExitStack() as stack:
        ours = stack.enter_context(Ours(bench.fresh("t")))
        bench.tell("models: publishing")
        ours.publish(EXAMPLE)
        ours.publish(_plain(bench.fresh("m") / "plain"))
        row = json.loads((EXAMPLE / "sample.json").read_text())
        table = _table(bench.table)
        path = bench.fresh("table")
        path.write_bytes(table)
        everybody = [
            _native(outcome.entry("Trivet, run", "ours"), ours, row, table),
            _jaqpot(outcome.entry("Trivet, Jaqpot's predict", "ours"), ours, row, table),
        ]
        sdk = _sdk(bench, ours, row, outcome)
        for contestant in everybody:  # what is made at first use has been made
            converse(contestant.row, CALLERS, count=2 * CALLERS)
            _check(contestant, bench.table)
        held = ours.process.memory()
        for number in range(bench.rounds):
            bench.tell(f"models: round {number + 1} of {bench.rounds}")
            floor.add(TABLE, bench.table / _floor(ours, path))
            for contestant in everybody:
                _turn(bench, contestant)
            if sdk is not None:
                sdk()
        everybody[0].entry.add(GROWTH, (ours.process.memory() - held) / _MEBIBYTE)
    _conclude(outcome, floor, [contestant.entry for contestant in everybody], bench.table)
    return outcome


def _turn(bench: Bench, contestant: _Contestant) -> None:
    entry = contestant.entry
    entry.add(ALONE, converse(contestant.row, 1, count=bench.times(200)).p50 * 1000)
    entry.add(RATE, converse(contestant.row, CALLERS, seconds=bench.seconds).rate)
    seconds, _ = contestant.table()
    entry.add(TABLE, bench.table / seconds)


def _native(entry: Entry, ours: Ours, rows: list[dict[str, Any]], table: bytes) -> _Contestant:
    posted = replace(ours.call("plain", table), content_type="text/csv")
    row = Conversation(ours.call("wine", json.dumps(rows).encode()), lambda *_: None)
    return _Contestant(entry, row, lambda: exchange(posted))


def _jaqpot(entry: Entry, ours: Ours, rows: list[dict[str, Any]], table: bytes) -> _Contestant:
    body = json.dumps({"type": "PREDICTION", "entryType": "ARRAY", "input": rows}).encode()
    file = json.dumps({"type": "PREDICTION", "inputFile": base64.b64encode(table).decode()}).encode()
    posted = ours.jaqpot("plain", file, "predict/csv")
    asked: list[Target] = []

    def follow(answers: int, answer: bytes) -> Target | None:
        if answers == 1:
            return ours.dataset(answer)
        if b'"status":"SUCCESS"' not in answer:
            raise LoadError(f"a dataset is not finished: {answer[:300]!r}")
        return None if answers > LOOKS else look_again(answer)

    def look_again(answer: bytes) -> Target:
        return ours.dataset_of(answer)

    def predict() -> tuple[float, bytearray]:
        raise NotImplementedError

    return _Contestant(entry, Conversation(ours.jaqpot("wine", body), follow), predict)
