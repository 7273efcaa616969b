"""Bounds of archives from elsewhere."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from trivet.sdk import _unpacking
from trivet.sdk._unpacking import TooMuchError, most_unpacked, opened_zip, unpack_tar

MIB = 1024 * 1024


def zipped(path: Path, entries: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in entries:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def names_of(archive: Path, most: int) -> list[str]:
    with opened_zip(archive, most) as packed:
        return packed.namelist()


def test_a_small_archive_may_become_a_gibibyte_and_a_large_one_two_hundred_times_itself() -> None:
    assert most_unpacked(1) == 1024**3
    assert most_unpacked(1024**3) == 200 * 1024**3


def test_a_zip_may_hold_as_much_as_it_may_and_no_byte_more(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"1" * 60, "b/c": b"2" * 40})
    assert names_of(archive, 100) == ["a", "b/c"]
    with pytest.raises(TooMuchError, match="holds more than"):
        names_of(archive, 99)


def test_a_zip_that_says_less_than_it_holds_gives_what_it_says(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": bytes(10 * MIB)})
    true, said = (10 * MIB).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true, said))
    with opened_zip(archive, 1000) as packed, pytest.raises(zipfile.BadZipFile):  # its sum is of all that it holds
        packed.extract("a", tmp_path / "out")
    assert (tmp_path / "out" / "a").stat().st_size <= 1000


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_unpack_without_a_bound_are_not_taken(tmp_path: Path, packing: int) -> None:
    with pytest.raises(zipfile.BadZipFile, match="another method than deflate"):
        names_of(zipped(tmp_path / "a.zip", {"a": b"1"}, packing), MIB)


def test_names_are_counted_along_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unpacking, "MOST_NAMES", 4)
    assert len(names_of(zipped(tmp_path / "a.zip", {"a/b": b"", "c/d": b""}), MIB)) == 2
    with pytest.raises(TooMuchError, match="more than 4 files and folders"):
        names_of(zipped(tmp_path / "b.zip", {"a/b": b"", "c/d/e": b""}), MIB)


def test_folders_in_one_another_are_counted(tmp_path: Path) -> None:
    with pytest.raises(TooMuchError, match="101 folders in one another"):
        names_of(zipped(tmp_path / "a.zip", {"a/" * 101: b""}), MIB)


def test_a_list_of_entries_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_unpacking, "_LONGEST_LIST", 50_000)
    archive = zipped(tmp_path / "a.zip", {f"{number:03}" + "n" * 500: b"" for number in range(100)})
    with pytest.raises(TooMuchError, match="list of entries"):
        names_of(archive, MIB)


def test_a_tar_is_unpacked_with_its_links(tmp_path: Path) -> None:
    link = tarfile.TarInfo("deep/link")
    link.type, link.linkname = tarfile.LNKTYPE, "deep/one"
    unpack_tar(tarred(tmp_path / "a.tgz", (tarfile.TarInfo("deep/one"), b"1"), (link, b"")), tmp_path / "out", MIB)
    assert (tmp_path / "out" / "deep" / "link").read_text() == "1"


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.FIFOTYPE], ids=["content", "what is passed over"])
def test_a_tar_that_holds_too_much_is_not_unpacked_further(tmp_path: Path, kind: bytes) -> None:
    bomb = tarfile.TarInfo("bomb")
    bomb.type, bomb.size = kind, 8 * MIB
    written = bomb.tobuf() + bytes(bomb.size)
    archive = tmp_path / "a.tgz"
    archive.write_bytes(gzip.compress(written))
    with pytest.raises(TooMuchError, match="holds more than 1 MiB"):
        unpack_tar(archive, tmp_path / "out", MIB)
    assert not (tmp_path / "out" / "bomb").exists()


def test_a_sparse_file_counts_as_what_it_becomes(tmp_path: Path) -> None:
    sparse = tarfile.TarInfo("sparse")
    sparse.pax_headers = {"GNU.sparse.size": str(1024**4), "GNU.sparse.map": "0,1"}
    with pytest.raises(TooMuchError):
        unpack_tar(tarred(tmp_path / "a.tgz", (sparse, b"1")), tmp_path / "out", MIB)
    assert not (tmp_path / "out" / "sparse").exists()


def test_a_head_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    odd = tarfile.TarInfo("a")
    odd.pax_headers = {"comment": "x" * 2 * MIB}
    with pytest.raises(tarfile.ReadError, match="head"):
        unpack_tar(tarred(tmp_path / "a.tgz", (odd, b"1")), tmp_path / "out", 64 * MIB)


def test_many_entries_of_a_tar_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unpacking, "MOST_NAMES", 2)
    archive = tarred(tmp_path / "a.tgz", *((tarfile.TarInfo(name), b"") for name in "abc"))
    with pytest.raises(TooMuchError, match="files and folders"):
        unpack_tar(archive, tmp_path / "out", MIB)
