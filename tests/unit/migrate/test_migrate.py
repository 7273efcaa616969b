"""`trivet migrate` over whole codebases: three of each kind, after the pattern of public ones."""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trivet.cli.main import cli
from trivet.migrate import reading
from trivet.migrate.support import supports

PROGRAMS = Path(__file__).parent / "programs"
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "migrating.md"
ALL = sorted(path.relative_to(PROGRAMS).as_posix() for path in PROGRAMS.glob("*/*") if path.is_dir())
SUPPORTED = {
    "algorithmia/classify", "algorithmia/nightly", "jaqpot/notebook", "jaqpot/screening", "runpod/batch", "runpod/fleet",
}  # fmt: skip


def migrate(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["migrate", *map(str, words)], catch_exceptions=False)


def document(*words: str | Path) -> Any:
    return json.loads(migrate(*words, "--json").stdout)


def all_imports_work(program: bytes) -> None:
    """Carries out the imports of the drop-in modules, and nothing else of a program."""
    imports = [node for node in ast.walk(ast.parse(program)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    ours = [node for node in imports if "trivet." in ast.unparse(node)]
    assert ours
    exec(compile(ast.Module(ours, []), "imports", "exec"), {})


@pytest.fixture
def codebase(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROGRAMS, tmp_path / "programs"))


@pytest.mark.parametrize("name", ALL)
def test_the_status_says_whether_all_is_supported(name: str) -> None:
    result = migrate(PROGRAMS / name)
    assert result.exit_code == (0 if name in SUPPORTED else 1), result.output
    found = document(PROGRAMS / name)
    assert found["supported"] == (name in SUPPORTED)
    assert found["uses"]
    assert sum(found["counts"].values()) == len(found["uses"])
    for use in found["uses"]:
        assert {"file", "line", "column", "package", "name", "verdict", "why", "instead"} <= set(use)


@pytest.mark.parametrize("name", ALL)
def test_what_was_changed_uses_the_drop_in_modules_and_changes_no_more(codebase: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in (codebase / name).rglob("*") if path.is_file()}
    result = migrate(codebase / name, "--write")
    assert result.exit_code == (0 if name in SUPPORTED else 1)
    after = {path: path.read_bytes() for path in (codebase / name).rglob("*") if path.is_file()}
    assert set(after) == set(before), "nothing is left beside them"
    assert (before != after) == (name in SUPPORTED)
    for path, data in after.items():
        assert path.suffix != ".ipynb" or data == before[path], "notebooks are never changed"
        if path.suffix == ".py":
            ast.parse(data)
            if data != before[path]:
                assert reading.read(data.decode(), path.name, supports()) == []
                all_imports_work(data)
                kept = [line for line in before[path].splitlines() if b"import" not in line]
                assert [line for line in data.splitlines() if b"import" not in line] == kept
    assert document(codebase / name, "--write")["changes"] == []
    assert after == {path: path.read_bytes() for path in after}


def test_a_file_with_a_use_that_is_not_supported_keeps_its_imports_and_its_requirement(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("import runpod\nrunpod.get_gpus()\n")
    (tmp_path / "bad.py").write_text("import runpod\nfrom runpod.serverless.utils import rp_upload\n")
    (tmp_path / "requirements.txt").write_text("runpod\n")
    found = document(tmp_path, "--write")
    assert {change["file"]: change["lines"] for change in found["changes"]} == {
        "good.py": ["-import runpod", "+import trivet.runpod as runpod"],
        "requirements.txt": ["+trivet"],
    }
    assert (tmp_path / "bad.py").read_text().startswith("import runpod\n")
    assert (tmp_path / "requirements.txt").read_text() == "runpod\ntrivet\n"


def test_a_requirement_that_nothing_here_uses_stays(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("runpod\n")
    assert document(tmp_path, "--write")["changes"] == []


def test_where_a_file_can_not_be_read_nothing_is_changed(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("import runpod\n")
    (tmp_path / "old.py").write_text("import Algorithmia\nprint 'result'\n")
    result = migrate(tmp_path)
    assert result.exit_code == 1
    assert "old.py" in result.stdout
    assert "line 2" in result.stdout
    assert document(tmp_path)["unread"][0]["file"] == "old.py"
    result = migrate(tmp_path, "--write")
    assert result.exit_code == 1
    assert "old.py: line 2" in result.stderr
    assert (tmp_path / "good.py").read_text() == "import runpod\n"


def test_a_file_that_can_not_be_read_and_has_nothing_to_do_with_it_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'result'\n")
    (tmp_path / "odd.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "odd.ipynb").write_text("[]")
    result = migrate(tmp_path)
    assert result.exit_code == 0
    assert "Nothing of the three packages is used here (3 files looked at)" in result.stderr


def test_what_others_wrote_is_passed_over(tmp_path: Path) -> None:
    for folder in (".venv/lib", "node_modules/a", "lib/site-packages", "__pycache__", "mine/lib"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("import runpod\n")
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    assert document(tmp_path)["uses"] == []


def test_one_file_may_be_asked_about(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import runpod\n")
    (tmp_path / "b.py").write_text("import runpod\n")
    assert [use["file"] for use in document(tmp_path / "a.py")["uses"]] == ["a.py"]


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text("import runpod\n")
    real.chmod(0o755)
    (tmp_path / "link.py").symlink_to(real)
    migrate(tmp_path, "--write")
    assert (tmp_path / "link.py").is_symlink()
    assert real.read_text() == "import trivet.runpod as runpod\n"
    assert real.stat().st_mode & 0o777 == 0o755


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert migrate(tmp_path / "nowhere").exit_code == 2


def test_without_libcst_nothing_is_changed_and_it_says_what_is_missing(
    codebase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert migrate(codebase / "runpod" / "fleet").exit_code == 0
    result = migrate(codebase / "runpod" / "fleet", "--write")
    assert result.exit_code == 1
    assert 'pip install "trivet[migrate]"' in result.stderr


@pytest.mark.parametrize("name", ALL)
def test_the_guide_shows_the_report_as_it_is(name: str) -> None:
    result = migrate(PROGRAMS / name)
    assert f"$ trivet migrate {name}\n{result.stdout}{result.stderr}" in GUIDE.read_text("utf-8")


@pytest.mark.parametrize("own", ["runpod.py", "runpod/__init__.py", "src/runpod.py", "tools/runpod.py"])
def test_a_module_of_the_codebase_with_the_same_name_is_not_taken_for_the_package(tmp_path: Path, own: str) -> None:
    (tmp_path / own).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / own).write_text("class Endpoint: ...\n")
    program = tmp_path / "tools" / "call.py"
    program.parent.mkdir(exist_ok=True)
    program.write_text("import runpod\nrunpod.Endpoint('a').run({})\n")
    found = document(tmp_path, "--write")
    assert {use["verdict"] for use in found["uses"] if use["name"].startswith("runpod")} == {"unclear"}
    assert found["changes"] == []
    assert program.read_text().startswith("import runpod\n")


def test_a_link_to_nowhere_does_not_stand_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    (tmp_path / "call.py").write_text("import runpod\n")
    assert migrate(tmp_path, "--write").exit_code == 0
    assert (tmp_path / "call.py").read_text() == "import trivet.runpod as runpod\n"


def test_a_folder_that_can_not_be_looked_into_is_named_and_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "call.py").write_text("import runpod\n")
    closed = tmp_path / "closed"
    closed.mkdir()
    look = os.scandir

    def refusing(path: Any) -> Any:  # by name and not by mode, as whoever runs this may be allowed everything
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refusing)
    result = migrate(tmp_path, "--write")
    assert result.exit_code == 1
    assert "closed: Permission denied" in result.output
    assert (tmp_path / "call.py").read_text() == "import runpod\n"


def test_where_one_file_can_not_be_written_none_is(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("import runpod\n")
    (tmp_path / ".b.py.migrating").mkdir()  # in the way
    result = migrate(tmp_path, "--write")
    assert result.exit_code == 1
    assert ".b.py.migrating" in result.output
    assert (tmp_path / "a.py").read_text() == (tmp_path / "b.py").read_text() == "import runpod\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.py.migrating", "a.py", "b.py"]


def test_a_file_and_a_link_to_it_are_changed_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import runpod\n")
    (tmp_path / "b.py").symlink_to("a.py")
    assert migrate(tmp_path, "--write").exit_code == 0
    assert (tmp_path / "a.py").read_text() == "import trivet.runpod as runpod\n"
    assert (tmp_path / "b.py").is_symlink()
