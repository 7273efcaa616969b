"""The data folder: made for one user, held by one platform, left tidy."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.platform.server.data import DataFolder, DataFolderError


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    folder = DataFolder(tmp_path / "data")
    yield folder
    folder.close()


def test_opening_makes_folders_that_are_the_owners_alone(folder: DataFolder) -> None:
    folder.open()
    for made in (folder.root, folder.blobs, folder.uploads, folder.root / "run"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.root / "lock").stat().st_mode) == 0o600
    assert (folder.root / "lock").read_text() == f"{os.getpid()}\n"


def test_a_second_platform_is_kept_out_until_the_first_has_let_go(folder: DataFolder) -> None:
    folder.open()
    second = DataFolder(folder.root)
    with pytest.raises(DataFolderError, match="Another platform"):
        second.open()
    with pytest.raises(DataFolderError, match="--data DIR"):
        second.open()
    folder.close()
    second.open()
    second.close()


def test_a_lock_that_a_dead_platform_left_is_no_hindrance(folder: DataFolder) -> None:
    folder.root.mkdir()
    (folder.root / "lock").write_text("999999999\nand more\n")
    folder.open()
    assert (folder.root / "lock").read_text() == f"{os.getpid()}\n"


def test_opening_keeps_what_is_there_and_clears_uploads_that_were_on_their_way(
    folder: DataFolder, tmp_path: Path
) -> None:
    folder.open()
    folder.database.write_text("rows")
    (folder.blobs / "blob").write_text("bytes")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (folder.uploads / "half").write_text("half an archive")
    (folder.uploads / "unpacked").mkdir()
    (folder.uploads / "unpacked" / "main.py").touch()
    (folder.uploads / "link").symlink_to(elsewhere)
    folder.close()
    folder.open()
    assert list(folder.uploads.iterdir()) == []
    assert (folder.database.read_text(), (folder.blobs / "blob").read_text()) == ("rows", "bytes")
    assert (elsewhere / "precious").exists()


def test_a_file_in_its_place_is_told_with_advice(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    for root in (tmp_path / "data", tmp_path / "data" / "inside"):
        with pytest.raises(DataFolderError, match=r"can't be used: .+\. Choose another one: --data DIR\."):
            DataFolder(root).open()


def test_a_relative_folder_is_the_same_wherever_a_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = DataFolder(Path("data"))
    monkeypatch.chdir("/")
    assert folder.root == tmp_path / "data"
    assert folder.database.is_absolute()


def test_the_socket_lies_in_the_folder_where_its_path_is_short_enough() -> None:
    assert DataFolder(Path("/data")).socket == Path("/data/run/link.sock")


@pytest.mark.parametrize("name", ["x" * 90, "ü" * 50], ids=["characters", "bytes"])
def test_a_socket_whose_path_would_be_too_long_lies_elsewhere_and_goes_with_the_folder(name: str) -> None:
    folder = DataFolder(Path("/data") / name)
    path = folder.socket
    assert folder.root not in path.parents
    assert len(os.fsencode(path)) <= 100
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert folder.socket == path
    folder.close()
    assert not path.parent.exists()


def test_closing_twice_or_unopened_does_nothing(folder: DataFolder) -> None:
    folder.close()
    folder.open()
    folder.close()
    folder.close()
