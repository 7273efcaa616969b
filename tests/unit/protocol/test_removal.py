"""Folders that a program has filled as it liked: they go, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trivet.protocol.removal import remove_folder


def bury(folder: Path, depth: int) -> None:
    """Makes folders in one another, each with a file: deeper than a path can be long."""
    top = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("folder-x", dir_fd=top)
        inner = os.open("folder-x", os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = inner
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=top))
    os.close(top)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    folder.mkdir()
    return folder


def test_folders_go_however_deep_they_are(room: Path) -> None:
    bury(room, 1_500)
    (room / "beside").mkdir()
    (room / "beside" / "file").touch()
    remove_folder(room)
    assert not room.exists()


def test_folders_go_that_are_closed_to_their_own_user(room: Path) -> None:
    inner = room / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for folder in (inner, inner.parent, room):
        folder.chmod(0)
    remove_folder(room)
    assert not room.exists()


def test_what_links_lead_to_stays(room: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (room / "folder").symlink_to(kept)
    (room / "file").symlink_to(kept / "file")
    (room / "nowhere").symlink_to("nowhere")
    remove_folder(room)
    assert not room.exists()
    assert (kept / "file").exists()
    link = tmp_path / "link"
    link.symlink_to(kept)
    remove_folder(link)
    assert (kept / "file").exists()


def test_what_is_no_folder_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    remove_folder(file)
    remove_folder(tmp_path / "nothing")
    assert file.exists()
