"""What is packed for a deployment."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from trivet.sdk._archive import pack
from trivet.sdk.errors import DeploymentError, TooLargeError


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return tar.getnames()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "hello"
    for name in ("main.py", "pkg/part.py", "run.sh", "data/big.bin", "notes.txt", "pkg/notes.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "run.sh").chmod(0o755)
    return root


def test_a_folder_is_packed_below_itself_in_order(folder: Path) -> None:
    archive = pack(folder)
    assert archive.filename == "hello"
    assert names(archive.data) == ["data/big.bin", "main.py", "notes.txt", "pkg/notes.txt", "pkg/part.py", "run.sh"]


def test_the_same_files_give_the_same_bytes(folder: Path) -> None:
    first = pack(folder).data
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "main.py").chmod(0o600)
    assert pack(folder).data == first


def test_nothing_tells_who_packed_it(folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(folder).data), mode="r:gz") as tar:
        members = tar.getmembers()
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 0)}
    assert {m.name: m.mode for m in members}["run.sh"] == 0o755
    assert {m.name: m.mode for m in members}["main.py"] == 0o644


def test_one_file_is_packed_under_its_name(folder: Path) -> None:
    archive = pack(folder / "main.py")
    assert (archive.filename, names(archive.data)) == ("main.py", ["main.py"])


def test_what_is_never_needed_is_left_out(folder: Path) -> None:
    for name in (
        ".git/config",
        "__pycache__/main.cpython-311.pyc",
        ".venv/bin/python",
        "pkg/node_modules/x.js",
        "old.pyc",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    assert len(names(pack(folder).data)) == 6


def test_a_virtual_environment_is_left_out_whatever_its_name(folder: Path) -> None:
    before = names(pack(folder).data)
    environment = folder / "tools" / "py311"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (environment / "bin" / "python").symlink_to("/usr/bin/python3")
    assert names(pack(folder).data) == before


def test_trivetignore_leaves_out_what_it_lists(folder: Path) -> None:
    (folder / ".trivetignore").write_text("# what only I need\ndata/\n\n/notes.txt\n*.sh\n")
    assert names(pack(folder).data) == [".trivetignore", "main.py", "pkg/notes.txt", "pkg/part.py"]


def test_a_link_is_refused_with_what_to_do(folder: Path) -> None:
    (folder / "secrets").symlink_to("/etc/passwd")
    with pytest.raises(DeploymentError, match="symbolic link") as caught:
        pack(folder)
    assert ".trivetignore" in caught.value.hint
    (folder / ".trivetignore").write_text("secrets")
    pack(folder)


def test_a_pipe_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(DeploymentError, match="neither a file nor a folder"):
        pack(folder)


def test_over_the_limit_the_largest_files_are_named(folder: Path) -> None:
    (folder / "data/big.bin").write_bytes(os.urandom(200_000))
    with pytest.raises(TooLargeError, match="MiB") as caught:
        pack(folder, limit=100_000)
    assert caught.value.limit == 100_000
    assert "data/big.bin (0.2 MB)" in caught.value.hint


def test_nothing_there_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="nowhere"):
        pack(tmp_path / "nowhere")
    with pytest.raises(DeploymentError, match="no file to deploy"):
        pack(tmp_path)
