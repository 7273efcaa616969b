"""What files are called that come from elsewhere: names without a way out of their folder. Pure functions."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_PARAMETER = re.compile(r""";\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))""")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")
_LONGEST = 255
"""Bytes of a name, in any file system."""
_CHARSETS = frozenset({"utf-8", "iso-8859-1"})
"""Those that a header may use. Python knows many more, and some of them take minutes for a long name."""


def disposition_parameters(header: str) -> dict[str, str]:
    """The parameters of a ``Content-Disposition``; their names are lower case."""
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else bare.strip()
        for name, quoted, bare in _PARAMETER.findall(f";{header.partition(';')[2]}")
    }


def disposition_name(header: str) -> str:
    """The name that a ``Content-Disposition`` gives, or an empty text. The one in Unicode counts for more."""
    found = disposition_parameters(header)
    charset, quote, rest = found.get("filename*", "").partition("'")
    if quote and charset.lower() in _CHARSETS:
        try:
            return plain_name(unquote_to_bytes(rest.partition("'")[2]).decode(charset))
        except UnicodeDecodeError:
            pass  # the plain one is there for this
    return plain_name(found.get("filename", ""))


def plain_name(name: str) -> str:
    """A name alone, without folders before it and without control characters; empty where nothing is left.

    One that is too long for a file loses the end of its stem.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()
    if len(said := printable.encode()) > _LONGEST:
        ending = suffix(printable)
        return said[: _LONGEST - len(ending)].decode(errors="ignore") + ending
    return "" if printable in {".", ".."} else printable


def suffix(name: str) -> str:
    """The ending of a name, with its dot, where it is one; else an empty text."""
    stem, dot, ending = name.rpartition(".")
    return dot + ending if stem and _SUFFIX.fullmatch(dot + ending) else ""
