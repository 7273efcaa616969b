"""The vault: what is sealed comes back with the right key, and with no other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from trivet.platform.core.errors import Unavailable
from trivet.platform.stores.vault import FileVault


@pytest.mark.parametrize("value", ["", "hunter2", "пароль ☕", "x" * 100_000])
def test_what_is_sealed_comes_back(tmp_path: Path, value: str) -> None:
    vault = FileVault(tmp_path / "master.key")
    sealed = vault.seal(value)
    assert vault.unseal(sealed) == value
    assert value == "" or value.encode() not in sealed


def test_the_same_value_is_never_sealed_the_same_way(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "master.key")
    assert vault.seal("twice") != vault.seal("twice")


def test_the_key_is_kept_for_the_next_start_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    sealed = FileVault(path).seal("kept")
    assert FileVault(path).unseal(sealed) == "kept"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_of_many_who_begin_at_once_all_use_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    barrier = threading.Barrier(8)
    sealed: list[bytes] = []

    def begin() -> None:
        vault = FileVault(path)
        barrier.wait(30)
        sealed.append(vault.seal("together"))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [FileVault(path).unseal(one) for one in sealed] == ["together"] * 8
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_another_key_is_refused_with_a_sentence(tmp_path: Path) -> None:
    sealed = FileVault(tmp_path / "one.key").seal("secret")
    with pytest.raises(Unavailable, match="not the one it was sealed with") as caught:
        FileVault(tmp_path / "other.key").unseal(sealed)
    assert "key file" in caught.value.hint


def test_a_value_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "master.key")
    sealed = bytearray(vault.seal("secret"))
    sealed[20] ^= 1
    with pytest.raises(Unavailable):
        vault.unseal(bytes(sealed))


@pytest.mark.parametrize("content", [b"", b"no key at all", b"\xff" * 44])
def test_a_file_without_a_key_in_it_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="does not hold a key"):
        FileVault(path).seal("secret")
    assert path.read_bytes() == content


def test_a_place_where_no_key_can_lie_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be used"):
        FileVault(tmp_path).seal("secret")
    with pytest.raises(Unavailable, match="can't be used"):
        FileVault(tmp_path / "missing" / "master.key").seal("secret")
