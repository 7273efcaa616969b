"""Writes the reference pages that come from the code, and the examples that the guides show.

Run it without arguments to write, with ``--check`` to fail where a page is not what the code says.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TypeVar, is_typeddict

import click

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "src" / "trivet" / "examples"
NOTE = "<!-- Written by scripts/docs_reference.py. Change the code, then run `make fix`. -->"


def cli_page() -> str:
    """The commands, each with its help, arguments and options."""
    from trivet.cli.main import cli

    lines = [
        NOTE,
        "# Command line",
        "",
        "Results go to stdout, everything else to stderr. The exit status is 0 when it is done, 1 when the job or the operation",
        "failed, 2 for wrong usage, 3 when the platform can't be reached or doesn't let you in.",
        "",
    ]
    for context in _commands(click.Context(cli, info_name="trivet")):
        lines += _command(context)
    return "\n".join(lines)


def _commands(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None and not command.hidden:
                yield from _commands(click.Context(command, info_name=name, parent=context))


def _command(context: click.Context) -> list[str]:
    command = context.command
    depth = context.command_path.count(" ")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"{'#' * min(2 + max(0, depth - 1), 4)} {context.command_path}", "", f"`{usage}`", ""]
    lines += _help(command.help or "")
    options = [param for param in command.params if isinstance(param, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    if records:
        lines += ["| option | |", "| --- | --- |"]
        lines += [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in records]
        lines.append("")
    return lines


def _help(text: str) -> list[str]:
    """Paragraphs as they are; those that click is told not to wrap (``\\b``) as code."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            lines += ["```text", *paragraph.lstrip("\b\n").splitlines(), "```", ""]
        else:
            lines += [*paragraph.splitlines(), ""]
    return lines


def errors_page() -> str:
    """The codes of the API, and the exceptions of the SDK."""
    from trivet.platform.core import errors as core
    from trivet.platform.wire.problems import STATUS
    from trivet.sdk import errors as sdk

    known = {error.code: error for error in _family(core.CoreError)}
    lines = [
        NOTE,
        "# Errors",
        "",
        "Every error of the API is a problem document with a stable `code`. The SDK raises an exception for it, which",
        "carries the same `code`, a `message` (what happened and why) and a `hint` (what to do next).",
        "",
        "## Codes",
        "",
        "| code | status | means | SDK |",
        "| --- | --- | --- | --- |",
    ]
    for code, status in sorted(STATUS.items(), key=lambda pair: (pair[1], pair[0])):
        raised = sdk.BY_CODE.get(code, sdk.ServerError)
        meaning = known[code].title if code in known else _summary(raised).split(". ")[0].rstrip(".")
        lines.append(f"| `{code}` | {status} | {_cell(meaning)} | `{raised.__name__}` |")
    lines += ["", "## Exceptions of the SDK", "", "```text"]
    lines += _tree(sdk.TrivetError)
    lines += ["```", "", "| exception | raised when |", "| --- | --- |"]
    lines += [f"| `{error.__name__}` | {_cell(_summary(error))} |" for error in _family(sdk.TrivetError)]
    lines += [
        "",
        "Why a *job* did not succeed is told by [its own codes](../concepts/jobs.md#why-it-did-not-succeed).",
        "",
    ]
    return "\n".join(lines)


def _family(root: type[T]) -> Iterator[type[T]]:
    yield root
    for child in root.__subclasses__():
        yield from _family(child)


def _tree(root: type[Exception], depth: int = 0) -> list[str]:
    lines = ["    " * depth + root.__name__]
    for child in root.__subclasses__():
        lines += _tree(child, depth + 1)
    return lines


def settings_page() -> str:
    """The operator's settings."""
    from trivet.platform.server.settings import MIB, Settings

    lines = [
        NOTE,
        "# Settings",
        "",
        "The platform reads its settings once, when it starts: from the options of `trivet up`, else from the environment,",
        "else the default. Sizes may be written as `50MiB`.",
        "",
    ]
    for row in fields(Settings):
        if row.default is MISSING:
            default = "the usual place of the operating system"
        elif row.default in (None, ()):
            default = "none"
        elif isinstance(row.default, bool):
            default = "`yes`" if row.default else "`no`"
        elif isinstance(row.default, int) and row.default >= MIB:
            default = f"`{row.default // MIB}MiB`"
        else:
            default = f"`{row.default:g}`" if isinstance(row.default, float) else f"`{row.default}`"
        lines += [f"## {row.metadata['env']}", "", row.metadata["help"], "", f"Default: {default}.", ""]
    return "\n".join(lines)


