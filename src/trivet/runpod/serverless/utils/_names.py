"""What files are called that come from elsewhere: names without a way out of their folder. Pure functions."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_PARAMETER = re.compile(r""";\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))""")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")
_LONGEST = 255


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
    if quote:
        try:
            return plain_name(unquote_to_bytes(rest.partition("'")[2]).decode(charset or "utf-8"))
        except (LookupError, UnicodeDecodeError):
            pass  # the plain one is there for this
    return plain_name(found.get("filename", ""))


def plain_name(name: str) -> str:
    """A name alone, without folders before it and without control characters; empty where nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = "".join(letter for letter in last if letter.isprintable())[:_LONGEST].strip()
    return "" if printable in {".", ".."} else printable


def suffix(name: str) -> str:
    """The ending of a name, with its dot, where it is one; else an empty text."""
    stem, dot, ending = name.rpartition(".")
    return dot + ending if stem and _SUFFIX.fullmatch(dot + ending) else ""
