"""Folders that outlast a worker: what is brought where, what stays, and what never leaves its bounds."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trivet import runpod
from trivet.runpod import error
from trivet.runpod.serverless import VolumeCache
from trivet.runpod.serverless.utils import _mirror
from trivet.runpod.serverless.utils._listing import SMALL

LARGE = b"x" * SMALL
Make = Callable[..., VolumeCache]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cache"
    (made / "sub").mkdir(parents=True)
    (made / "small").write_bytes(b"1")
    (made / "sub" / "large").write_bytes(LARGE)
    (made / "small").chmod(0o750)
    return made


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    made = tmp_path / "volume"
    made.mkdir()
    return made


@pytest.fixture
def make(folder: Path, volume: Path) -> Make:
    def cache(**more: Any) -> VolumeCache:
        return VolumeCache(**{"dirs": [folder], "namespace": "n", "volume_path": volume, "best_effort": False, **more})

    return cache


def emptied(folder: Path) -> Path:
    """The folder of the next worker."""
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def older(path: Path) -> None:
    os.utime(path, (1, 1))


def test_the_next_worker_has_what_the_one_before_had(make: Make, folder: Path) -> None:
    before = files(folder)
    make().sync(background=False)
    assert make().hydrate() == 0
    emptied(folder)
    assert make().hydrate() == 2
    assert files(folder) == before
    assert (folder / "small").stat().st_mode & 0o777 == 0o750
    assert make().hydrate() == 0


def test_a_second_sync_writes_nothing(make: Make, volume: Path) -> None:
    make().sync(background=False)
    before = {path: path.stat().st_mtime_ns for path in volume.rglob("*") if path.is_file()}
    make().sync(background=False)
    assert {path: path.stat().st_mtime_ns for path in volume.rglob("*") if path.is_file()} == before


def test_what_is_newer_wins_on_both_ways(make: Make, folder: Path) -> None:
    make().sync(background=False)
    for name in ("small", "sub/large"):
        (folder / name).write_bytes(b"old")
        older(folder / name)
    assert make().hydrate() == 2
    assert files(folder) == {"small": b"1", "sub/large": LARGE}
    for name in ("small", "sub/large"):
        (folder / name).write_bytes(LARGE + name.encode())
        os.utime(folder / name, (2**31, 2**31))
    assert make().hydrate() == 0
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 2
    assert files(folder) == {"small": LARGE + b"small", "sub/large": LARGE + b"sub/large"}


def test_links_within_the_folders_are_kept_and_others_are_not(make: Make, folder: Path, tmp_path: Path) -> None:
    """A cache of Hugging Face has its files in one folder, and links to them in another."""
    (folder / "snapshot").mkdir()
    (folder / "snapshot" / "model").symlink_to("../sub/large")
    (folder / "whole").symlink_to(folder / "sub")
    (folder / "out").symlink_to("/etc/hostname")
    (folder / "up").symlink_to("../../volume")
    make().sync(background=False)
    emptied(folder)
    make().hydrate()
    assert (folder / "snapshot" / "model").read_bytes() == LARGE
    assert (folder / "whole").is_symlink()
    assert not os.path.lexists(folder / "out")
    assert not os.path.lexists(folder / "up")


def test_what_a_worker_removes_is_removed_for_the_next(make: Make, folder: Path, volume: Path) -> None:
    (folder / "kept").write_bytes(b"k")
    cache = make()
    cache.sync(background=False)
    (folder / "small").unlink()
    (folder / "sub" / "large").unlink()
    cache.sync(background=False)
    assert not list(volume.rglob("large"))
    emptied(folder)
    assert make().hydrate() == 1
    assert files(folder) == {"kept": b"k"}


def test_what_a_worker_has_never_seen_stays(make: Make, folder: Path) -> None:
    make().sync(background=False)
    (emptied(folder) / "mine").write_bytes(b"m")
    make().sync(background=False)  # it began before the other had synced
    emptied(folder)
    assert make().hydrate() == 3
    assert files(folder) == {"small": b"1", "sub/large": LARGE, "mine": b"m"}


def test_two_caches_of_one_endpoint_leave_each_others_files(make: Make, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_bytes(b"m")
    make().sync(background=False)
    make(dirs=other).sync(background=False)
    caches = make(), make(dirs=other)  # the next worker's, of whose files both are on its machine
    for cache in caches:
        cache.hydrate()
    for cache in caches:
        cache.sync(background=False)
    emptied(folder)
    (other / "mine").unlink()
    assert make(dirs=[folder, other]).hydrate() == 3


def test_what_a_worker_had_no_room_for_is_not_removed_for_the_next(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    make().sync(background=False)
    emptied(folder)
    cache = make(best_effort=True)
    with monkeypatch.context() as patch:
        patch.setattr(_mirror.shutil, "copy2", full)
        assert cache.hydrate() == 0
    cache.sync(background=False)
    assert make().hydrate() == 2


def test_half_of_a_large_file_is_not_taken_for_it_and_mended_by_the_next_sync(
    make: Make, folder: Path, volume: Path
) -> None:
    """A volume that lost its last writes, or was written by a plain copy that was killed; what it left is the younger one."""
    before = files(folder)
    make().sync(background=False)
    stored = next(volume.rglob("large"))
    stored.write_bytes(LARGE[:1000])
    older(folder / "sub" / "large")
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 2
    assert files(folder) == before
    stored.write_bytes(LARGE[:1000])
    emptied(folder)
    assert make().hydrate() == 1
    assert files(folder) == {"small": b"1"}


def test_a_damaged_archive_is_made_anew(make: Make, folder: Path, volume: Path) -> None:
    (folder / "other").write_bytes(b"o")
    make().sync(background=False)
    archive = volume / ".cache" / "n" / "small.tar"
    for damaged in (archive.read_bytes()[:600], b"no archive", b""):
        archive.write_bytes(damaged)
        (emptied(folder) / "small").write_bytes(b"2")
        make().sync(background=False)
        emptied(folder)
        make().hydrate()
        assert files(folder)["small"] == b"2"


def test_what_a_killed_writer_has_left_goes_after_a_day(
    make: Make, folder: Path, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().sync(background=False)
    left = next(volume.rglob("large")).with_name(".x.trivet-part")
    left.write_bytes(b"half")
    (folder / "new").write_bytes(b"n")
    make().sync(background=False)
    assert left.exists()  # somebody may be writing it
    monkeypatch.setattr(_mirror, "_ABANDONED", -60.0)
    (folder / "newer").write_bytes(b"n")
    make().sync(background=False)
    assert not left.exists()
    assert len(files(folder)) == 4


def test_a_file_with_two_names_comes_back_with_both(make: Make, folder: Path) -> None:
    """Caches of packages are full of such."""
    (folder / "again").hardlink_to(folder / "small")
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 3
    assert files(folder) == {"small": b"1", "again": b"1", "sub/large": LARGE}


def test_any_name_is_kept(make: Make, folder: Path) -> None:
    for name in (b"\xff\xfe", ("漢" * 85).encode(), b"a\nb", b"-", b"x" * 255):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(name)
    before = files(folder)
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 7
    assert files(folder) == before


def test_a_file_that_nobody_lets_us_read_is_left_out(
    make: Make, folder: Path, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, add = shutil.copy2, tarfile.TarFile.add

    def refusing(path: str) -> None:
        if path.endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    def copy2(source: str, target: Any, **named: Any) -> Any:
        refusing(source)
        return copy(source, target, **named)

    def added(archive: Any, name: str, *more: Any, **named: Any) -> None:
        refusing(name)
        add(archive, name, *more, **named)

    monkeypatch.setattr(_mirror.shutil, "copy2", copy2)
    monkeypatch.setattr(tarfile.TarFile, "add", added)
    (folder / "locked").write_bytes(b"1")
    (folder / "sub" / "locked").write_bytes(LARGE)
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 2
    assert files(folder) == {"small": b"1", "sub/large": LARGE}


def test_a_mirror_does_not_mirror_itself(make: Make, tmp_path: Path) -> None:
    for _ in range(3):
        make(dirs=tmp_path).sync(background=False)
    assert not [path for path in (tmp_path / "volume").rglob("*") if "volume" in path.parts[len(tmp_path.parts) + 1 :]]


def test_any_number_of_threads_will_do(make: Make, folder: Path) -> None:
    make(max_workers=-1).sync(background=False)
    emptied(folder)
    assert make(max_workers=100).hydrate() == 2


def test_as_a_context_it_does_both(make: Make, folder: Path) -> None:
    with make() as cache:
        assert isinstance(cache, VolumeCache)
    for thread in threading.enumerate():
        if thread.name == "trivet-volume-cache":
            assert not thread.daemon  # the end of the process waits for it
            thread.join(60)
    emptied(folder)
    with make():
        assert files(folder) == {"small": b"1", "sub/large": LARGE}


def test_a_program_that_ends_at_once_has_its_folders_mirrored(folder: Path, volume: Path) -> None:
    program = f"""
