"""Files changed on the disk: all or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet.migrate.saving import Refused, save


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_bytes(b"old")
    return paths


def to_new(files: list[Path]) -> dict[Path, tuple[bytes, bytes]]:
    return dict.fromkeys(files, (b"old", b"new"))


def test_files_are_changed_and_nothing_is_left_beside_them(files: list[Path]) -> None:
    files[0].chmod(0o750)
    save(to_new(files))
    assert {path.read_bytes() for path in files[0].parent.iterdir()} == {b"new"}
    assert files[0].stat().st_mode & 0o777 == 0o750
    assert len(list(files[0].parent.iterdir())) == 3


def test_a_file_that_another_has_changed_is_left_to_the_other(files: list[Path]) -> None:
    files[2].write_bytes(b"theirs")
    with pytest.raises(Refused, match="meanwhile"):
        save(to_new(files))
    assert [path.read_bytes() for path in files] == [b"old", b"old", b"theirs"]


@pytest.mark.parametrize("stop", [OSError("the disk is full"), KeyboardInterrupt()], ids=["full", "interrupted"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_where_it_is_stopped_amid_everything_is_as_it_was(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, stop: BaseException, after: int
) -> None:
    replace, count = Path.replace, 0

    def stopping(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == after:
            raise stop
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stopping)
    with pytest.raises(type(stop)):
        save(to_new(files))
    assert [path.read_bytes() for path in files] == [b"old"] * 3
    assert sorted(files[0].parent.iterdir()) == files, "nothing is left beside them"


def test_where_a_copy_can_not_be_laid_beside_a_file_none_is_changed(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    chmod = Path.chmod

    def refusing(self: Path, mode: int) -> None:
        if self.name.startswith(".c."):
            raise OSError("not today")
        chmod(self, mode)

    monkeypatch.setattr(Path, "chmod", refusing)
    with pytest.raises(OSError, match="not today"):
        save(to_new(files))
    assert [path.read_bytes() for path in files] == [b"old"] * 3
    assert sorted(files[0].parent.iterdir()) == files
