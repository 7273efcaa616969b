"""A streamed call: how soon the first of 20 pieces is there, and whether each arrives when it is yielded."""

from __future__ import annotations

import json
import re
import statistics
import time
from contextlib import ExitStack

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Metric, Outcome, at_most, below
from benchmarks.floor import MARKER, PIECES
from benchmarks.load import LoadError, Target, first_pieces, pieces
from benchmarks.ours import Ours
from benchmarks.peers.catalogue import STREAM_BODY, RunningPeer

FIRST = Metric("first_piece", "first piece, p50 ms", 2)
LATE = Metric("late", "ms", 2)
GAP = 0.02
_PIECE = re.compile(rb'event: piece[^{}]*\{"yielded":([0-9.]+)\}')
SOURCE = """
import time, trivet

@trivet.endpoint(workers=(1, 1), concurrency=1)
def pieces(n: int):
    for i in range(n):
        yield i

@trivet.endpoint(workers=(1, 1), concurrency=1)
def slowly(n: int, gap: float):
    for _ in range(n):
        time.sleep(gap)
        yield {"yielded": time.time()}
"""


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns; whoever is not on is paused."""
    outcome = Outcome("stream", f"Streamed call, {PIECES} pieces, one caller", (FIRST,), bars=(FIRST,))
    with ExitStack() as stack:
        _, root = stack.enter_context(bench.floor())
        ours = stack.enter_context(bench.ours(SOURCE))
        floor, mine = outcome.entry("floor", "floor"), outcome.entry("Trivet, stream", "ours")
        everybody: list[tuple[Entry, Target, RunningPeer | None]] = [
            (floor, root.to("/stream", STREAM_BODY, marker=MARKER), None),
            (mine, ours.call("pieces", STREAM_BODY, "stream"), None),
        ]
        peers = bench.start_peers("stream", outcome, stack)
        everybody += [(outcome.entry(peer.title, "peer"), peer.target, peer) for peer in peers]
        for number in range(bench.rounds):
            bench.tell(f"stream: round {number + 1} of {bench.rounds}")
            for contestant in list(everybody):
                entry, target, paused = contestant
                try:
                    entry.add(FIRST, _turn(bench, target, paused))
                except (LoadError, OSError) as error:
                    outcome.missing.append((entry.title, str(error)))
                    outcome.entries.remove(entry)
                    everybody.remove(contestant)
        late = _lateness(ours)
    what = "first stream piece, p50 ms"
    outcome.goals.append(at_most(what, mine, floor, FIRST, 2.0))
    outcome.goals += [at_most(what, mine, peer, FIRST, 1.0) for peer in outcome.peers]
    said = f"handler to caller; {PIECES} pieces, {GAP * 1000:g} ms apart"
    outcome.goals.append(below("a piece arrives after its yield, worst, ms", max(late), LATE, GAP * 1000 / 2, said))
    outcome.notes.append(
        f"Pieces arrive as they are yielded: {statistics.median(late):.2f} ms later in the median, {max(late):.2f} ms at worst."
    )
    return outcome


def _turn(bench: Bench, target: Target, peer: RunningPeer | None) -> float:
    if peer is not None:
        peer.process.resume()
    try:
        first_pieces(target, 5)
        return statistics.median(first_pieces(target, bench.times(200))) * 1000
    finally:
        if peer is not None:
            peer.process.pause()


def _lateness(ours: Ours) -> list[float]:
    """Milliseconds from each yield in the handler to the piece's arrival here."""
    target = ours.call("slowly", json.dumps({"n": PIECES, "gap": GAP}).encode(), "stream")
    late: list[float] = []
    held = b""
    with target.connect() as sock:
        for _, data in pieces(target, sock):
            now = time.time()
            held += data
            late += [(now - float(moment)) * 1000 for moment in _PIECE.findall(held)[len(late) :]]
    if len(late) != PIECES:
        raise LoadError(f"{len(late)} of {PIECES} pieces arrived")
    return late
