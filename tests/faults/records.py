"""What lies on the disk: the database read directly, without the platform's own code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.tables import name_of, read_table


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a stream as it is recorded: ``seq`` is its place in the job's story."""

    seq: int
    attempt: int
    value: Any


@dataclass(frozen=True, slots=True)
class Record:
    """A job as it is recorded. ``given`` is its input; the rows of a model stand in ``rows``, whatever they came as.

    ``number`` is what it can be found by as well; None: it has none.
    """

    id: str
    n: str
    status: str
    attempts: int
    most_attempts: int
    error: str | None
    output: Any
    pieces: tuple[Piece, ...]
    seqs: tuple[int, ...]
    created_at: float
    finished_at: float | None
    blobs: tuple[str, ...]
    given: dict[str, Any]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """All that the auditor needs to know of the data folder. ``faults`` are those that the database finds in itself."""

    jobs: tuple[Record, ...]
    blob_names: frozenset[str]
    """Every blob that a row refers to."""
    faults: tuple[str, ...]


def has_open_jobs(data: Path) -> bool:
    """Whether a job in the database is not final yet; asked beside the server that writes it."""
    with closing(sqlite3.connect(f"file:{data / 'trivet.db'}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT 1 FROM jobs WHERE status IN ('queued', 'running') LIMIT 1").fetchone()
    return found is not None


def read_disk(data: Path) -> Disk:
    """Reads the database and the blobs; nothing is changed. The server must have stopped."""
    with closing(sqlite3.connect(data / "trivet.db")) as connection:
        connection.row_factory = sqlite3.Row
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        stories: dict[str, list[sqlite3.Row]] = {}
        for row in connection.execute("SELECT * FROM job_events ORDER BY job_id, seq"):
            stories.setdefault(row["job_id"], []).append(row)
        rows = connection.execute("SELECT * FROM jobs ORDER BY id").fetchall()
        known = {row["id"] for row in rows}
        # what a file has let go of stays for its readers, for a moment
        files = {name for (name,) in connection.execute("SELECT blob FROM files UNION SELECT blob FROM dropped_blobs")}
        faults += [f"events of {job_id}, which is no job" for job_id in stories.keys() - known]
        jobs = tuple(_record(row, stories.get(row["id"], []), data) for row in rows)
    return Disk(jobs, frozenset(name for job in jobs for name in job.blobs) | files, tuple(faults))


def _record(row: sqlite3.Row, story: list[sqlite3.Row], data: Path) -> Record:
    given = _given(row, data)
    output = _payload(row, "output", data)
    return Record(
        id=row["id"],
        n=str(given.get("n", "")),
        status=row["status"],
        attempts=row["attempt"],
        most_attempts=_most_attempts(row["policy"]),
        error=json.loads(row["error"])[0] if row["error"] else None,
        output=None if output is None else json.loads(output or b"null"),
        pieces=tuple(Piece(e["seq"], e["attempt"], json.loads(e["data"])) for e in story if e["kind"] == "piece"),
        seqs=tuple(e["seq"] for e in story),
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        blobs=tuple(name for name in (row["input_blob"], row["output_blob"]) if name),
        given=given,
        number=row["number"],
    )


def _given(row: sqlite3.Row, data: Path) -> dict[str, Any]:
    content = _payload(row, "input", data) or b"null"
    given = read_table(content) if row["input_type"].startswith("text/csv") else json.loads(content)
    if isinstance(given, list):
        return {"n": name_of(given) or "", "rows": given}
    return given if isinstance(given, dict) else {}


def _payload(row: sqlite3.Row, which: str, data: Path) -> bytes | None:
    blob = row[f"{which}_blob"]
    if blob:
        path = data / "blobs" / blob[:2] / blob
        return path.read_bytes() if path.exists() else None
    content: bytes | None = row[f"{which}_data"]
    return content


def _most_attempts(policy: str) -> int:
    return int(json.loads(policy)[2])
