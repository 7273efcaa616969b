"""The settings that the decorator takes, checked where they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from trivet.protocol.words import meant

POLICIES = ("queue_delay", "request_count")
RETRY_WORDS = ("worker_lost", "handler_error", "execution_timeout")
LONGEST_BACKOFF = 3600.0
"""Seconds; the most between two attempts at a job."""
LONGEST_BATCH_WAIT = 60.0
"""Seconds; the most that the first input of a batch waits for company."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B?|B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in their one JSON form: only what was given, each in its plain unit.

    Args:
        given: settings by name; ``None`` means not given.

    Returns:
        ``workers`` as ``[min, max]``, ``memory`` in bytes, times in seconds, lists as lists.

    Raises:
        TypeError: when a setting is of the wrong type, or nobody knows it.
        ValueError: when its value is out of range.
    """
    plain: dict[str, Any] = {}
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check is None:
            known = sorted(_CHECKS)
            raise TypeError(f"endpoint() knows no setting {name!r}{meant(name, known)}; it takes {', '.join(known)}")
        if value is not None:
            plain[name] = check(name, value)
    if "batch_wait" in plain and plain.get("max_batch_size", 1) == 1:
        raise ValueError(
            "endpoint(batch_wait=…) needs max_batch_size above 1: a handler that takes one input waits for none"
        )
    return plain


def parse_size(text: str) -> int:
    """A size in bytes from text such as ``512MiB``, ``2 GB`` or ``1048576``.

    Raises:
        ValueError: when it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write for example '512MiB' or '2GB'")
    unit = (match[2] or "").upper().rstrip("B")
    base = 1024 if unit.endswith("I") else 1000
    return int(float(match[1]) * base ** _POWERS[unit.rstrip("I")])


def _whole(name: str, value: object, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"endpoint({name}=…) takes a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"endpoint({name}={value}): the least is {least}")
    return value


def _positive(name: str, value: object) -> int:
    return _whole(name, value, least=1)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"endpoint({name}=…) takes a number, not {value!r}")
    if not 0 <= value < float("inf"):
        raise ValueError(f"endpoint({name}={value}) must be a finite number, zero or more")
    return value


def _above_zero(name: str, value: object) -> float:
    number = _number(name, value)
    if not number:
        raise ValueError(f"endpoint({name}=0): give more than zero")
    return number


def _at_most(most: float) -> Callable[[str, object], float]:
    def check(name: str, value: object) -> float:
        number = _number(name, value)
        if number > most:
            raise ValueError(f"endpoint({name}={value}): the most is {most:g} seconds")
        return number

    return check


def _workers(name: str, value: object) -> list[int]:
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ValueError(f"endpoint(workers={value!r}): give (min, max), for example (0, 3)")
        low, high = _whole(name, value[0], least=0), _positive(name, value[1])
    else:
        low, high = 0, _positive(name, value)
    if low > high:
        raise ValueError(f"endpoint(workers=({low}, {high})): the least is above the most")
    return [low, high]


def _memory(name: str, value: object) -> int:
    if isinstance(value, str):
        return _positive(name, parse_size(value))
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"endpoint(memory=…) takes text such as '512MiB' or a number of bytes, not {value!r}")
    return _positive(name, value)


def _gpu(name: str, value: object) -> str | int:
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"endpoint(gpu=…) takes a kind of GPU such as 'A100' or how many, not {value!r}")
    return _whole(name, value, least=0)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"endpoint({name}=…) takes text, not {value!r}")
    if not value.strip():
        raise ValueError(f"endpoint({name}='') is empty; leave it out")
    return value


def _name(name: str, value: object) -> str:
    text = _text(name, value)
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"endpoint(name={text!r}): a name has up to 63 letters, digits, '_' and '-', and no owner")
    return text


def _policy(name: str, value: object) -> str:
    if value not in POLICIES:
        raise ValueError(f"endpoint(policy={value!r}): it is one of {', '.join(POLICIES)}{meant(value, POLICIES)}")
    return _text(name, value)


def _texts(name: str, value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise TypeError(f"endpoint({name}=…) takes a list of texts, not {value!r}")
    return [_text(name, item) for item in value]


def _requirements(name: str, value: object) -> list[str]:
    lines = _texts(name, value)
    for line in lines:
        # An option line would change where every package comes from; a line break would smuggle one in.
        if line.lstrip().startswith("-") or "\n" in line or "\r" in line:
            raise ValueError(f"endpoint(requirements=…): {line!r} is no requirement; write for example 'numpy>=1.26'")
    return lines


def _secrets(name: str, value: object) -> list[str]:
    names = _texts(name, value)
    for secret in names:
        if _VARIABLE.fullmatch(secret) is None or secret.upper().startswith("TRIVET_"):
            raise ValueError(f"endpoint(secrets=…): {secret!r} can't be the name of an environment variable")
    return names


def _retry_on(name: str, value: object) -> list[str]:
    words = _texts(name, value)
    for word in words:
        # Python's own exceptions, the only ones without a module before their name, begin with a capital letter. What does
        # not is one of ours, misspelt.
        if word not in RETRY_WORDS and not (_TYPE.fullmatch(word) and ("." in word or word[0].isupper())):
            raise ValueError(
                f"endpoint(retry_on=…): {word!r} is none of {', '.join(RETRY_WORDS)}{meant(word, RETRY_WORDS)}, and no type "
                "of exception such as 'ConnectionError' or 'requests.exceptions.Timeout'"
            )
    return words


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "backoff": _at_most(LONGEST_BACKOFF),
    "batch_wait": _at_most(LONGEST_BATCH_WAIT),
    "concurrency": _positive,
    "description": _text,
    "gpu": _gpu,
    "idle_timeout": _number,
    "max_attempts": _positive,
    "max_batch_size": _positive,
    "memory": _memory,
    "name": _name,
    "policy": _policy,
    "requirements": _requirements,
    "retention": _above_zero,
    "retry_on": _retry_on,
    "secrets": _secrets,
    "target": _above_zero,
    "timeout": _above_zero,
    "ttl": _above_zero,
    "workers": _workers,
}
