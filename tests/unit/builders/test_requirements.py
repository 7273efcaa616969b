"""What is to be installed: which lines are taken, and which reach for what they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.builders.folders import bundle_of
from trivet.platform.builders.requirements import Requirements, read_requirements
from trivet.platform.core.errors import DeploymentRefused


def test_all_sources_are_joined_in_one_order(tmp_path: Path) -> None:
    bundle_of(
        tmp_path,
        {
            "requirements.txt": """
                # what we need
                numpy >=2,<3   # arrays
                pandas[excel]==2.2.3; python_version < "3.13"
                -r more/extra.txt
                --extra-index-url   https://example.org/simple
                torch==2.1 \\
                    --hash=sha256:00ff
                git+https://example.org/x.git@v1#egg=x
                pkg @ https://example.org/pkg-1.0-py3-none-any.whl
                https://example.org/direct-1.0-py3-none-any.whl
            """,
            "more/extra.txt": "scipy\n--pre\n",
        },
    )
    found = read_requirements(tmp_path, ["scipy", "rich"])
    assert found.options == ("--extra-index-url https://example.org/simple", "--pre")
    assert found.lines == (
        "git+https://example.org/x.git@v1#egg=x",
        "https://example.org/direct-1.0-py3-none-any.whl",
        "numpy >=2,<3",
        'pandas[excel]==2.2.3; python_version < "3.13"',
        "pkg @ https://example.org/pkg-1.0-py3-none-any.whl",
        "rich",
        "scipy",
        found.lines[-1],
    )
    assert found.lines[-1].split() == ["torch==2.1", "--hash=sha256:00ff"]


def test_the_order_of_writing_makes_no_difference(tmp_path: Path) -> None:
    one = read_requirements(bundle_of(tmp_path / "1", {"requirements.txt": "a\nb\n"}))
    two = read_requirements(bundle_of(tmp_path / "2", {"requirements.txt": "b\n"}), ["a"])
    assert one == two


def test_nothing_asked_for_is_nothing(tmp_path: Path) -> None:
    assert read_requirements(tmp_path) == Requirements()
    assert len(Requirements()) == 0


@pytest.mark.parametrize("line", ["trivet", "Trivet>=0.1", "trivet[server]", "trivet ; python_version > '3'"])
def test_trivet_itself_is_left_to_the_platform(line: str, tmp_path: Path) -> None:
    assert read_requirements(tmp_path, [line]).lines == ()


def test_names_that_only_begin_with_trivet_are_kept(tmp_path: Path) -> None:
    assert read_requirements(tmp_path, ["trivet-extras", "trivets"]).lines == ("trivet-extras", "trivets")


def test_a_wheel_in_the_bundle_counts_by_its_content(tmp_path: Path) -> None:
    name = "x-1.0-py3-none-any.whl"
    one, two, three = (
        read_requirements(bundle_of(tmp_path / n, {"requirements.txt": f"./wheels/{name}\n", f"wheels/{name}": data}))
        for n, data in (("1", b"a"), ("2", b"a"), ("3", b"b"))
    )
    assert one.identity == two.identity != three.identity
    assert one.text == f"{(tmp_path / '1' / 'wheels' / name).as_uri()}\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-r /etc/passwd", "not in the bundle"),
        ("-r ../outside.txt", "not in the bundle"),
        ("-rmissing.txt", "not in the bundle"),
        ("-e .", "option that is not taken"),
        ("--editable=/srv", "option that is not taken"),
        ("-c constraints.txt", "option that is not taken"),
        ("--find-links /srv", "option that is not taken"),
        ("--index-url file:///srv", "option that is not taken"),
        ("numpy --config-settings=x=y", "option that is not taken"),
        (".", "folder or file of the machine"),
        ("./src", "folder or file of the machine"),
        ("/srv/x.whl", "not in the bundle"),
        ("../x.whl", "not in the bundle"),
        ("file:///srv/x.whl", "folder or file of the machine"),
        ("x @ file:///srv/x.whl", "folder or file of the machine"),
        ("x-1.0.tar.gz", "folder or file of the machine"),
        ("--extra-index-url https://example.org/${TOKEN}", "variable of the server"),
        ("numpy==${VERSION}", "variable of the server"),
        ("numpy pandas", "is no requirement"),
        ("!!!", "is no requirement"),
        ("x" * 3000, "over 2000 letters"),
    ],
)
def test_a_line_that_is_not_to_be_taken_is_refused_by_its_words(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("numpy")
    bundle_of(tmp_path / "bundle", {"requirements.txt": f"ok\n{line}\n", "constraints.txt": "", "src/x.py": ""})
    with pytest.raises(DeploymentRefused, match=said) as caught:
        read_requirements(tmp_path / "bundle")
    assert caught.value.detail.startswith("requirements.txt: ")


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match="include each other"):
        read_requirements(bundle_of(tmp_path, {"requirements.txt": "-r b.txt", "b.txt": "-r requirements.txt"}))


def test_files_that_include_each_other_many_times_are_not_read_without_end(tmp_path: Path) -> None:
    files = {f"{number}.txt": f"-r {number + 1}.txt\n" * 50 for number in range(6)}
    with pytest.raises(DeploymentRefused, match="more than"):
        read_requirements(bundle_of(tmp_path, {"requirements.txt": "-r 0.txt", **files, "6.txt": "six"}))


@pytest.mark.parametrize("line", ["--index-url https://evil.example/simple", "a\n--pre", "-r x", "a==${HOME}"])
def test_a_decorator_can_not_smuggle_more_in(line: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"is no requirement|names a variable"):
        read_requirements(tmp_path, [line])
