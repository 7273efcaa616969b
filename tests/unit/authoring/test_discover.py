"""Finding endpoints in files and folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.authoring import LoadFailed, load

HELLO = "import trivet\n\n@trivet.endpoint\ndef {name}(x): return x\n"


@pytest.fixture(autouse=True)
def _modules_as_before() -> Iterator[None]:
    path, modules = sys.path[:], dict(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def names(path: Path) -> list[str]:
    return [f"{endpoint.__module__}:{endpoint.__qualname__}" for endpoint in load(path)]


def test_a_file_gives_its_endpoints_in_order(tmp_path: Path) -> None:
    write(tmp_path, tools=HELLO.format(name="b") + HELLO.format(name="a"))
    assert names(tmp_path / "tools.py") == ["tools:b", "tools:a"]


def test_a_folder_gives_those_of_every_module_that_uses_the_decorator(tmp_path: Path) -> None:
    write(tmp_path, app=HELLO.format(name="b"), aaa=HELLO.format(name="a"), helper="raise RuntimeError('imported')")
    assert names(tmp_path) == ["app:b", "aaa:a"]


def test_modules_of_the_folder_can_import_each_other(tmp_path: Path) -> None:
    write(tmp_path, main="from parts.inner import word\n" + HELLO.format(name="a"), parts__inner="word = 1")
    assert names(tmp_path) == ["main:a"]


def test_an_endpoint_that_a_module_imports_from_a_package_beside_it_is_found_once(tmp_path: Path) -> None:
    write(tmp_path, main="from parts.inner import a\n", parts__inner=HELLO.format(name="a"))
    assert names(tmp_path) == ["parts.inner:a"]


def test_without_any_at_the_top_the_folders_below_are_searched(tmp_path: Path) -> None:
    write(tmp_path, parts__inner=HELLO.format(name="a"))
    assert names(tmp_path) == ["parts.inner:a"]


def test_an_endpoint_made_by_a_function_has_the_name_it_is_kept_under(tmp_path: Path) -> None:
    source = "import trivet\n\ndef make():\n    @trivet.endpoint(name='made')\n    def f(): pass\n    return f\n\nkept = make()\n"
    write(tmp_path, main=source)
    assert names(tmp_path) == ["main:kept"]


def test_two_folders_with_a_main_are_two_mains(tmp_path: Path) -> None:
    write(tmp_path / "one", main="from helper import n\n" + HELLO.format(name="a"), helper="n = 1")
    write(tmp_path / "two", main="from helper import n\n" + HELLO.format(name="b"), helper="n = 2")
    assert names(tmp_path / "one") == ["main:a"]
    assert names(tmp_path / "two") == ["main:b"]


@pytest.mark.parametrize(
    ("files", "path", "words"),
    [
        ({"main": "x = 1"}, "", "looked at main.py"),
        ({"main": "# trivet endpoint, one day"}, "main.py", "looked at main.py"),
        ({}, "", "no Python file that uses the decorator"),
        ({}, "nowhere.py", "nothing at"),
        ({"json": HELLO.format(name="a")}, "", "module of Python itself"),
        ({"main": HELLO.format(name="a"), "app": HELLO.format(name="a")}, "", "Two endpoints have the name 'a'"),
    ],
)
def test_what_cannot_be_loaded_says_what_was_looked_at(
    tmp_path: Path, files: dict[str, str], path: str, words: str
) -> None:
    write(tmp_path, **files)
    with pytest.raises(LoadFailed, match=words):
        load(tmp_path / path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(LoadFailed, match=r"give a \.py file|Give a \.py file"):
        load(tmp_path / "notes.txt")


@pytest.mark.parametrize("name", ["my-model.py", "my.model.py", "my model.py"])
def test_a_name_that_no_module_can_have_is_refused_with_a_better_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(HELLO.format(name="a"))
    with pytest.raises(LoadFailed, match=r"for example to my_model\.py"):
        load(tmp_path)


def test_what_the_authors_module_raises_comes_through_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, broken_module="from trivet import endpoint\n1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        load(tmp_path)
    assert "broken_module" not in sys.modules