def python_page() -> str:
    """What `import trivet` offers, from signatures and docstrings."""
    trivet = importlib.import_module("trivet")
    from trivet.sdk.errors import TrivetError

    lines = [
        NOTE,
        "# Python",
        "",
        "Everything here is reached from `import trivet`, which imports a name when it is first used. Each class whose",
        "name begins with `Async` has the shape of its blocking twin, awaited. The exceptions are on",
        "[a page of their own](errors.md).",
        "",
    ]
    for name in sorted(trivet.__all__, key=str.lower):
        thing = getattr(trivet, name)
        is_error = inspect.isclass(thing) and issubclass(thing, TrivetError)
        if name.startswith(("__", "Async")) or is_error:
            continue
        if inspect.isclass(thing):
            lines += _class(f"trivet.{name}", thing, made_by_user=not is_typeddict(thing))
        else:
            lines += _function(f"trivet.{name}", thing, "##")
    lines += _resources(trivet.Client("http://127.0.0.1", "trv_0_0"))
    return "\n".join(lines)


def _resources(client: object) -> list[str]:
    """What a client groups by noun: what it makes when it is first asked for."""
    lines: list[str] = []
    for name, made in vars(type(client)).items():
        if isinstance(made, functools.cached_property):
            lines += _class(f"client.{name}", type(getattr(client, name)), made_by_user=False)
    return lines


def _class(title: str, cls: type, *, made_by_user: bool = True) -> list[str]:
    name = title.rpartition(".")[2]
    lines = [f"## {title}", ""]
    if made_by_user:
        lines += ["```python", f"{name}{_signature(cls)}", "```", ""]
    lines += _docstring(cls)
    for member, value in vars(cls).items():
        if member.startswith("_") or isinstance(value, functools.cached_property):  # have their own
            continue
        if isinstance(value, property):
            lines += [f"### {name}.{member}", "", *_docstring(value)]
        elif inspect.isroutine(value):
            lines += _function(f"{name}.{member}", getattr(cls, member), "###")
    return lines


def _function(title: str, function: Callable[..., object], heading: str) -> list[str]:
    call = f"{title.rpartition('.')[2]}{_signature(function)}"
    return [f"{heading} {title}", "", "```python", call, "```", "", *_docstring(function)]


class _Bare(str):
    """An annotation that is shown as it was written, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _signature(thing: Callable[..., object]) -> str:
    signature = inspect.signature(thing)
    parameters = [
        p.replace(annotation=_bare(p.annotation))
        for p in signature.parameters.values()
        if p.name != "self" and not p.name.startswith("_")
    ]
    returns = signature.return_annotation if not inspect.isclass(thing) else inspect.Signature.empty
    text = str(signature.replace(parameters=parameters, return_annotation=_bare(returns)))
    if len(text) <= 100:
        return text
    inside, _, after = text[1:].rpartition(")")
    broken = ",\n    ".join(_split(inside))
    return f"(\n    {broken},\n){after}"


def _bare(annotation: object) -> object:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _split(text: str) -> list[str]:
    """``text`` at its commas, except at those within brackets."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]


def _docstring(thing: object) -> list[str]:
    """A docstring in Google's style as Markdown."""
    lines: list[str] = []
    listing = False
    for line in (inspect.getdoc(thing) or "").splitlines():
        section = re.fullmatch(r"(Args|Attributes|Returns|Yields|Raises):", line)
        if section:
            listing = True
            lines += [f"**{section[1]}**", ""]
        elif listing and (entry := re.match(r" {4}(\w+(?:, \w+)*): (.*)", line)):
            lines.append(f"- `{entry[1]}`: {_code(entry[2])}")
        elif line.startswith("        ") and listing and lines and lines[-1].startswith("- "):
            lines.append(f"  {_code(line.strip())}")
        else:
            listing = listing and (not line or line.startswith(" "))
            lines.append(_code(line.strip()) if listing else _code(line))
    return [*lines, ""]


def _code(text: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", text)


def _summary(thing: object) -> str:
    return _code((inspect.getdoc(thing) or "").split("\n\n")[0])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def with_examples(page: str) -> str:
    """The page with each block titled ``examples/…`` holding the example as it is."""

    def block(match: re.Match[str]) -> str:
        content = (EXAMPLES / match[2]).read_text(encoding="utf-8")
        return f"{match[1]}{content}```\n"

    return re.sub(r'(```python title="examples/([\w/.]+)"\n).*?```\n', block, page, flags=re.DOTALL)


def pages() -> dict[Path, str]:
    """All pages that this script answers for, by their file, as they should be."""
    wanted = {
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "errors.md": errors_page(),
        DOCS / "reference" / "settings.md": settings_page(),
        DOCS / "reference" / "python.md": python_page(),
    }
    for path in sorted((DOCS / "guides").glob("*.md")):
        wanted[path] = with_examples(path.read_text(encoding="utf-8"))
    return {path: text.rstrip("\n") + "\n" for path, text in wanted.items()}


def main() -> int:
    """Writes or checks; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a page is stale")
    check = parser.parse_args().check
    stale = [
        (path, text) for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(text, encoding="utf-8")
    if check and stale:
        print("These pages are not what the code says. Run `make fix`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