from trivet.runpod.serverless import VolumeCache
with VolumeCache([{str(folder)!r}], namespace="n", volume_path={str(volume)!r}):
    for number in range(4):
        open(f"{folder}/{{number}}", "wb").write(bytes({SMALL}))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert len([path for path in (volume / ".cache" / "n" / "big").rglob("*") if path.is_file()]) == 5
    assert (volume / ".cache" / "n" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("namespace", "volume_path"), [("", None), ("n", "/no/such/volume"), (None, None)], ids=["name", "volume", "both"]
)
def test_without_a_volume_or_a_namespace_it_does_nothing(
    make: Make, namespace: str | None, volume_path: str | None
) -> None:
    given = {"namespace": namespace, **({"volume_path": volume_path} if volume_path else {})}
    cache = make(**given)
    assert not cache.available
    assert cache.hydrate() == 0
    cache.sync(background=False)
    with cache:
        pass


def test_the_endpoint_names_the_mirror(make: Make, volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "ep1")
    assert make(namespace=None).available
    make(namespace=None).sync(background=False)
    assert (volume / ".cache" / "ep1" / "manifest.json").exists()


@pytest.mark.parametrize("namespace", ["a/b", "..", ".", "a\\b", "a\0b"])
def test_a_namespace_is_a_plain_name(make: Make, namespace: str) -> None:
    with pytest.raises(error.InputError, match="plain name"):
        make(namespace=namespace, best_effort=True)


