"""Uploads: what is taken, and every attack that is not."""

from __future__ import annotations

import errno
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivet.platform.builders.archive import unpack
from trivet.platform.builders.members import Limits
from trivet.platform.core.errors import DeploymentRefused, StorageFull

CODE = b"print('hello')\n"


def tar_of(path: Path, *members: tuple[str | tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=format) as tar:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if info.isreg():
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, data in members:
            packed.writestr(member, data)
    return path


def special(name: str, type: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, target
    return info


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refusal(archive: Path, tmp_path: Path, limits: Limits | None = None) -> str:
    """Unpacks what must be refused; nothing may be left behind, inside or outside of the folder."""
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DeploymentRefused) as caught:
        unpack(archive, archive.name, tmp_path / "bundle", limits)
    assert set(tmp_path.rglob("*")) == before
    return caught.value.detail


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_files_and_folders_come_out_as_they_went_in(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make(
        tmp_path / "upload", ("main.py", CODE), ("lib/data.bin", bytes(range(256)) * 4000), ("lib/empty", b"")
    )
    unpack(archive, "upload", tmp_path / "bundle")
    assert contents(tmp_path / "bundle") == {
        "main.py": CODE,
        "lib/data.bin": bytes(range(256)) * 4000,
        "lib/empty": b"",
    }


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_usual_tar_format_with_long_and_accented_names_is_read(format: int, tmp_path: Path) -> None:
    deep = f"{'d' * 90}/{'e' * 60}/naïve.py"
    unpack(tar_of(tmp_path / "u", (deep, CODE), ("b.py", b""), format=format), "u", tmp_path / "bundle")
    assert contents(tmp_path / "bundle") == {deep: CODE, "b.py": b""}


def test_only_the_executable_bit_survives(tmp_path: Path) -> None:
    run, plain = tarfile.TarInfo("run.sh"), tarfile.TarInfo("plain.py")
    run.mode, plain.mode = 0o6777, 0o000
    unpack(tar_of(tmp_path / "u", (run, b""), (plain, b"")), "u", tmp_path / "bundle")
    assert (tmp_path / "bundle/run.sh").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "bundle/plain.py").stat().st_mode & 0o7777 == 0o644


def test_a_folder_packed_by_its_name_is_lifted_to_the_top(tmp_path: Path) -> None:
    unpack(tar_of(tmp_path / "u", ("app/app/x.py", CODE), ("./app/main.py", CODE)), "u", tmp_path / "bundle")
    assert set(contents(tmp_path / "bundle")) == {"app/x.py", "main.py"}


def test_a_package_packed_by_its_name_stays_a_package(tmp_path: Path) -> None:
    unpack(tar_of(tmp_path / "u", ("app/__init__.py", CODE)), "u", tmp_path / "bundle")
    assert set(contents(tmp_path / "bundle")) == {"app/__init__.py"}


def test_a_single_python_file_is_a_bundle_of_one_module(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(CODE)
    unpack(tmp_path / "upload", "../my-model.py", tmp_path / "bundle")
    assert contents(tmp_path / "bundle") == {"my_model.py": CODE}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    assert "neither a gzip-packed tar, a zip, nor a Python file" in refusal(tmp_path / "photo.jpg", tmp_path)


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("C:/windows/x.py", "absolute"),
        ("../outside.py", "leads out"),
        ("a/../../outside.py", "leads out"),
        ("a/b/../c.py", "leads out"),
        ("..", "leads out"),
        ("a\\..\\b.py", "backslash"),
        ("a\x07b.py", "control character"),
        ("x" * 256, "too long"),
        ("/".join(["d" * 200] * 6), "too long"),
        ("/".join(["d"] * 40), "folders deep"),
    ],
)
def test_a_name_that_is_no_safe_path_is_refused(make: Callable[..., Path], name: str, why: str, tmp_path: Path) -> None:
    assert why in refusal(make(tmp_path / "u", ("main.py", CODE), (name, b"evil")), tmp_path)


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "u", ("main.pyX../x", CODE))
    archive.write_bytes(archive.read_bytes().replace(b"main.pyX../x", b"main.py\0../x"))
    assert "control character" in refusal(archive, tmp_path)


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    assert "bytes that are no text" in refusal(tar_of(tmp_path / "u", ("bad\udcff.py", b"")), tmp_path)


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("Main.py", "main.py", "collides with 'Main.py'"),
        ("Lib/a.py", "lib/b.py", "collides with 'Lib'"),
        ("caf\u00e9.py", "cafe\u0301.py", "collides with"),
        ("x", "x/y.py", "both a file and a folder"),
        ("x/y.py", "x", "both a file and a folder"),
        ("a.py", "./a.py", "is there twice"),
    ],
)
def test_names_that_collide_are_refused(
    make: Callable[..., Path], first: str, second: str, why: str, tmp_path: Path
) -> None:
    detail = refusal(make(tmp_path / "u", (first, b"1"), (second, b"2")), tmp_path)
    assert why in detail
    assert repr(second) in detail


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (special("link.py", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (special("inner.py", tarfile.SYMTYPE, "main.py"), "is a link"),
        (special("hard.py", tarfile.LNKTYPE, "main.py"), "is a link"),
        (special("null", tarfile.CHRTYPE), "neither a file nor a folder"),
        (special("disk", tarfile.BLKTYPE), "neither a file nor a folder"),
        (special("pipe", tarfile.FIFOTYPE), "neither a file nor a folder"),
        (special("cont", tarfile.CONTTYPE), "neither a file nor a folder"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(member: tarfile.TarInfo, why: str, tmp_path: Path) -> None:
    detail = refusal(tar_of(tmp_path / "u", ("main.py", CODE), (member, b"")), tmp_path)
    assert why in detail
    assert member.name in detail


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("sparse.bin")
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,1,1000000000,1"}
    assert "sparse" in refusal(tar_of(tmp_path / "u", (info, b"ab")), tmp_path)


@pytest.mark.parametrize(
    ("mode", "why"), [(0o120777, "is a link"), (0o020666, "neither a file"), (0o140777, "neither")]
)
def test_links_and_devices_in_a_zip_are_refused(mode: int, why: str, tmp_path: Path) -> None:
    info = zipfile.ZipInfo("odd.py")
    info.external_attr = mode << 16
    assert why in refusal(zip_of(tmp_path / "u", (info, b"/etc/passwd")), tmp_path)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "u", ("a.py", CODE))
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    assert "encrypted" in refusal(archive, tmp_path)


def test_a_zip_packed_by_a_rare_method_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "u", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a.py", CODE)
    assert "deflate" in refusal(tmp_path / "u", tmp_path)


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_too_many_members_are_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make(tmp_path / "u", *((f"{n}.py", b"") for n in range(11)))
    assert "more than 10 members" in refusal(archive, tmp_path, Limits(members=10))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_more_than_the_limit_unpacked_is_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make(tmp_path / "u", ("a.bin", b"x" * 3_000_000), ("b.bin", b"y" * 3_000_000))
    assert "more than 4 MiB" in refusal(archive, tmp_path, Limits(unpacked=4 * 2**20))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_bomb_is_stopped_by_its_ratio(make: Callable[..., Path], tmp_path: Path) -> None:
    archive = make(tmp_path / "u", ("zeros.bin", bytes(20 * 2**20)))
    assert archive.stat().st_size < 50_000
    assert "unpacks to more than" in refusal(archive, tmp_path, Limits(ratio=100, ratio_from=2**20))


def test_a_tar_that_skips_over_a_bomb_is_stopped_too(tmp_path: Path) -> None:
    """A head may say that a folder has a size: what is skipped is unpacked as well."""
    info = special("folder", tarfile.DIRTYPE)
    info.size = 20 * 2**20
    block = info.tobuf(tarfile.GNU_FORMAT)
    archive = tmp_path / "u"
    archive.write_bytes(gzip.compress(block + bytes(20 * 2**20) + bytes(1024)))
    assert "more than" in refusal(archive, tmp_path, Limits(unpacked=2 * 2**20))


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "u", ("zeros.bin", bytes(1_000_000)))
    true, lie = struct.pack("<I", 1_000_000), struct.pack("<I", 1_000)
    archive.write_bytes(archive.read_bytes().replace(true, lie))
    assert "damaged" in refusal(archive, tmp_path)


def test_a_head_made_to_exhaust_the_reader_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.py")
    info.pax_headers = {"comment": "x" * 200_000}
    assert "head of a member is too long" in refusal(tar_of(tmp_path / "u", (info, b"")), tmp_path)


def test_a_head_that_points_backwards_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.py")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 10 + b"\xf8\x00"  # base-256: minus 2048
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    (tmp_path / "u").write_bytes(gzip.compress(bytes(block) + bytes(4096)))
    assert "can't be taken" in refusal(tmp_path / "u", tmp_path)


def test_a_zip_whose_table_of_contents_is_huge_is_refused_unread(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "u", ("a.py", CODE))
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    data[at + 12 : at + 16] = struct.pack("<I", 500_000_000)
    archive.write_bytes(data)
    assert "table of contents" in refusal(archive, tmp_path)


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.98])
def test_a_truncated_archive_is_refused(make: Callable[..., Path], keep: float, tmp_path: Path) -> None:
    import random

    archive = make(tmp_path / "u", ("a.bin", random.Random(1).randbytes(50_000)), ("b.py", CODE))
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * keep)])
    assert "damaged" in refusal(archive, tmp_path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    is_zip=st.booleans(),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    repack=st.booleans(),
)
def test_no_damage_does_more_than_refuse(
    is_zip: bool, edits: list[tuple[float, int]], repack: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    make = zip_of if is_zip else tar_of
    archive = make(folder / "u", ("main.py", CODE), ("lib/x.py", b"y" * 2000))
    data = bytearray(archive.read_bytes())
    within = repack and not is_zip  # damage to the tar itself, behind a sound gzip
    if within:
        data = bytearray(gzip.decompress(bytes(data)))
    for where, value in edits:
        data[int(where * len(data))] = value
    archive.write_bytes(gzip.compress(bytes(data)) if within else bytes(data))
    try:
        unpack(archive, "u", folder / "bundle")
    except DeploymentRefused:
        assert not (folder / "bundle").exists()
    assert {p.name for p in folder.iterdir()} <= {"u", "bundle"}


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tar_of(tmp_path / "u", ("a/main.py", CODE))

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "chmod", full)
    with pytest.raises(StorageFull):
        unpack(archive, "u", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
