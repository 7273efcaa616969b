"""Imports and requirements changed, and nothing else."""

from __future__ import annotations

import ast

import pytest

from trivet.migrate import reading, requirements
from trivet.migrate.requirements import Fate
from trivet.migrate.support import Verdict, supports
from trivet.migrate.texts import Places
from trivet.migrate.writing import NotReadable, changed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import runpod\n", "import trivet.runpod as runpod\n"),
        ("import runpod as rp  # why\n", "import trivet.runpod as rp  # why\n"),
        ("import os,  runpod , sys\n", "import os,  trivet.runpod as runpod , sys\n"),
        ("import runpod.serverless\n", "import trivet.runpod as runpod\n"),
        ("import runpod.serverless as s\n", "import trivet.runpod.serverless as s\n"),
        ("from runpod import Endpoint , Job\n", "from trivet.runpod import Endpoint , Job\n"),
        ("from Algorithmia.acl import (  ReadAcl,\n   # both\n AclType)\n",
         "from trivet.algorithmia.acl import (  ReadAcl,\n   # both\n AclType)\n"),
        ("try:\n\timport Algorithmia\nexcept ImportError: pass\n",
         "try:\n\timport trivet.algorithmia as Algorithmia\nexcept ImportError: pass\n"),
        ("from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient\n", "from trivet.jaqpot import JaqpotApiClient\n"),
        ("from jaqpot_api_client import Model\n", "from trivet.jaqpot.models import Model\n"),
        ("x = 1 ;import runpod\r\nx  =  2\r\n", "x = 1 ;import trivet.runpod as runpod\r\nx  =  2\r\n"),
        ("from runpod.cli import main\n", "from runpod.cli import main\n"),
        ("from . import runpod\n", "from . import runpod\n"),
        ("from runpod \\\n  . serverless import start\n", "from trivet.runpod.serverless import start\n"),
        ("é = 'ü'; import runpod . serverless as ß  # ö\n", "é = 'ü'; import trivet.runpod.serverless as ß  # ö\n"),
        ('if a:\n  x = """\nimport runpod\n"""; import runpod\n',
         'if a:\n  x = """\nimport runpod\n"""; import trivet.runpod as runpod\n'),
        ("match a:\n case 1:\n  def f(): import runpod\n", "match a:\n case 1:\n  def f(): import trivet.runpod as runpod\n"),
        ("x = '\x0c'\n\x0cimport runpod\n", "x = '\x0c'\n\x0cimport trivet.runpod as runpod\n"),
        ("import runpod\rimport os\r", "import trivet.runpod as runpod\rimport os\r"),
        ("print( 'import runpod' )", "print( 'import runpod' )"),
    ],
)  # fmt: skip
def test_an_import_is_changed_and_all_else_stays(before: str, after: str) -> None:
    made = changed(before.encode(), supports()).decode()
    assert made == after
    assert changed(made.encode(), supports()).decode() == made, "a second time changes nothing"
    ast.parse(made)


def test_only_the_packages_that_are_to_move_are_changed() -> None:
    runpod = [support for support in supports() if support.package == "runpod"]
    assert changed(b"import runpod, Algorithmia\n", runpod) == b"import trivet.runpod as runpod, Algorithmia\n"


def test_the_encoding_of_a_program_stays() -> None:
    before = "# -*- coding: latin-1 -*-\nimport runpod\nname = 'é'\n".encode("latin-1")
    assert changed(before, supports()) == before.replace(b"import runpod", b"import trivet.runpod as runpod")


def test_what_came_along_is_put_beside_what_is_new() -> None:
    def also(text: str, file: str) -> str:
        return requirements.changed(text, file, supports(), REPLACED, ["boto3"])

    assert also("runpod\nsix\n", "requirements.txt") == "trivet\nboto3\nsix\n"
    assert also("RUN pip install runpod\n", "Dockerfile") == "RUN pip install trivet boto3\n"
    assert also('[project]\ndependencies = ["runpod"]\n', "pyproject.toml") == (
        '[project]\ndependencies = ["trivet", "boto3"]\n'
    )
    assert also("runpod\nboto3\n", "requirements.txt") == "trivet\nboto3\n"
    assert also("six\n", "requirements.txt") == "six\n", "who does not require the original needs nothing of it"


def test_an_import_that_was_not_what_it_was_taken_for_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Places, "offset", lambda self, line, column: 0)
    with pytest.raises(NotReadable, match="not written as others are"):
        changed(b"x = 1\nimport runpod\n", supports())


def test_what_is_no_python_is_not_changed() -> None:
    with pytest.raises(NotReadable):
        changed(b"print 'runpod'\n", supports())