def test_what_goes_wrong_is_told_in_the_log_or_raised(
    make: Make, folder: Path, volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (volume / ".cache").write_text("in the way")
    with pytest.raises(OSError, match="cache"):
        make().sync(background=False)
    make(best_effort=True).sync(background=False)
    assert "VolumeCache: sync has failed" in capsys.readouterr().out


def test_a_list_that_nobody_can_read_is_none(make: Make, volume: Path) -> None:
    make().sync(background=False)
    manifest = volume / ".cache" / "n" / "manifest.json"
    for text in ("no", "[]", '{"version": 99}', '{"version": 1, "small": 7, "big": [1, {"path": 2}], "links": [{}]}'):
        manifest.write_text(text)
        assert make().hydrate() == 0
    make().sync(background=False)
    assert len(json.loads(manifest.read_text())["small"]) == 1


def test_an_archive_that_is_not_the_lists_own_is_made_anew(make: Make, folder: Path, volume: Path) -> None:
    """Two workers that sync in the same moment may leave the archive of the one and the list of the other."""
    make().sync(background=False)
    archive = volume / ".cache" / "n" / "small.tar"
    with tarfile.open(archive, "w"):
        pass
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 2


def test_a_mirror_of_the_originals_is_read(make: Make, folder: Path, volume: Path) -> None:
    root = volume / ".cache" / "n"
    paths = [str(folder / name) for name in ("small", "sub/large")]
    (root / "big" / paths[1].lstrip("/")).parent.mkdir(parents=True)
    (root / "big" / paths[1].lstrip("/")).write_bytes(LARGE)
    with tarfile.open(root / "small.tar", "w") as packed:
        packed.add(paths[0], paths[0].lstrip("/"))
    entries = [{"path": path, "size": os.stat(path).st_size, "mtime": os.stat(path).st_mtime} for path in paths]  # noqa: PTH116 - a text
    document = {"version": 1, "threshold": SMALL, "small": entries[:1], "big": entries[1:]}
    (root / "manifest.json").write_text(json.dumps(document))
    before = files(folder)
    emptied(folder)
    assert make().hydrate() == 2
    assert files(folder) == before


def test_a_mirror_that_somebody_has_tampered_with_writes_nothing_elsewhere(
    make: Make, folder: Path, volume: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (folder / "led").symlink_to(tmp_path)
    root = volume / ".cache" / "n"
    (root / "big" / str(folder).lstrip("/")).mkdir(parents=True)
    (root / "big" / str(folder).lstrip("/") / "lured").symlink_to("/etc/hostname")
    wanted = [
        str(outside), f"{folder}/../outside", str(folder / "led" / "outside"), str(folder / "lured"), "/proc/none",
    ]  # fmt: skip
    with tarfile.open(root / "small.tar", "w") as packed:
        for path in wanted:
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size = 1
            packed.addfile(member, io.BytesIO(b"!"))
    document = {
        "version": 1,
        "small": [{"path": path, "size": 1, "mtime": 9e9} for path in wanted],
        "big": [{"path": path, "size": SMALL, "mtime": 9e9} for path in wanted],
        "links": [
            {"path": str(folder / "l"), "target": "/etc"},
            {"path": str(outside), "target": str(folder)},
            {"path": str(folder / "a/b/c"), "target": str(folder / "sub")},
            {"path": str(folder / "l"), "target": "a/b/c/../../outside"},
        ],
    }
    (root / "manifest.json").write_text(json.dumps(document))
    assert make().hydrate() == 0
    assert not os.path.lexists(outside)
    assert not os.path.lexists(folder / "l")
    assert not os.path.lexists(folder / "lured")


def test_a_file_that_goes_meanwhile_is_left_out(make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sub" / "other").write_bytes(LARGE)
    copy = shutil.copy2

    def losing(source: str, target: Any, **named: Any) -> Any:
        if source.endswith("other"):
            Path(source).unlink()
        return copy(source, target, **named)

    monkeypatch.setattr(_mirror.shutil, "copy2", losing)
    make().sync(background=False)
    emptied(folder)
    assert make().hydrate() == 2


def test_it_is_where_programs_look_for_it() -> None:
    assert runpod.serverless.VolumeCache is runpod.serverless.utils.VolumeCache
