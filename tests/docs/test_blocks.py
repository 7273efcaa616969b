"""The reading of documentation pages, on small pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import Command, agrees, blocks_of

PAGE = """
Some words.

```python title="hello.py"
print("not run by itself")
```

```python
print(greet("Bond"))  # Hello Bond
for name in names:
    print(name)  # Ada, then Grace
```

```console
$ trivet call admin/hello 1
Hello
$ trivet call admin/hello wrong  # exit status 1
```

```sh
rm -rf /
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_only_blocks_that_can_be_run_are_found(page: Path) -> None:
    assert [(b.language, b.title) for b in blocks_of(page)] == [
        ("python", "hello.py"),
        ("python", None),
        ("console", None),
    ]


def test_a_program_says_in_comments_what_it_prints(page: Path) -> None:
    assert blocks_of(page)[1].printed == ["Hello Bond", "Ada", "Grace"]


def test_a_console_block_has_commands_with_their_output_and_exit_status(page: Path) -> None:
    assert blocks_of(page)[2].commands == [
        Command("trivet call admin/hello 1", ("Hello",)),
        Command("trivet call admin/hello wrong", (), 1),
    ]


@pytest.mark.parametrize(
    ("printed", "expected", "is_the_same"),
    [
        ("a\nb\n", ("a", "b"), True),
        ("a\nb\n", ("a",), False),
        ("a\nb\nc\n", ("a", "..."), True),
        ("a\nb\nc\n", ("...", "b", "..."), True),
        ("a\nc\n", ("...", "b", "..."), False),
        ("a.b\n", ("a+b",), False),
    ],
)
def test_output_agrees_line_by_line(printed: str, expected: tuple[str, ...], is_the_same: bool) -> None:
    assert agrees(printed, expected) is is_the_same
