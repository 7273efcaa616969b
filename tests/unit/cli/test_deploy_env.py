"""What `trivet deploy` gives the workers: read from the command line and from files, sent apart, and never repeated."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path

import click
import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.cli.test_deploy import builds
from tests.unit.sdk.server import Server
from trivet.cli.deploy_env import LARGEST_FILE, GivenEnv, given_env, read_env_file, uploaded_too
from trivet.sdk._archive import pack


def file_of(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_bytes(text.encode())
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "worker"
    folder.mkdir()
    (folder / "handler.py").write_text("import runpod\n")
    return folder


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
        ("\n  # a comment\n\nexport A=1", {"A": "1"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A = 1 # said of it\nB=x#y\nC=#z\nD= # nothing\nE=", {"A": "1", "B": "x#y", "C": "#z", "D": "", "E": ""}),
        ("A='x # \\n $B' # why\n", {"A": "x # \\n $B"}),
        ('A="x \\"y\\" \\n\\t\\\\ # $B"\n', {"A": 'x "y" \n\t\\ # $B'}),
        ("KEY=\"-----BEGIN\nabc\n-----END\"\nB='1\n2'", {"KEY": "-----BEGIN\nabc\n-----END", "B": "1\n2"}),
        ("A=https://host/?a=b&c=d\nA=last", {"A": "last"}),
        ('A=it\'s\nB=say "so"', {"A": "it's", "B": 'say "so"'}),
        ('A="1\r\n2"\rB=3', {"A": "1\n2", "B": "3"}),
        ("A==\nexport = x\n_1==y=", {"A": "=", "export": "x", "_1": "=y="}),
        ("", {}),
    ],
)
def test_the_usual_lines_are_read(text: str, found: dict[str, str], tmp_path: Path) -> None:
    assert read_env_file(file_of(tmp_path, text)) == found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nhush\n", 2),
        ("=hush", 1),
        ("A B=hush", 1),
        ("\n\nA='hush", 3),
        ('A="hush\n', 1),
        ("A='hush' hush", 1),
        ('A="1\n2"\nhush', 3),
        ("KEY=-----BEGIN\nhush/+==\n-----END", 2),
        ("A='it'\\''hush'", 1),
        ("export hush", 1),
        ("hush-hush=1", 1),
        ("1hush=1", 1),
        ("hüsh=1", 1),
    ],
)
def test_a_line_that_can_not_be_read_is_named_and_not_repeated(text: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=f"line {line} can't be read") as caught:
        read_env_file(file_of(tmp_path, text))
    assert "hush" not in caught.value.message.replace(str(tmp_path), "")


def test_a_file_that_can_hold_no_variables_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "model.bin"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(click.UsageError, match="not UTF-8"):
        read_env_file(binary)
    binary.write_bytes(b"x" * (LARGEST_FILE + 1))
    with pytest.raises(click.UsageError, match="larger than"):
        read_env_file(binary)
    with pytest.raises(click.UsageError, match="larger than"):
        read_env_file(Path("/dev/zero"))


def test_the_largest_file_takes_no_time_that_grows_with_its_square(tmp_path: Path) -> None:
    file = file_of(tmp_path, "A=1\n" * (LARGEST_FILE // 4))
    begun = time.process_time()
    assert read_env_file(file) == {"A": "1"}
    assert time.process_time() - begun < 12.0, (
        "a copy of the rest for each line takes twice that; without one it is a second"
    )


def test_what_stands_on_the_command_line_counts_over_files_and_the_last_of_each_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("A=1\nB=1\nC=1\n")
    second.write_text("B=2\nC=2\n")
    given = given_env(("C=3", "D=a=b", "D=", "C=4"), (first, second), ("S",), no_env=False)
    assert given.settings == {"env": {"A": "1", "B": "2", "C": "4", "D": ""}, "secrets": ("S",)}
    assert "B" not in repr(given)


def test_to_say_nothing_is_something_else_than_to_say_that_there_is_nothing() -> None:
    assert given_env((), (), (), no_env=False).settings == GivenEnv().settings == {}
    assert given_env((), (), (), no_env=True).settings == {"env": {}, "secrets": ()}


def test_all_of_it_reaches_the_platform_apart_from_the_url(
    trivet: Trivet, logged_in: Server, source: Path, tmp_path: Path
) -> None:
    builds(logged_in)
    file = file_of(tmp_path, "LIMIT=5\n")
    options = ("--env", "MODEL=tiny", "--env-file", str(file), "--secret", "HF_TOKEN", "--secret", "OTHER")
    result = trivet("deploy", str(source), *options)
    assert result.exit_code == 0, result.output
    asked = next(each for each in logged_in.seen if each.method == "POST")
    assert asked.query["secrets"] == "HF_TOKEN,OTHER"
    size = int(asked.query["env_bytes"])
    assert json.loads(asked.body[:size]) == {"LIMIT": "5", "MODEL": "tiny"}
    assert asked.body[size:][:2] == b"\x1f\x8b"
    assert "tiny" not in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--env", "hush"), "Write --env NAME=VALUE"),
        (("--env", "=hush"), "Write --env NAME=VALUE"),
        (("--env", "hush/+abc=="), "Write --env NAME=VALUE"),
        (("--env", " hush=1"), "Write --env NAME=VALUE"),
        (("--secret", ""), "--secret is no name"),
        (("--secret", "TOKEN=hush"), "--secret is no name"),
        (("--secret", "A,hush"), "--secret is no name"),
        (("--no-env", "--env", "A=hush"), "--no-env says"),
        (("--no-env", "--secret", "A"), "--no-env says"),
        (("--env-file", "/nowhere/hush.env"), "does not exist"),
        (("--image", "w:1", "--env", "A=hush"), "beside --image"),
        (("--image", "w:1", "--secret", "A"), "beside --image"),
    ],
)
def test_what_can_not_be_meant_is_wrong_usage_and_no_value_is_repeated(
    trivet: Trivet, logged_in: Server, source: Path, options: tuple[str, ...], words: str
) -> None:
    result = trivet("deploy", str(source), *options)
    assert (result.exit_code, words in result.stderr) == (2, True), result.output
    assert "hush" not in result.output.replace("hush.env", "")
    assert not logged_in.seen


def test_a_file_with_variables_in_what_is_deployed_is_pointed_at_until_it_is_left_out(
    trivet: Trivet, logged_in: Server, source: Path
) -> None:
    builds(logged_in)
    file = file_of(source, "A=1\n")
    result = trivet("deploy", str(source), "--env-file", str(file))
    assert "it is uploaded too, as plain text" in result.stderr
    (source / ".trivetignore").write_text("*.log\n.env*\n")
    assert "uploaded too" not in trivet("deploy", str(source), "--env-file", str(file)).stderr
    assert uploaded_too(source / "handler.py", [file]) == []
    assert uploaded_too(source, [source.parent / ".env"]) == []


@pytest.mark.parametrize(
    ("listed", "uploaded"),
    [
        ("", True),
        (".env\n", False),
        ("conf/\n", False),
        ("conf/.env", False),
        ("/.env", True),
        ("# .env", True),
        (".ENV", True),
        (".env/", True),
    ],
)
def test_the_list_of_what_is_left_out_means_what_it_means_to_the_upload(
    source: Path, listed: str, uploaded: bool
) -> None:
    file = source / "conf" / ".env"
    file.parent.mkdir()
    file.write_text("A=1")
    (source / ".trivetignore").write_text(listed)
    with tarfile.open(fileobj=io.BytesIO(pack(source).data)) as packed:
        assert ("conf/.env" in packed.getnames()) is uploaded
    assert uploaded_too(source, [file]) == ([file] if uploaded else [])
