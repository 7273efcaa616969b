"""The client: what importing it adds to an interpreter, and how many calls in a row it makes of a bare server."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import trivet
from benchmarks.bench import Bench
from benchmarks.figures import Metric, Outcome, above, below
from benchmarks.load import LoadError, call, quiet
from benchmarks.peers.catalogue import BODY
from benchmarks.programs import added

IMPORT = Metric("import", "import, ms over bare Python", 1)
RATE = Metric("rate", "calls in a row, /s", rising=True)
_STARTS = 10
_CALLS = 3000


def measure(bench: Bench) -> Outcome:
    """In turns: a bare interpreter and one with the import; the client and a raw socket."""
    outcome = Outcome("client", "The client, synchronous, one call after the other", (IMPORT, RATE))
    mine = outcome.entry("Trivet, Client", "ours")
    raw = outcome.entry("a raw socket", "other")
    with bench.bare() as (_, target), trivet.Client(f"http://127.0.0.1:{target.port}", "nobody") as client:
        echo = client.endpoint("admin/echo")
        if (answer := echo.run({"value": "hello"})) != "hello":
            raise LoadError(f"the client made {answer!r} of the constant answer")
        for number in range(bench.rounds):
            bench.tell(f"client: round {number + 1} of {bench.rounds}")
            mine.add(IMPORT, added(Path(sys.executable), "import trivet", bench.times(_STARTS)) * 1000)
            calls = bench.times(_CALLS)
            with quiet():
                began = time.perf_counter()
                for _ in range(calls):
                    echo.run({"value": "hello"})
                mine.add(RATE, calls / (time.perf_counter() - began))
            raw.add(RATE, calls / sum(call(target.to("/", BODY), calls)))
    outcome.goals.append(below("import trivet, ms over bare Python", mine.median(IMPORT), IMPORT, 15.0))
    said = f"{raw.title}: {RATE.show(raw.median(RATE))}"
    outcome.goals.append(above("sequential calls/s of the client", mine.median(RATE), RATE, 5000.0, said))
    return outcome
