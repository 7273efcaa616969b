"""``environment.yml``: what of it pip can install, and what is said of the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.builders.folders import bundle_of
from trivet.platform.builders.algorithm import Algorithm
from trivet.platform.builders.conda import Conda, read_conda
from trivet.platform.builders.requirements import read_requirements
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import DeploymentRefused

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
WHOLE = f"""
---
name: algorithm   # of no meaning here
channels:
- defaults
- conda-forge
variables:
    A: "dependencies:"
dependencies:
- python={OURS}
  # the usual
- pip
- 'numpy>=1.21,<3'
- scikit-learn
- conda-forge::pytorch=2.1
- cudatoolkit=11.1=abc_0
- pip:
    - algorithmia>=1.0.0,<2.0
    - "six==1.16.0"
    - -r more/requirements.txt
    - --pre
- pandas==2.2.2
prefix: /home/algo/anaconda
"""


def read(folder: Path, text: str) -> Conda:
    return read_conda(bundle_of(folder, {"environment.yml": text}))


def test_packages_of_conda_and_of_pip_become_requirements(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)
    assert found.requirements == (*("numpy>=1.21,<3", "scikit-learn", "torch==2.1.*", "pandas==2.2.2"),)
    assert found.pip == ("algorithmia>=1.0.0,<2.0", "six==1.16.0", "-r more/requirements.txt", "--pre")
    (warning,) = found.warnings
    assert "there is no conda here" in warning
    assert "cudatoolkit=11.1=abc_0." in warning


@pytest.mark.parametrize(
    ("spec", "requirement"),
    [
        ("numpy", "numpy"),
        ("NumPy", "numpy"),
        ("numpy=*", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy = 1.26", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311h_0", "numpy==1.26.4"),
        ("numpy 1.26.4 py311h_0", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy >=1.26,<2", "numpy>=1.26,<2"),
        ("numpy!=1.26.1", "numpy!=1.26.1"),
        ("ruamel_yaml", "ruamel.yaml"),
        ("zope.interface=5", "zope.interface==5.*"),
    ],
)
def test_a_version_means_what_it_means_to_conda(spec: str, requirement: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"dependencies:\n  - {spec}\n")
    assert (found.requirements, found.warnings) == ((requirement,), ())


@pytest.mark.parametrize(
    "spec",
    [
        "libgcc-ng=9.3",
        "_libgcc_mutex",
        "r-base",
        "numpy=1.2|1.3",
        "numpy[version='1']",
        "!",
        "!!python/object:os.system x",
        "<<: *x",
    ],
)
def test_what_pip_cannot_install_is_warned_of(spec: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"dependencies:\n- {spec}\n")
    assert found.requirements == ()
    assert spec in found.warnings[0]


def test_many_of_them_are_counted(tmp_path: Path) -> None:
    lines = "".join(f"- libgcc-{number}\n" for number in range(20))
    assert "libgcc-7 and 12 more." in read(tmp_path, f"dependencies:\n{lines}").warnings[0]


def test_one_that_goes_on_and_on_costs_no_time_and_fills_no_warning(tmp_path: Path) -> None:
    spec = "a" + " " * 200_000 + "|" * 10_000
    (warning,) = read(tmp_path, f"dependencies:\n- {spec}\n").warnings
    assert len(warning) < 1_000
    with pytest.raises(DeploymentRefused, match="is longer than"):
        read(tmp_path, "dependencies:\n" + "- numpy\n" * 100_000)


@pytest.mark.parametrize(
    ("spec", "warned"),
    [("python", 0), (f"python={OURS}.1", 0), ("python>=3.6", 0), ("python=3.7", 1), ("python 2.7", 1)],
)
def test_another_python_is_warned_of(spec: str, warned: int, tmp_path: Path) -> None:
    found = read(tmp_path, f"dependencies:\n- {spec}\n")
    assert found.requirements == ()
    assert [f"it runs on {OURS}" in warning for warning in found.warnings] == [True] * warned


def test_a_list_on_one_line_is_read_too(tmp_path: Path) -> None:
    assert read(tmp_path, "dependencies: [numpy=2, 'six']\n").requirements == ("numpy==2.*", "six")


@pytest.mark.parametrize("text", ["", "name: x\n", "dependencies:\n", "dependencies: []\n", "\tfoo\n"])
def test_one_that_asks_for_nothing_asks_for_nothing(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == Conda()


def test_without_one_nothing_is_asked_for(tmp_path: Path) -> None:
    assert read_conda(tmp_path) == Conda()


@pytest.mark.parametrize(
    "text",
    ["dependencies: {a: b}\n", "dependencies:\n  numpy: 1\n", "dependencies:\n- &x numpy\n", "dependencies:\n- a:\n"],
)
def test_what_is_more_than_a_list_is_refused_by_its_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"environment\.yml: line \d"):
        read(tmp_path, text)


def test_an_algorithm_asks_for_what_both_of_its_files_name(tmp_path: Path) -> None:
    files = {
        "algorithmia.conf": '{"algoname": "Hello"}',
        "src/Algorithm.py": "def apply(input): ...",
        "environment.yml": "dependencies:\n- numpy=2\n- cudnn\n- pip:\n  - -r more.txt\n  - --index-url https://own/\n",
        "more.txt": "six\n",
        "requirements.txt": "algorithmia\n",
    }
    kind, source = Algorithm(), SourceTree.read(bundle_of(tmp_path, files))
    wanted = read_requirements(tmp_path, kind.requirements(source), lines=kind.requirement_lines(source))
    assert wanted.lines == ("algorithmia", "numpy==2.*", "six")
    assert wanted.options == ("--index-url https://own/",)
    assert "cudnn" in kind.warnings(source)[0]


@pytest.mark.parametrize(
    "line",
    [
        *("-r /etc/passwd", "-r ../secret.txt", "--requirement=../secret.txt", "'  -r ../secret.txt'", "-r ."),
        *("-e .", "-c more.txt", "six --config-settings=a", "--trusted-host x", "../secret.txt", "file:///etc/passwd"),
        *("six; echo ${HOME}", "$(id)", "| id"),
    ],
)
def test_pip_is_told_nothing_that_requirements_may_not_say(line: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hidden words\n")
    files = {
        "algorithmia.conf": '{"algoname": "Hello"}',
        "src/Algorithm.py": "def apply(input): ...",
        "environment.yml": f"dependencies:\n- pip:\n  - {line}\n",
        "more.txt": "six\n",
    }
    folder = bundle_of(tmp_path / "bundle", files)
    kind, source = Algorithm(), SourceTree.read(folder)
    with pytest.raises(DeploymentRefused) as refused:
        read_requirements(folder, kind.requirements(source), lines=kind.requirement_lines(source))
    assert "hidden" not in refused.value.detail
    assert "root:" not in refused.value.detail
