"""A predictive model: one row after the other, natively and in Jaqpot's dialect, and a large table beside the least it takes.

A prediction in Jaqpot's dialect is what its SDK makes of it: the rows are posted, and then the dataset is asked for until it is
finished, and once more. Rows go to a model with all six methods that tell its domain; the table goes to the same without them,
as a reader and a graph alone tell no domain either.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.callers import calls
from benchmarks.conversations import Conversation, converse
from benchmarks.figures import Entry, Metric, Outcome, at_least, below
from benchmarks.load import LoadError, Target
from benchmarks.ours import Ours
from benchmarks.peers.originals import JAQPOT, Package
from benchmarks.programs import run
from benchmarks.transfers import exchange
from benchmarks.venvs import NotInstalledError

CALLERS = 16
ALONE = Metric("p50_of_one", "a row, p50 ms of one", 2)
RATE = Metric("rate", f"predictions/s, {CALLERS} callers", rising=True)
TABLE = Metric("table", "rows of a table/s", rising=True)
HELD = Metric("held", "memory held by tables, MiB", 1)
GROWTH = Metric("growth", "memory grows by, MiB", 1)
EXAMPLE = Path(__file__).parents[2] / "src" / "trivet" / "examples" / "wine"
_GRAPH, _DESCRIPTION, _SAMPLE = "model.onnx", "model.json", "sample.json"
_MODEL, _PLAIN = "wine", "plain"
_MEBIBYTE = 1 << 20
_PATIENCE = 300.0
_SDK_CALLS = 50
_SETTLING = 6
"""Tables after which memory is as it stays: by then every thread that works on them has had one, and keeps what it allocated."""
_FINISHED = b'"status":"SUCCESS"'
_ROW = b'"jaqpotRowId"'


@dataclass(frozen=True, slots=True)
class _Contestant:
    """A way to predict. ``table`` predicts for the table: it gives the seconds, and the answer with the result rows."""

    entry: Entry
    row: Conversation
    table: Callable[[], tuple[float, bytearray]]


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns: one caller, many, and then the table."""
    title = f"A model of thirteen numbers: a row, and a table of {bench.table:,} rows"
    outcome = Outcome("models", title, (ALONE, RATE, TABLE, HELD, GROWTH), bars=(ALONE, TABLE))
    floor = outcome.entry("csv.reader and onnxruntime", "floor")
    rows, table = json.loads((EXAMPLE / _SAMPLE).read_text()), _table(bench.table)
    with ExitStack() as stack:
        ours = stack.enter_context(Ours(bench.fresh("t")))
        bench.tell("models: publishing")
        ours.publish(EXAMPLE)
        ours.publish(_without_domain(bench.fresh("m") / _PLAIN))
        for name in (_MODEL, _PLAIN):  # another worker would pass for memory that grows
            ours.client.endpoints.update(f"admin/{name}", workers=(1, 1))
        file = bench.fresh("table")
        file.write_bytes(table)
        everybody = [
            _native(outcome.entry("Trivet, run", "ours"), ours, rows, table),
            _jaqpot(outcome.entry("Trivet, Jaqpot's predict", "ours"), ours, rows, table),
        ]
        sdk = _sdk(bench, ours, rows, outcome)
        for contestant in everybody:  # what is made at first use has been made
            converse(contestant.row, CALLERS, seconds=bench.seconds)
        idle = ours.process.memory()
        bench.tell("models: first tables")
        for contestant in everybody:
            for _ in range(_SETTLING):
                _check(contestant, bench.table)
        settled = ours.process.memory()
        for number in range(bench.rounds):
            bench.tell(f"models: round {number + 1} of {bench.rounds}")
            took = run(ours.python(), "table_floor", file, EXAMPLE / _GRAPH, 3)
            floor.add(TABLE, bench.table / statistics.median(took[1:]))  # the first makes what is made at first use
            for contestant in everybody:
                _turn(bench, contestant)
            if sdk is not None:
                sdk()
        now = ours.process.memory()
    everybody[0].entry.add(HELD, (now - idle) / _MEBIBYTE)
    everybody[0].entry.add(GROWTH, (now - settled) / _MEBIBYTE)
    _conclude(outcome, floor, everybody[0].entry, everybody[1].entry)
    return outcome


def _turn(bench: Bench, contestant: _Contestant) -> None:
    entry = contestant.entry
    entry.add(ALONE, converse(contestant.row, 1, count=bench.times(200)).p50 * 1000)
    entry.add(RATE, converse(contestant.row, CALLERS, seconds=bench.seconds).rate)
    seconds, _ = contestant.table()
    entry.add(TABLE, bench.table / seconds)


