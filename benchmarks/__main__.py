"""`make bench`: ours, the floor and the peers in one run, in turns. Believe the ratios; single figures drift with the machine."""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import markdown, plot, table
from benchmarks.bench import Bench
from benchmarks.figures import Outcome
from benchmarks.load import LoadError
from benchmarks.machine import describe, disk_folder
from benchmarks.peers import nginx
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.originals import ORIGINALS
from benchmarks.processes import StartError
from benchmarks.queues.catalogue import QUEUES

ROWS = (
    "echo",
    "stream",
    "durable",
    "single",
    "backlog",
    "cold",
    "client",
    "fleet",
    "files",
    "models",
    "dropins",
    "weights",
)
"""Each is a module in `benchmarks.rows`, in the order in which they are measured."""
RESULTS = Path(__file__).parent / "results"
WIDTH = 150
"""Columns where the output is no terminal."""
NAMES = tuple(dict.fromkeys((*(contender.name for contender in (*PEERS, *QUEUES, *ORIGINALS)), nginx.NAME)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table.

    Returns:
        0 where every row could be measured, 1 otherwise.
    """
    given = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    say = Console(stderr=True, style="dim", highlight=False, markup=False)
    # An order to end is an interrupt like any other: what was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="tb", dir=given.folder or disk_folder()))
    try:
        bench = Bench(
            folder,
            rounds=given.rounds,
            seconds=given.seconds,
            backlog=given.backlog,
            endpoints=given.endpoints,
            size=given.size,
            table=given.table,
            peers=given.peers,
            install=given.install,
            torch=given.torch,
            tell=say.print,
        )
        machine = describe(folder)
        table.print_machine(console, machine)
        outcomes, whole = _measure(bench, given.rows, console)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not outcomes:
        return 1
    table.print_goals(console, outcomes)
    given.plot.parent.mkdir(parents=True, exist_ok=True)
    given.plot.write_text(plot.draw(outcomes, machine))
    if given.json is not None:
        given.json.write_text(json.dumps(table.as_document(machine, outcomes), indent=1) + "\n")
    if given.markdown is not None:
        given.markdown.write_text(markdown.write(outcomes, machine))
    console.print(f"Plot: {given.plot}", highlight=False)
    return 0 if whole else 1


def _measure(bench: Bench, rows: Sequence[str], console: Console) -> tuple[list[Outcome], bool]:
    outcomes, whole = [], True
    for name in rows:
        measure: Callable[[Bench], Outcome] = importlib.import_module(f"benchmarks.rows.{name}").measure
        try:
            outcome = measure(bench)
        except (LoadError, StartError) as error:  # the other rows are worth having
            console.print(f"[red]{name}: not measured: {error}[/]\n")
            whole = False
            continue
        table.print_outcome(console, outcome)
        outcomes.append(outcome)
    return outcomes, whole


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--rows", type=_names(ROWS), default=ROWS, help=f"which rows: {', '.join(ROWS)}; all where nothing is said")
    add("--peers", type=_peers, default=frozenset(NAMES), help=f"none, all, or some of: {', '.join(NAMES)}")
    add(
        "--install", action="store_true", help="install the peers that are missing, each into an environment of its own"
    )
    add("--rounds", type=int, default=3, help="how often each contender has its turn (3)")
    add("--seconds", type=float, default=2.0, help="how long a turn under load lasts (2)")
    add("--backlog", type=int, default=100_000, help="how many jobs the long queue has (100000)")
    add("--endpoints", type=int, default=1000, help="how many endpoints the large installation has (1000)")
    add("--size", type=int, default=256, help="MiB of the large file (256)")
    add("--table", type=int, default=100_000, help="rows of the large table (100000)")
    add("--torch", default="", help="also start workers with torch: the requirement to install, such as torch==2.13.0")
    add("--folder", type=Path, help="where to work: a folder on the disk that is to be measured")
    add("--json", type=Path, help="where to write all figures, with the sample of every round")
    add("--markdown", type=Path, help="where to write the tables as the documentation has them")
    add(
        "--plot",
        type=Path,
        default=RESULTS / "bench.svg",
        help="where to write the plot (benchmarks/results/bench.svg)",
    )
    return parser


def _names(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        given = tuple(name for name in text.split(",") if name)
        unknown = [name for name in given if name not in known]
        if unknown or not given:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'}; known are: {', '.join(known)}")
        return tuple(name for name in known if name in given)

    return read


def _peers(text: str) -> frozenset[str]:
    if text in ("all", "none"):
        return frozenset(NAMES if text == "all" else ())
    return frozenset(_names(NAMES)(text))


if __name__ == "__main__":
    sys.exit(main())
