"""What the start script does to the server so that the suite's proxy changes nothing but what it is told to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.faults import boot
from tests.unit.worker_api.test_link import Dock
from trivet.platform.core.workers import Departure

GONE = Departure("was killed by signal 9 (SIGKILL)")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The workers whose end was told, in a server under the start script."""
    from trivet.platform.services.workers import Workers

    told: list[str] = []
    original = Workers.departed

    def departed(workers: Workers, worker_id: str, departure: Departure) -> None:
        told.append(worker_id)
        original(workers, worker_id, departure)

    monkeypatch.setattr(Workers, "departed", boot.behind_last_words(departed))
    return told


@pytest.mark.parametrize("is_held", [False, True])
def test_a_workers_end_is_told_behind_its_last_words_unless_those_are_held_for_long(
    told: list[str], monkeypatch: pytest.MonkeyPatch, is_held: bool
) -> None:
    async def scene(dock: Dock) -> None:
        wire, worker_id = await dock.up()
        dock.workers.departed(worker_id, GONE)
        assert not told
        if is_held:
            monkeypatch.setattr(boot, "DETOUR", 0.0)
            dock.workers.departed(worker_id, GONE)
        else:
            await wire.close()
        await dock.eventually(lambda: told)
        assert told[0] == worker_id
        assert worker_id not in dock.workers.register

    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        dock = Dock(Path(folder))
        dock.dock(scene(dock))


def test_the_end_of_a_worker_without_a_link_is_told_at_once(told: list[str]) -> None:
    async def scene(dock: Dock) -> None:
        worker_id, _ = await dock.start()
        dock.workers.departed(worker_id, GONE)
        assert told == [worker_id]

    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        dock = Dock(Path(folder))
        dock.dock(scene(dock))