def _native(entry: Entry, ours: Ours, rows: Sequence[Any], table: bytes) -> _Contestant:
    posted = replace(ours.call(_PLAIN, table), content_type="text/csv")

    def predict() -> tuple[float, bytearray]:
        told = exchange(posted)
        return told.seconds, told.body

    return _Contestant(entry, Conversation(ours.call(_MODEL, json.dumps(rows).encode()), lambda *_: None), predict)


def _jaqpot(entry: Entry, ours: Ours, rows: Sequence[Any], table: bytes) -> _Contestant:
    asked = {"type": "PREDICTION", "entryType": "ARRAY", "input": rows}
    row = ours.jaqpot(_MODEL, json.dumps(asked).encode())
    file = {"type": "PREDICTION", "inputFile": base64.b64encode(table).decode()}
    posted = ours.jaqpot(_PLAIN, json.dumps(file).encode(), "predict/csv")

    def follow(answers: int, last: Target, answer: bytes) -> Target | None:
        if answers == 1:
            return ours.dataset(answer)
        if _FINISHED not in answer:
            raise LoadError(f"{last.path} is not finished at once: {answer[:300]!r}")
        return last if answers == 2 else None

    def predict() -> tuple[float, bytearray]:
        told = exchange(posted)
        seconds, dataset = told.seconds, ours.dataset(told.head + b"\r\n")
        while True:
            told = exchange(dataset)
            seconds += told.seconds
            if _FINISHED in told.body[:1000]:
                break
            if b'"FAILURE"' in told.body[:1000] or seconds > _PATIENCE:
                raise LoadError(f"{dataset.path}: {bytes(told.body[:300])!r}")
        told = exchange(dataset)
        return seconds + told.seconds, told.body

    return _Contestant(entry, Conversation(row, follow), predict)


def _sdk(bench: Bench, ours: Ours, rows: Sequence[Any], outcome: Outcome) -> Callable[[], None] | None:
    """Calls by the published SDK, in a process of its own; None where it is not wanted, or not there."""
    if JAQPOT.name not in bench.peers:
        return None
    try:
        sdk = Package.theirs(JAQPOT, install=bench.install, tell=bench.tell)
    except NotInstalledError as error:
        outcome.missing.append(("Trivet, by Jaqpot's SDK", str(error)))
        return None
    entry = outcome.entry(f"Trivet, by {sdk.title}", "ours")
    number = ours.client.endpoints.get(f"admin/{_MODEL}").model_id

    def turn() -> None:
        took = calls(sdk, ours, "predict_sync", number, rows, warm=1, times=bench.times(_SDK_CALLS))
        entry.add(ALONE, took.p50 * 1000)

    return turn


def _check(contestant: _Contestant, rows: int) -> None:
    _, answer = contestant.table()
    if (found := answer.count(_ROW)) != rows:
        raise LoadError(f"{contestant.entry.title}: {found} result rows for a table of {rows}")


def _table(rows: int) -> bytes:
    """A file of CSV with numbers as the model was trained with, to three figures, and its columns in their order.

    100,000 rows are then just within what Jaqpot's clients can send.
    """
    description = json.loads((EXAMPLE / _DESCRIPTION).read_text())
    features = description["independentFeatures"]
    bounds = [tuple(map(float, feature["range"].split(" to "))) for feature in features]
    chance = random.Random(13)
    lines = [",".join(feature["key"] for feature in features)]
    lines += [",".join(_figures(chance.uniform(*bound)) for bound in bounds) for _ in range(rows)]
    return "\n".join([*lines, ""]).encode()


def _figures(value: float) -> str:
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _without_domain(folder: Path) -> Path:
    """The same model without what tells its domain."""
    folder.mkdir(parents=True)
    description = json.loads((EXAMPLE / _DESCRIPTION).read_text())
    (folder / _DESCRIPTION).write_text(json.dumps({**description, "name": _PLAIN, "doas": []}))
    shutil.copy(EXAMPLE / _GRAPH, folder)
    return folder


def _conclude(outcome: Outcome, floor: Entry, mine: Entry, jaqpot: Entry) -> None:
    sdk = next((entry for entry in outcome.entries if entry.title.startswith("Trivet, by")), jaqpot)
    told = "" if sdk is not jaqpot else "without the SDK"
    outcome.goals.append(
        below("a row by Jaqpot's predict_sync, one caller, p50 ms", sdk.median(ALONE), ALONE, 15.0, told)
    )
    outcome.goals.append(at_least("a large table, rows/s", mine, floor, TABLE, 0.5))
    outcome.goals.append(at_least("the same in Jaqpot's dialect, rows/s", jaqpot, floor, TABLE, 0.5))
    outcome.goals.append(below("memory of server and workers grows by, MiB", mine.median(GROWTH), GROWTH, 16.0))
    outcome.notes.append(
        "The floor reads the table with `csv.reader` and runs the graph once, in one process: nothing is checked, nothing is "
        "sent, no result is written."
    )
