"""What holds only for a store on disk: what survives, what is refused, and what shares a commit."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.conftest import MemoryDriver, SqliteDriver
from tests.contract.values import account, deployment, ended, endpoint, event, job, running, version
from trivet.platform.core.errors import Conflict, CoreError, StorageFull, Unavailable
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.payloads import BINARY, Payload
from trivet.platform.ports.stores import Transaction
from trivet.platform.stores.errors import StoreDamagedError, StoreVersionError
from trivet.platform.stores.sqlite import SqliteStore, connection, schema, writer
from trivet.platform.stores.sqlite.jobs import SqliteJobs
from trivet.platform.stores.sqlite.session import BulkInsert, DeferredRowError, Row

UNSTORABLE = 2**70
"""A number that no column can hold."""


def fill_with_everything(tx: Transaction) -> None:
    tx.accounts.add(account())
    tx.endpoints.add(endpoint())
    tx.versions.add(version())
    tx.deployments.put(deployment())
    tx.jobs.put(running(1))
    tx.jobs.put(ended(2))
    tx.jobs.add_events([event(1), event(2)])


def everything(tx: Transaction) -> tuple[object, ...]:
    return (
        tx.accounts.all(),
        tx.endpoints.all(),
        tx.versions.all(),
        tx.deployments.unfinished(),
        tx.jobs.page(),
        tx.jobs.events(job(1).id),
    )


# -- the file -----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_opened_again_holds_all_that_was_written(sqlite: SqliteDriver) -> None:
    sqlite.write(fill_with_everything)
    before = sqlite.read(everything)
    sqlite.store.write_behind(lambda tx: tx.jobs.put(job(9)))
    sqlite.reopen()
    assert sqlite.read(lambda tx: tx.jobs.get(job(9).id)) == job(9)
    sqlite.write(lambda tx: tx.jobs.remove([job(9).id]))
    assert sqlite.read(everything) == before
    assert before[0] == [account()]


def test_only_its_owner_may_read_the_file(sqlite: SqliteDriver) -> None:
    sqlite.write(fill_with_everything)
    made = sorted(path.name for path in sqlite.path.parent.iterdir())
    assert made == ["trivet.db", "trivet.db-shm", "trivet.db-wal"]
    assert {path.stat().st_mode & 0o777 for path in sqlite.path.parent.iterdir()} == {0o600}


def test_a_commit_waits_for_the_disk(sqlite: SqliteDriver) -> None:
    pragma = sqlite.sqlite._connection.execute
    assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
    assert pragma("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert pragma("PRAGMA foreign_keys").fetchone() == (1,)


WRITES_UNTIL_IT_IS_KILLED = """
import asyncio, sys
from pathlib import Path
from tests.contract.values import job
from trivet.platform.stores.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    async def write(caller):
        for count in range(1_000_000):
            one = job(caller * 1_000_000 + count + 1)
            await store.write(lambda tx: tx.jobs.put(one))
            print(one.id, flush=True)
    await asyncio.gather(*(write(caller) for caller in range(16)))

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "trivet.db"
    command = [sys.executable, "-c", WRITES_UNTIL_IT_IS_KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(500)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    driver = SqliteDriver(path)
    try:
        kept = {one.id for one in driver.read(lambda tx: tx.jobs.open())}
        assert len(acknowledged) >= 500
        assert set(acknowledged) <= kept
    finally:
        driver.close()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(sqlite: SqliteDriver, tmp_path: Path) -> None:
    sqlite.run(sqlite.sqlite.close())
    plain = sqlite3.connect(sqlite.path)
    plain.execute("PRAGMA user_version = 9999")
    plain.close()
    before = sqlite.path.read_bytes()
    with pytest.raises(StoreVersionError, match="9999") as caught:
        sqlite.run(SqliteStore.open(sqlite.path))
    assert caught.value.code == "data_too_new"
    assert "newer" in caught.value.hint
    assert sqlite.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["trivet.db"]


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_with_a_sentence_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trivet.db"
    path.write_bytes(content)
    with pytest.raises(StoreDamagedError, match="damaged") as caught:
        asyncio.run(SqliteStore.open(path))
    assert caught.value.code == "data_damaged"
    assert "backup" in caught.value.hint
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "trivet.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreDamagedError, match="another program"):
        asyncio.run(SqliteStore.open(path))
    assert path.read_bytes() == before


def test_damage_that_is_found_later_is_told_in_a_sentence(sqlite: SqliteDriver) -> None:
    sqlite.write(fill_with_everything)
    sqlite.run(sqlite.sqlite.close())
    content = bytearray(sqlite.path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)  # all but the header, the schema and the first table
    sqlite.path.write_bytes(content)

    async def open_and_read() -> object:
        store = await SqliteStore.open(sqlite.path)
        try:
            return await store.read(everything)
        finally:
            await store.close()

    with pytest.raises(StoreDamagedError, match="damaged"):
        sqlite.run(open_and_read())


def test_a_folder_in_the_place_of_the_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be opened"):
        asyncio.run(SqliteStore.open(tmp_path))


def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    driver = SqliteDriver(tmp_path / "a" / "b" / "trivet.db")
    driver.close()
    assert driver.path.exists()


# -- migrations ---------------------------------------------------------------------------------------------------------


def test_migrations_are_numbered_without_gap_and_the_file_says_how_far_it_is(sqlite: SqliteDriver) -> None:
    numbers = [migration.number for migration in schema.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sqlite.sqlite._connection.execute("PRAGMA user_version").fetchone() == (numbers[-1],)


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(sqlite: SqliteDriver) -> None:
    sqlite.write(fill_with_everything)
    before = sqlite.read(everything)
    known = schema.migrations()
    later = schema.Migration(known[-1].number + 1, "later", "ALTER TABLE jobs ADD COLUMN extra TEXT;\n")
    sqlite.run(sqlite.sqlite.close())
    plain = sqlite3.connect(sqlite.path, isolation_level=None)
    schema.migrate(plain, [*known, later])
    assert plain.execute("PRAGMA user_version").fetchone() == (later.number,)
    assert "extra" in [row[1] for row in plain.execute("PRAGMA table_info(jobs)")]
    plain.execute(f"PRAGMA user_version = {known[-1].number}")
    plain.close()
    sqlite.reopen()
    assert sqlite.read(everything) == before


def test_an_endpoint_written_before_there_were_aliases_has_none(tmp_path: Path) -> None:
    path = tmp_path / "trivet.db"
    plain = sqlite3.connect(path, isolation_level=None)
    schema.migrate(plain, schema.migrations()[:3])
    plain.execute(
        "INSERT INTO endpoints VALUES ('old', 'acc_1', 'bond', 'old', 1, 2, NULL, 'private', '[]', "
        """'{"minimum":0,"maximum":3,"idle_timeout":60,"rule":"queue_delay","target":1}', '', '["ver_1"]')"""
    )
    plain.close()
    driver = SqliteDriver(path)
    try:
        old = driver.read(lambda tx: tx.endpoints.get("old"))
        assert old is not None
        assert (old.current_id, old.canary, old.aliases) == ("ver_1", None, ())
    finally:
        driver.close()


def test_organizations_of_before_there_were_integers_get_theirs_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    path = tmp_path / "trivet.db"
    plain = sqlite3.connect(path, isolation_level=None)
    schema.migrate(plain, schema.migrations()[:13])
    for id_, name, at in (("org_b", "second", 2.0), ("org_c", "third", 2.0), ("org_a", "first", 1.0)):
        plain.execute(
            "INSERT INTO owners (id, kind, name, created_at) VALUES (?, 'organization', ?, ?)", (id_, name, at)
        )
    plain.execute("INSERT INTO owners (id, kind, name, created_at) VALUES ('acc_1', 'account', 'bond', 0)")
    plain.close()
    driver = SqliteDriver(path)
    try:
        found = driver.read(lambda tx: [(each.name, each.number, each.public) for each in tx.accounts.organizations()])
        assert found == [("first", 1, False), ("second", 2, False), ("third", 3, False)]
        assert driver.write(lambda tx: tx.counters.take("organization")) == 4
        account = driver.read(lambda tx: tx.accounts.named("bond"))
        assert account is not None
        assert (account.email, account.picture) == ("", "")
    finally:
        driver.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was() -> None:
    plain = sqlite3.connect(":memory:", isolation_level=None)
    steps = [
        schema.Migration(1, "good", "CREATE TABLE a (x);\n"),
        schema.Migration(2, "bad", "CREATE TABLE b (x);\nCREATE TABLE a (x);\n"),
    ]
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        schema.migrate(plain, steps)
    assert plain.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert plain.execute("PRAGMA user_version").fetchone() == (0,)
    plain.close()


# -- sharing a commit ---------------------------------------------------------------------------------------------------


def together(driver: SqliteDriver, *units: object) -> list[object]:
    """Hands all units over while the writer is held up, so that they share one commit."""
    entered, go_on = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        entered.set()
        go_on.wait(20)

    async def all_at_once() -> list[object]:
        held = asyncio.ensure_future(driver.store.write(hold))
        await asyncio.to_thread(entered.wait, 20)
        waiting = [asyncio.ensure_future(driver.store.write(unit)) for unit in units]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        go_on.set()
        await held
        return await asyncio.gather(*waiting, return_exceptions=True)

    return driver.run(all_at_once())


def put(one: Job):  # type: ignore[no-untyped-def]
    return lambda tx: tx.jobs.put(one)


def test_units_that_wait_share_one_commit(sqlite: SqliteDriver) -> None:
    statements: list[str] = []
    sqlite.sqlite._connection.set_trace_callback(statements.append)
    together(sqlite, *(put(job(number)) for number in range(1, 201)))
    sqlite.sqlite._connection.set_trace_callback(None)
    assert len(statements) == 1
    assert len(sqlite.read(lambda tx: tx.jobs.open())) == 200


def test_more_units_than_one_commit_takes_all_get_their_turn(
    sqlite: SqliteDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BATCH", 7)
    together(sqlite, *(put(job(number)) for number in range(1, 41)))
    assert len(sqlite.read(lambda tx: tx.jobs.open())) == 40


def test_a_row_that_can_not_be_stored_fails_its_own_unit_alone(sqlite: SqliteDriver) -> None:
    bad = put(job(3, pieces=UNSTORABLE))
    results = together(sqlite, put(job(1)), put(job(2)), bad, lambda tx: tx.accounts.add(account()), put(job(4)))
    assert [isinstance(result, OverflowError) for result in results] == [False, False, True, False, False]
    assert sqlite.read(lambda tx: tx.jobs.open()) == [job(1), job(2), job(4)]
    assert sqlite.read(lambda tx: tx.accounts.all()) == [account()]


def test_a_row_that_can_not_be_stored_is_noticed_where_its_unit_looks(sqlite: SqliteDriver) -> None:
    def unit(tx: Transaction) -> Job | None:
        tx.jobs.put(job(1, pieces=UNSTORABLE))
        return tx.jobs.get(job(1).id)

    def careless(tx: Transaction) -> str:
        tx.jobs.put(job(2))
        try:
            unit(tx)
        except (OverflowError, DeferredRowError):
            return "nothing wrong"
        return "nothing noticed"

    results = together(sqlite, put(job(3)), unit, careless)
    assert [type(result) for result in results] == [type(None), OverflowError, OverflowError]
    assert sqlite.read(lambda tx: tx.jobs.open()) == [job(3)]


def test_a_caller_who_goes_away_holds_nobody_up(sqlite: SqliteDriver) -> None:
    async def go_away() -> None:
        waiting = [asyncio.ensure_future(sqlite.store.write(put(job(number)))) for number in range(1, 21)]
        await asyncio.sleep(0)
        for one in waiting[::2]:
            one.cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(r, asyncio.CancelledError) for r in results] == [True, False] * 10

    sqlite.run(go_away())
    stored = {one.id for one in sqlite.read(lambda tx: tx.jobs.open())}
    assert {job(number).id for number in range(2, 21, 2)} <= stored


# -- trouble ------------------------------------------------------------------------------------------------------------


def test_while_another_process_holds_the_file_a_write_is_refused_and_what_is_behind_waits(
    sqlite: SqliteDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT", 0.05)
    sqlite.reopen()
    other = sqlite3.connect(sqlite.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sqlite.store.write_behind(put(job(1)))
    with pytest.raises(Unavailable, match="locked"):
        sqlite.write(put(job(2)))
    assert sqlite.read(lambda tx: tx.jobs.open()) == []
    other.execute("ROLLBACK")
    other.close()
    sqlite.run(sqlite.store.flush())
    assert sqlite.read(lambda tx: tx.jobs.open()) == [job(1)]
    sqlite.write(put(job(2)))


def test_on_a_full_disk_nobody_waits_behind_what_can_not_be_written(
    sqlite: SqliteDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_BATCH", 2)
    sqlite.fill()

    async def many_kept_and_one_who_waits() -> None:
        for number in range(1, 8):
            sqlite.store.write_behind(put(job(number, input=Payload.inline(bytes(2**20), BINARY))))
        with pytest.raises(StorageFull):
            await asyncio.wait_for(sqlite.store.write(put(job(9))), 5.0)

    sqlite.run(many_kept_and_one_who_waits())
    sqlite.relieve()
    sqlite.run(sqlite.store.flush())
    assert [one.id for one in sqlite.read(lambda tx: tx.jobs.open())] == [job(number).id for number in range(1, 8)]


def test_a_close_on_a_full_disk_gives_up_in_the_end_and_says_so(
    sqlite: SqliteDriver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    monkeypatch.setattr(writer, "RETRY_PAUSE", 0.05)
    sqlite.fill()
    sqlite.store.write_behind(put(job(1, input=Payload.inline(bytes(2**20), BINARY))))

    async def flush_and_close() -> object:
        flushing = asyncio.ensure_future(sqlite.store.flush())
        await asyncio.sleep(0)
        await sqlite.store.close()
        return (await asyncio.gather(flushing, return_exceptions=True))[0]

    assert isinstance(sqlite.run(flush_and_close()), CoreError)
    assert "without having written 2 units" in caplog.text


def test_a_conflict_is_told_in_words_for_people(sqlite: SqliteDriver) -> None:
    sqlite.write(lambda tx: tx.endpoints.add(endpoint()))
    with pytest.raises(Conflict) as caught:
        sqlite.write(lambda tx: tx.endpoints.add(endpoint(id="another")))
    assert caught.value.detail == "There is an endpoint 'bond/hello' already."
    assert "SQL" not in str(caught.value) + caught.value.hint


# -- how jobs are found -------------------------------------------------------------------------------------------------


class Planner:
    """A session that asks SQLite how it would find what a repository wants."""

    def __init__(self, driver: SqliteDriver) -> None:
        self._connection = driver.sqlite._connection
        self.plans: list[str] = []

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        rows = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        self.plans.append("; ".join(row[3] for row in rows))
        return self._connection.execute(sql, parameters)

    def defer(self, insert: BulkInsert, row: Row) -> None:
        raise AssertionError("nothing is written here")

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("look", "index"),
    [
        (lambda jobs: jobs.open(), "jobs_open"),
        (lambda jobs: jobs.page(endpoint_ids=["e"]), "jobs_of_endpoint"),
        (lambda jobs: jobs.page(endpoint_ids=["e"], before="job_1"), "jobs_of_endpoint"),
        (lambda jobs: jobs.page(endpoint_ids=[], account_id="a"), "jobs_of_account"),
        (lambda jobs: jobs.page(statuses=[JobStatus.QUEUED]), "jobs_open"),
        (lambda jobs: jobs.counts("e"), "jobs_of_endpoint"),
        (lambda jobs: jobs.outdated(1.0), "jobs_forget"),
        (lambda jobs: jobs.page(dead_letters=True), "jobs_dead_letters"),
        (lambda jobs: jobs.keyed("e", "a", "k"), "jobs_idempotency"),
        (lambda jobs: jobs.newest_retry("job_1"), "jobs_retries"),
        (lambda jobs: jobs.last_event("job_1"), "PRIMARY KEY"),
        (lambda jobs: jobs.events("job_1", after=5), "PRIMARY KEY"),
    ],
)
def test_a_look_walks_an_index(sqlite: SqliteDriver, look, index: str) -> None:  # type: ignore[no-untyped-def]
    planner = Planner(sqlite)
    look(SqliteJobs(planner))  # type: ignore[arg-type]
    assert index in planner.plans[0]
    assert "TEMP B-TREE FOR ORDER BY" not in planner.plans[0]


# -- both stores --------------------------------------------------------------------------------------------------------

NUMBERS = st.integers(1, 6)
STATUSES = st.sampled_from(JobStatus)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NUMBERS, STATUSES, st.integers(0, 3)),
        st.tuples(st.just("event"), NUMBERS, st.integers(1, 5), st.binary(max_size=3)),
        st.tuples(st.just("remove"), NUMBERS),
        st.tuples(st.just("look"), NUMBERS),
        st.tuples(st.just("raise")),
    ),
    max_size=12,
)


def apply(operations: list[tuple], tx: Transaction) -> list[object]:  # type: ignore[type-arg]
    seen: list[object] = []
    for what, *rest in operations:
        match what:
            case "put":
                number, status, account_number = rest
                final = status in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.TIMED_OUT)
                tx.jobs.put(
                    job(
                        number,
                        endpoint_id=f"e{number % 3}",
                        account_id=f"a{number % 2}",
                        status=status,
                        attempt=account_number,
                        finished_at=float(account_number) if final else None,
                    )
                )
            case "event":
                number, seq, data = rest
                tx.jobs.add_events([event(seq, job(number).id, data=data)])
            case "remove":
                tx.jobs.remove([job(rest[0]).id])
            case "look":
                seen.append((tx.jobs.get(job(rest[0]).id), tx.jobs.events(job(rest[0]).id)))
            case "raise":
                raise LookupError
    return seen


def state(tx: Transaction) -> list[object]:
    return [
        tx.jobs.open(),
        tx.jobs.page(),
        tx.jobs.page(endpoint_ids=["e1", "e2"], limit=3),
        tx.jobs.page(endpoint_ids=["e0"], account_id="a1", statuses=[JobStatus.QUEUED, JobStatus.FAILED]),
        tx.jobs.outdated(2.5),
        [tx.jobs.counts(f"e{n}") for n in range(3)],
        [tx.jobs.events(job(n).id, after=1, limit=3) for n in range(1, 7)],
    ]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(units=st.lists(OPERATIONS, max_size=5))
def test_both_stores_give_the_same_answers(tmp_path: Path, units: list[list[tuple]]) -> None:  # type: ignore[type-arg]
    shutil.rmtree(tmp_path / "same", ignore_errors=True)
    drivers = [MemoryDriver(), SqliteDriver(tmp_path / "same" / "trivet.db")]
    try:

        async def all_at_once(driver: MemoryDriver | SqliteDriver) -> list[object]:
            writes = (driver.store.write(lambda tx, unit=unit: apply(unit, tx)) for unit in units)  # type: ignore[misc]
            results = await asyncio.gather(*writes, return_exceptions=True)
            return [type(r) if isinstance(r, BaseException) else r for r in results]

        memory, disk = (driver.run(all_at_once(driver)) for driver in drivers)
        assert memory == disk
        assert drivers[0].read(state) == drivers[1].read(state)
    finally:
        for driver in drivers:
            driver.close()
