"""`trivet migrate` over whole codebases: three of each kind, after the pattern of public ones."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trivet.cli.main import cli
from trivet.migrate import notebooks, reading
from trivet.migrate.support import supports

PROGRAMS = Path(__file__).parent / "programs"
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "migrating.md"
ALL = sorted(path.relative_to(PROGRAMS).as_posix() for path in PROGRAMS.glob("*/*") if path.is_dir())
SUPPORTED = {
    "algorithmia/classify", "algorithmia/nightly", "jaqpot/notebook", "jaqpot/screening", "runpod/batch", "runpod/worker",
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
    exec(compile(ast.Module([*ours], []), "imports", "exec"), {})


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
def test_what_was_changed_uses_the_drop_in_modules_and_all_else_stays(codebase: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in (codebase / name).rglob("*") if path.is_file()}
    result = migrate(codebase / name, "--write")
    assert result.exit_code == (0 if name in SUPPORTED else 1)
    after = {path: path.read_bytes() for path in (codebase / name).rglob("*") if path.is_file()}
    assert set(after) == set(before), "nothing is left beside them"
    assert (before != after) == (name in SUPPORTED)
    for path, data in after.items():
        if path.suffix == ".py":
            ast.parse(data)
            if data != before[path]:
                assert reading.read(data.decode(), path.name, supports()) == []
                all_imports_work(data)
                kept = [line for line in before[path].splitlines() if b"import" not in line]
                assert [line for line in data.splitlines() if b"import" not in line] == kept
        if path.suffix == ".ipynb":
            assert notebooks.read(data.decode(), path.name, supports()) == []
            first, second = (json.loads(each)["cells"] for each in (before[path], data))
            assert [{**cell, "source": ""} for cell in first] == [{**cell, "source": ""} for cell in second]
    assert document(codebase / name, "--write")["changes"] == []
    assert after == {path: path.read_bytes() for path in after}


def test_a_file_with_a_use_that_is_not_supported_keeps_its_imports_and_its_requirement(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("import runpod\nrunpod.get_gpus()\n")
    (tmp_path / "bad.py").write_text("import runpod\nfrom runpod.serverless.modules import rp_http\n")
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


def test_a_file_keeps_its_mode_and_a_link_that_is_asked_about_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text("import runpod\n")
    real.chmod(0o755)
    link = tmp_path / "elsewhere" / "link.py"
    link.parent.mkdir()
    link.symlink_to(real)
    migrate(link, "--write")
    assert link.is_symlink()
    assert real.read_text() == "import trivet.runpod as runpod\n"
    assert real.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["lib.py", "lib"])
def test_no_link_is_followed_out_of_the_codebase(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "lib.py").write_text("import runpod\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / name).symlink_to(outside / "lib.py" if name.endswith(".py") else outside)
    result = migrate(inside, "--write")
    assert f"Skipped {name}: it is a link that leads out of the codebase." in result.stderr
    assert (outside / "lib.py").read_text() == "import runpod\n"
    found = document(inside)
    assert (found["uses"], [each["file"] for each in found["skipped"]]) == ([], [name])


def test_a_link_to_what_is_not_read_is_named_and_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "pyvenv.cfg").touch()
    (tmp_path / "hidden" / "a.py").write_text("import runpod\n")
    (tmp_path / "a.py").symlink_to("hidden/a.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    os.mkfifo(tmp_path / "pipe.py")
    assert document(tmp_path)["skipped"] == [
        {"file": "pipe.py", "why": "it is no regular file"},
        {"file": "a.py", "why": "it is a link to hidden/a.py, which is not read"},
    ]


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert migrate(tmp_path / "nowhere").exit_code == 2


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


def test_where_one_file_is_read_only_none_is_changed(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("import runpod\n")
    (tmp_path / "b.py").chmod(0o444)
    result = migrate(tmp_path, "--write")
    assert result.exit_code == 1
    assert "is read-only" in result.output
    assert (tmp_path / "a.py").read_text() == (tmp_path / "b.py").read_text() == "import runpod\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]


def test_a_file_and_a_link_to_it_are_changed_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import runpod\n")
    (tmp_path / "b.py").symlink_to("a.py")
    assert migrate(tmp_path, "--write").exit_code == 0
    assert (tmp_path / "a.py").read_text() == "import trivet.runpod as runpod\n"
    assert (tmp_path / "b.py").is_symlink()


def test_a_diff_says_what_would_be_written_and_changes_nothing(codebase: Path) -> None:
    program = codebase / "runpod" / "batch"
    before = {path: path.read_bytes() for path in program.iterdir()}
    result = migrate(program, "--diff")
    assert result.exit_code == 0
    assert before == {path: path.read_bytes() for path in program.iterdir()}
    patch = shutil.which("patch")
    if patch is not None:
        subprocess.run([patch, "-p1"], input=result.stdout, text=True, cwd=program, check=True, timeout=30)
        applied = {path: path.read_bytes() for path in before}
        for path, data in before.items():
            path.write_bytes(data)
        migrate(program, "--write")
        assert applied == {path: path.read_bytes() for path in before}
    assert migrate(program, "--diff", "--write").exit_code == 2


def test_a_diff_is_a_patch_whatever_ends_the_lines(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"import os\r\nimport runpod\r\nx = 1")
    (change,) = document(tmp_path, "--diff")["changes"]
    assert change["diff"] == (
        "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n import os\r\n-import runpod\r\n"
        "+import trivet.runpod as runpod\r\n x = 1\n\\ No newline at end of file\n"
    )


def test_what_gitignore_or_the_caller_leaves_out_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("runs/\n*.tmp.py\n")
    for name in ("runs/a.py", "b.tmp.py", "old/c.py", "tests/d.py", "kept/e.py", "kept/env/f.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("import runpod\n")
    found = document(tmp_path, "--exclude", "old", "--exclude", "tests/*")
    assert [use["file"] for use in found["uses"]] == ["kept/e.py", "kept/env/f.py"]
    assert [use["file"] for use in document(tmp_path / "kept")["uses"]] == ["e.py", "env/f.py"]
    assert [use["file"] for use in document(tmp_path / "runs" / "a.py")["uses"]] == ["a.py"]


def test_what_was_built_is_passed_over_where_a_project_was_built_from(tmp_path: Path) -> None:
    for name in ("build/a.py", "tools/build/b.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("import runpod\n")
    (tmp_path / "setup.cfg").touch()
    assert [use["file"] for use in document(tmp_path)["uses"]] == ["tools/build/b.py"]


def test_what_is_set_on_a_package_is_not_torn_from_what_uses_it(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("import runpod\nrunpod.api_key = 'a'\nrunpod.stop_pod('b')\n")
    (tmp_path / "call.py").write_text("import runpod\nrunpod.Endpoint('a').health()\n")
    found = document(tmp_path, "--write")
    assert found["changes"] == []
    assert {each["file"]: each["why"] for each in found["kept"]} == {
        "settings.py": "the platform rents out no machines, and answers with a QueryError",
        "call.py": "it may share what settings.py sets on the package with settings.py, which stays",
    }
    assert "kept call.py with runpod" in migrate(tmp_path, "--write").stdout
    (tmp_path / "call.py").write_text("import runpod\nrunpod.api_key = 'c'\nrunpod.Endpoint('a').health()\n")
    assert [each["file"] for each in document(tmp_path, "--write")["changes"]] == ["call.py"]


def test_what_the_original_brought_along_is_required(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("from runpod.serverless.utils.rp_upload import upload_image\n")
    (tmp_path / "requirements.txt").write_text("runpod\nsix\n")
    result = migrate(tmp_path, "--write")
    assert "needs boto3, which came along with the original" in result.stdout
    assert (tmp_path / "requirements.txt").read_text() == "trivet\nboto3\nsix\n"
    (tmp_path / "handler.py").write_text("from runpod.serverless.utils.rp_upload import upload_image\n")
    (tmp_path / "requirements.txt").write_text("Boto3>=1\nrunpod\n")
    migrate(tmp_path, "--write")
    assert (tmp_path / "requirements.txt").read_text() == "Boto3>=1\ntrivet\n"


def test_a_lock_of_the_old_requirements_is_named(tmp_path: Path) -> None:
    (tmp_path / "call.py").write_text("import runpod\n")
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["runpod"]\n')
    (tmp_path / "uv.lock").touch()
    assert "uv.lock is of the old requirements: uv lock" in migrate(tmp_path, "--write").stderr


def test_a_notebook_that_is_laid_out_by_hand_stays_and_so_does_its_requirement(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import runpod\n")
    by_hand = '{"cells": [{"cell_type": "code",  "source": "import runpod"}]}'
    (tmp_path / "a.ipynb").write_text(by_hand)
    (tmp_path / "requirements.txt").write_text("runpod\n")
    found = document(tmp_path, "--write")
    assert (tmp_path / "a.ipynb").read_text() == by_hand
    assert [each["file"] for each in found["kept"]] == ["a.ipynb"]
    assert (tmp_path / "requirements.txt").read_text() == "runpod\ntrivet\n"


def test_encodings_of_all_files_stay(tmp_path: Path) -> None:
    files = {
        "mark.py": b"\xef\xbb\xbfimport runpod\r\n",
        "latin.py": b"# -*- coding: latin-1 -*-\nname = '\xe9'; import runpod\n",
        "requirements.txt": b"\xff\xfe" + "runpod==1.7\r\nsix\r\n".encode("utf-16-le"),
        "requirements-odd.txt": b"# caf\xe9\nrunpod\n",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert migrate(tmp_path, "--write").exit_code == 0
    assert {name: (tmp_path / name).read_bytes() for name in files} == {
        "mark.py": b"\xef\xbb\xbfimport trivet.runpod as runpod\r\n",
        "latin.py": b"# -*- coding: latin-1 -*-\nname = '\xe9'; import trivet.runpod as runpod\n",
        "requirements.txt": b"\xff\xfe" + "trivet\r\nsix\r\n".encode("utf-16-le"),
        "requirements-odd.txt": b"# caf\xe9\ntrivet\n",
    }


def test_a_program_is_nested_too_deeply_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text("import runpod\nx = " + "(" * 5000 + ")" * 5000 + "\n")
    assert document(tmp_path)["unread"][0]["file"] == "deep.py"


def test_the_guide_names_every_field_of_the_document(codebase: Path) -> None:
    found = document(codebase / "jaqpot", "--diff")
    fields = {*found, *found["uses"][0], *found["changes"][0], *found["kept"][0]}
    assert [field for field in fields if f"`{field}`" not in GUIDE.read_text("utf-8")] == []
