"""The text of a query, before the grammar sees it: bounded, and mended where RunPod's own client writes it wrong."""

from __future__ import annotations

import re

from trivet.platform.core.errors import BadRequest

MAX_TOKENS = 5000
"""Words, numbers, strings and punctuation of one query, at most. RunPod's package sends a few hundred."""
MAX_NESTING = 64
"""Brackets inside brackets, at most."""

# Strings and block strings match even where they never end: else every stray quote would be searched for an end anew.
_TOKEN = re.compile(
    r"""
      (?P<block>\"{3}(?:[^"\\]|\\\"{3}|\\|\"(?!\"{2}))*(?:\"{3})?)
    | (?P<string>"(?:[^"\\]|\\.)*"?)
    | (?P<comment>\#[^\n\r]*)
    | (?P<open>[{(\[])
    | (?P<close>[})\]])
    | [A-Za-z0-9_.+-]+
    | [^\s,]
    """,
    re.VERBOSE | re.DOTALL,
)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def check_size(query: str) -> None:
    """Refuses what would cost too much to read. It takes one pass, whatever the text.

    Raises:
        BadRequest: too many tokens, or nested too deeply.
    """
    nesting = 0
    for tokens, match in enumerate(_TOKEN.finditer(query), start=1):
        kind = match.lastgroup
        if kind == "open":
            nesting += 1
        elif kind == "close":
            nesting -= 1
        if tokens > MAX_TOKENS:
            raise BadRequest(
                f"The query has more than {MAX_TOKENS} tokens.", hint="Send less at once, or send values as variables."
            )
        if nesting > MAX_NESTING:
            raise BadRequest(f"The query is nested deeper than {MAX_NESTING} brackets.", hint="Send it flatter.")


def mended(query: str) -> str:
    """The query with line breaks inside quoted strings written as ``\\n``.

    RunPod's package puts values into the text as they are, so that a start command of two lines breaks the grammar. What was
    meant is plain, and a sound query comes back as it is: it has no such strings.
    """
    return _TOKEN.sub(_mend, query)


def _mend(match: re.Match[str]) -> str:
    token = match[0]
    return _LINE_BREAK.sub(r"\\n", token) if match.lastgroup == "string" else token