def test_a_changed_program_uses_no_original() -> None:
    program = b"import runpod\nfrom runpod import Endpoint\nprint(runpod.Endpoint, Endpoint('a').health())\n"
    assert reading.read(changed(program, supports()).decode(), "a.py", supports()) == []


# -- requirement files


REPLACED = dict.fromkeys(("runpod", "algorithmia", "jaqpot"), Fate.REPLACED)
JOINED = dict.fromkeys(REPLACED, Fate.JOINED)


@pytest.mark.parametrize(
    ("file", "before", "after", "joined"),
    [
        ("requirements.txt", "# all\nrunpod==1.7.9  # why\nsix\n", "# all\ntrivet  # why\nsix\n",
         "# all\nrunpod==1.7.9  # why\ntrivet\nsix\n"),
        ("requirements-dev.txt", 'RunPod[all] >=1, <2 ; python_version > "3"\n', 'trivet ; python_version > "3"\n', None),
        ("requirements/base.txt", "jaqpot_python.sdk\r\nsix\r\n", "trivet\r\nsix\r\n", "jaqpot_python.sdk\r\ntrivet\r\nsix\r\n"),
        ("requirements.txt", "runpod\nalgorithmia\n", "trivet\n", "runpod\ntrivet\nalgorithmia\n"),
        ("requirements.txt", "trivet>=1\nrunpod\n", "trivet>=1\n", "trivet>=1\nrunpod\n"),
        ("constraints.txt", "runpod-extras==1\nmyrunpod\n", "runpod-extras==1\nmyrunpod\n", None),
        ("pyproject.toml", '[project]\nname = "runpod"\ndependencies = ["six", "runpod>=1"]  # x\n',
         '[project]\nname = "runpod"\ndependencies = ["six", "trivet"]  # x\n',
         '[project]\nname = "runpod"\ndependencies = ["six", "runpod>=1", "trivet"]  # x\n'),
        ("pyproject.toml", "[project.optional-dependencies]\ngpu = [\n  'runpod', # y\n]\n[tool.x]\na = ['runpod']\n",
         "[project.optional-dependencies]\ngpu = [\n  'trivet', # y\n]\n[tool.x]\na = ['runpod']\n", None),
        ("pyproject.toml", '[project]\ndependencies = ["runpod", "six", "algorithmia"]\n',
         '[project]\ndependencies = ["trivet", "six"]\n', None),
        ("pyproject.toml", '[project]\ndependencies = [\n  "runpod",\n  "algorithmia",\n  "six",\n]\n',
         '[project]\ndependencies = [\n  "trivet",\n  "six",\n]\n', None),
        ("pyproject.toml", '[dependency-groups]\ndev = ["algorithmia"]\n', '[dependency-groups]\ndev = ["trivet"]\n', None),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.11"\nrunpod = "^1.7" # z\n',
         '[tool.poetry.dependencies]\npython = "^3.11"\ntrivet = "*" # z\n',
         '[tool.poetry.dependencies]\npython = "^3.11"\nrunpod = "^1.7" # z\ntrivet = "*"\n'),
        ("setup.cfg", "[metadata]\nname =\n    runpod\n[options]\ninstall_requires =\n    runpod >= 1\n    six\n",
         "[metadata]\nname =\n    runpod\n[options]\ninstall_requires =\n    trivet\n    six\n", None),
        ("environment.yml", "dependencies:\n  - pip:\n    - 'runpod==1.7'  # p\n    - six\n",
         "dependencies:\n  - pip:\n    - 'trivet'  # p\n    - six\n", None),
        ("pyproject.toml", '[project]\ndependencies = [\n  "runpod[all]", # see [x]\n  # "runpod",\n  "algorithmia",\n]\n',
         '[project]\ndependencies = [\n  "trivet", # see [x]\n  # "runpod",\n]\n', None),
        ("pyproject.toml", '[project.optional-dependencies]\na = ["runpod"]\nb = ["runpod"]\n',
         '[project.optional-dependencies]\na = ["trivet"]\nb = ["trivet"]\n', None),
        ("pyproject.toml", '[tool.uv]\ndev-dependencies = ["runpod"]\n[tool.hatch.envs.x]\ndependencies = ["runpod"]\n',
         '[tool.uv]\ndev-dependencies = ["trivet"]\n[tool.hatch.envs.x]\ndependencies = ["trivet"]\n', None),
        ("Pipfile", '[packages]\nrunpod = "*"\n', '[packages]\ntrivet = "*"\n', '[packages]\nrunpod = "*"\ntrivet = "*"\n'),
        ("setup.cfg", "[options]\ninstall_requires = runpod\n[options.extras_require]\na =\n  runpod\npackages =\n  six\n",
         "[options]\ninstall_requires = trivet\n[options.extras_require]\na =\n  trivet\npackages =\n  six\n", None),
        ("tox.ini", "[testenv]\ndeps =\n  runpod\ncommands = runpod\n", "[testenv]\ndeps =\n  trivet\ncommands = runpod\n", None),
        ("conda/env.yml", "dependencies:\n  - pip:\n    - runpod\n", "dependencies:\n  - pip:\n    - trivet\n", None),
        ("setup.py", 'd = ["runpod>1"]\nsetup(key=["runpod"], install_requires=d, extras_require={"a": ["runpod"]})\n',
         'd = ["trivet"]\nsetup(key=["runpod"], install_requires=d, extras_require={"a": ["trivet"]})\n',
         'd = ["runpod>1", "trivet"]\nsetup(key=["runpod"], install_requires=d, extras_require={"a": ["runpod", "trivet"]})\n'),
        ("Dockerfile", 'FROM runpod/base\nRUN a && \\\n pip install runpod==1 \\\n # why\n  "algorithmia[x]>1" && echo runpod\n',
         'FROM runpod/base\nRUN a && \\\n pip install trivet \\\n # why\n && echo runpod\n',
         'FROM runpod/base\nRUN a && \\\n pip install runpod==1 trivet \\\n # why\n  "algorithmia[x]>1" && echo runpod\n'),
        ("tools/start.sh", "uv add runpod\npip uninstall runpod\n", "uv add trivet\npip uninstall runpod\n",
         "uv add runpod trivet\npip uninstall runpod\n"),
        ("tools/job.py", '# /// script\n# dependencies = [\n#   "runpod",\n# ]\n# ///\nx = ["runpod"]\n',
         '# /// script\n# dependencies = [\n#   "trivet",\n# ]\n# ///\nx = ["runpod"]\n',
         '# /// script\n# dependencies = [\n#   "runpod", "trivet",\n# ]\n# ///\nx = ["runpod"]\n'),
    ],
)  # fmt: skip
def test_a_requirement_is_replaced_or_joined_and_all_else_stays(
    file: str, before: str, after: str, joined: str | None
) -> None:
    assert requirements.is_requirements(file) or file.endswith(".py")
    made = requirements.changed(before, file, supports(), REPLACED)
    assert made == after
    assert requirements.changed(made, file, supports(), REPLACED) == made
    assert requirements.changed(before, file, supports(), {}) == before
    if joined is not None:
        beside = requirements.changed(before, file, supports(), JOINED)
        assert beside == joined
        assert requirements.changed(beside, file, supports(), JOINED) == beside


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("requirements.txt", "runpod==1 --hash=sha256:00"),
        ("requirements.txt", "runpod @ https://files.example/runpod.whl"),
        ("requirements.txt", "-e git+https://code.example/runpod.git#egg=runpod"),
        ("requirements.txt", "runpod==1.7.9 \\"),
        ("requirements.txt", "./vendor/runpod-1.7.9-py3-none-any.whl"),
        ("pyproject.toml", '[project]\ndependencies = ["runpod @ https://files.example/runpod.whl"]'),
        ("pyproject.toml", '[tool.uv.sources]\nrunpod = { git = "https://code.example/runpod" }'),
        ("pyproject.toml", '[tool.poetry.dependencies.runpod]\nversion = "^1"'),
        ("Dockerfile", "RUN pip install git+https://code.example/runpod.git"),
        ("environment.yml", "  - runpod=1.7"),
        ("pyproject.toml", '[tool.poetry.dependencies]\nrunpod = { version = "^1", extras = ["all"] }'),
    ],
)
def test_a_line_that_says_more_is_reported_and_left_alone(file: str, line: str) -> None:
    (use,) = requirements.read(f"{line}\n", file, supports())
    assert (use.verdict, use.name) == (Verdict.UNCLEAR, "runpod")
    assert requirements.changed(f"{line}\n", file, supports(), REPLACED) == f"{line}\n"


def test_a_package_without_a_place_is_reported_and_left_alone() -> None:
    (use,) = requirements.read("jaqpotpy==7.1.0\n", "requirements.txt", supports())
    assert use.verdict is Verdict.UNSUPPORTED
    assert requirements.changed("jaqpotpy==7.1.0\n", "requirements.txt", supports(), REPLACED) == "jaqpotpy==7.1.0\n"


@pytest.mark.parametrize("path", ["readme.txt", "main.py", "a/pyproject.toml.bak", "notes/environment.md"])
def test_other_files_are_no_requirements(path: str) -> None:
    assert not requirements.is_requirements(path)
