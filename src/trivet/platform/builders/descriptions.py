"""What the loader says of a bundle's endpoints, made into values: nothing in it is believed unchecked.

The loader runs the author's code, so its answer is the author's word and not ours.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from trivet.platform.core import ids
from trivet.platform.core.bounds import (
    MAX_ATTEMPTS,
    MAX_BACKOFF,
    MAX_BATCH_SIZE,
    MAX_BATCH_WAIT,
    MAX_RETENTION,
    MAX_TIMEOUT,
    MAX_TTL,
    MOST_KINDS_OF_ERRORS,
    is_kind_of_error,
)
from trivet.platform.core.endpoints import HandlerKind, VersionSettings
from trivet.platform.core.errors import BadRequest, BuildFailed
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule
from trivet.platform.ports.builder import BuiltEndpoint
from trivet.protocol.runpod import LINKED_HOST, POLLING_HOST

MOST_ENDPOINTS = 100
LEAST_MEMORY = 32 * 1024**2
"""Bytes; an interpreter does not start in less."""
_LONGEST_DESCRIPTION = 16 * 1024
_LARGEST_SCHEMA = 1024**2
_LARGEST_MODEL = 4 * 1024**2
_MOST_WARNINGS = 10
_LONGEST_WARNING = 1000

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*(?:([KMGT])(I?)B?|B)?", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:\.tar\.gz|\.tgz|\.zip|\.py)$", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HANDLER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_RETRY_WORDS = ("worker_lost", "handler_error", "execution_timeout")


class Program(NamedTuple):
    """A bundle that is one program: the file that is run, which is its handler then, and the name of its one endpoint."""

    path: str
    name: str


def name_of(filename: str, usual: str = "worker") -> str:
    """The name of an endpoint that is named after an upload: what an endpoint's name can't have is left out.

    Args:
        filename: the plain name of a folder, an archive or a file; may be empty.
        usual: what it is named where nothing is left.
    """
    stem = _SUFFIX.sub("", filename)
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:63].rstrip("-_") or usual


def endpoints_in(answer: Mapping[str, Any], host: str, program: Program | None = None) -> tuple[BuiltEndpoint, ...]:
    """The endpoints of a loader's answer.

    Args:
        answer: what the loader printed, parsed: ``{"endpoints": [description, …]}``.
        host: the kind of program that will run them.
        program: what is known beside the answer of a bundle that is one program.

    Raises:
        BuildFailed: there is none, two have one name, or a setting can't be; says which and why.
    """
    descriptions = answer.get("endpoints")
    if not isinstance(descriptions, list) or not descriptions:
        raise BuildFailed(
            "The code was loaded, but no endpoint was found in it.", hint="Is it decorated when imported?"
        )
    if len(descriptions) > MOST_ENDPOINTS:
        raise BuildFailed(f"There are {len(descriptions)} endpoints in it; {MOST_ENDPOINTS} are the most.")
    built = tuple(_endpoint(each, host, program) for each in descriptions)
    names = [each.name.lower() for each in built]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BuildFailed(
            f"Two endpoints are named {twice!r}.", hint='Give one another name: @trivet.endpoint(name="…").'
        )
    return built


def warnings_in(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The sentences of a loader's answer on what was not tried out, or will not go well: a few, and none of them long."""
    given = answer.get("warnings")
    return tuple(str(each)[:_LONGEST_WARNING] for each in given[:_MOST_WARNINGS]) if isinstance(given, list) else ()


def parse_size(text: str) -> int:
    """A size in bytes from text such as ``512MiB`` (powers of 1024), ``2 GB`` (powers of 1000) or ``1048576``.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write for example '512MiB' or '2GB'")
    power = " KMGT".index(match[2].upper()) if match[2] else 0
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def _endpoint(description: Any, host: str, program: Program | None) -> BuiltEndpoint:
    if not isinstance(description, dict):
        raise BuildFailed("The loader's description of an endpoint is not an object.")
    name = description.get("name") if program is None else program.name
    if not isinstance(name, str) or not ids.is_name(name):
        raise BuildFailed(
            f"{name!r} can't name an endpoint: 1–63 letters, digits, '-' and '_', with a letter or digit at both ends.",
            hint='Name it in the decorator: @trivet.endpoint(name="…").',
        )
    given = description.get("settings")
    settings = _Settings(name, given if isinstance(given, dict) else {})
    try:
        kind = HandlerKind(str(description.get("kind")))
    except ValueError:
        raise BuildFailed(f"{name}: the loader names a kind of handler that is not known here.") from None
    if kind.streams and settings.version().max_batch_size > 1:
        raise BuildFailed(
            f"{name}: a generator can't take batches.", hint="Leave max_batch_size out, or return a list."
        )
    return BuiltEndpoint(
        name=name,
        kind=kind,
        host=LINKED_HOST if host == POLLING_HOST and description.get("linked") is True else host,
        handler=_handler(name, description) if program is None else program.path,
        settings=settings.version(),
        scaling=settings.scaling(),
        description=str(description.get("description") or "")[:_LONGEST_DESCRIPTION],
        input_schema=_schema(name, description.get("input_schema"), "input"),
        output_schema=_schema(name, description.get("output_schema"), "output"),
        model=_model(name, description.get("model")),
    )


def _handler(name: str, description: Mapping[str, Any]) -> str:
    module, qualname = description.get("module"), description.get("qualname")
    for part in (module, qualname):
        if not isinstance(part, str) or not _HANDLER.fullmatch(part):
            raise BuildFailed(
                f"{name}: a worker can't find {module}:{qualname} again.",
                hint="Define it at the top of a module, not within another function.",
            )
    return f"{module}:{qualname}"


def _schema(name: str, schema: Any, which: str) -> dict[str, Any] | None:
    if schema is None:
        return None
    if not isinstance(schema, dict):
        raise BuildFailed(f"{name}: its {which} schema is not a JSON object.")
    size = len(json.dumps(schema))
    if size > _LARGEST_SCHEMA:
        raise BuildFailed(f"{name}: its {which} schema has {size:,} bytes; {_LARGEST_SCHEMA:,} are the most.")
    return schema


def _model(name: str, model: Any) -> dict[str, Any] | None:
    if model is None:
        return None
    if not isinstance(model, dict):
        raise BuildFailed(f"{name}: what the model says of itself is not a JSON object.")
    size = len(json.dumps(model))
    if size > _LARGEST_MODEL:
        raise BuildFailed(f"{name}: the model's description has {size:,} bytes; {_LARGEST_MODEL:,} are the most.")
    return model


class _Settings:
    """The settings of one endpoint, each read with its bounds."""

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self._name = name
        self._given = {key: value for key, value in given.items() if value is not None}

    def version(self) -> VersionSettings:
        """What belongs to the version."""
        usual = VersionSettings()
        return VersionSettings(
            concurrency=self._whole("concurrency", usual.concurrency, 1, 10_000),
            timeout=self._seconds("timeout", usual.timeout, MAX_TIMEOUT),
            ttl=self._seconds("ttl", usual.ttl, MAX_TTL),
            max_attempts=self._whole("max_attempts", usual.max_attempts, 1, MAX_ATTEMPTS),
            memory=self._memory(),
            gpu=self._gpu(),
            requirements=self._texts("requirements"),
            secrets=self._secrets(),
            retry_on=self._retry_on(usual),
            backoff=self._pause("backoff", usual.backoff, MAX_BACKOFF),
            retention=self._retention(),
            max_batch_size=self._whole("max_batch_size", usual.max_batch_size, 1, MAX_BATCH_SIZE),
            batch_wait=self._pause("batch_wait", usual.batch_wait, MAX_BATCH_WAIT),
        )

    def scaling(self) -> ScalingPolicy | None:
        """What belongs to the endpoint; None where the author asked for nothing."""
        if not {"workers", "idle_timeout", "policy", "target"} & self._given.keys():
            return None
        usual = ScalingPolicy()
        minimum, maximum = self._workers(usual)
        try:
            rule = ScalingRule(self._given.get("policy", usual.rule))
        except ValueError:
            self._refuse("policy", f"it is one of {', '.join(ScalingRule)}")
        policy = ScalingPolicy(
            minimum,
            maximum,
            self._number("idle_timeout", usual.idle_timeout),
            rule,
            self._number("target", usual.target),
        )
        try:
            return policy.check()
        except BadRequest as error:
            raise BuildFailed(
                f"{self._name}: {error.detail}", hint="Correct the decorator and deploy again."
            ) from error

    def _workers(self, usual: ScalingPolicy) -> tuple[int, int]:
        workers = self._given.get("workers", [usual.minimum, usual.maximum])
        pair = [0, workers] if isinstance(workers, int) else workers
        if not isinstance(pair, list) or len(pair) != 2 or not all(_is_whole(each) for each in pair):
            self._refuse("workers", "it is how many at most, or (min, max)")
        if not pair[1]:  # whoever operates an endpoint may switch it off; whoever writes one wants it called
            self._refuse("workers", "the maximum is 1 or more")
        return pair[0], pair[1]

    def _memory(self) -> int | None:
        memory = self._given.get("memory")
        if memory is None:
            return None
        try:
            size = parse_size(memory) if isinstance(memory, str) else memory
        except ValueError as error:
            self._refuse("memory", str(error))
        if not _is_whole(size) or not LEAST_MEMORY <= size < 2**50:
            self._refuse("memory", f"it is a size from {LEAST_MEMORY // 2**20} MiB up, such as '512MiB'")
        return int(size)

    def _gpu(self) -> str | None:
        gpu = self._given.get("gpu")
        if gpu is None or gpu == 0:
            return None
        text = str(gpu).strip() if isinstance(gpu, str) or _is_whole(gpu) else ""
        if not 0 < len(text) <= 64 or text.startswith("-"):
            self._refuse("gpu", "it is a kind of GPU such as 'A100', or how many")
        return text

    def _secrets(self) -> tuple[str, ...]:
        names = self._texts("secrets")
        for name in names:
            if not _VARIABLE.fullmatch(name) or name.upper().startswith("TRIVET_"):
                self._refuse("secrets", f"{name[:128]!r} can't be the name of a variable that a handler is given")
        return names

    def _retry_on(self, usual: VersionSettings) -> tuple[str, ...]:
        if "retry_on" not in self._given:
            return usual.retry_on
        names = self._texts("retry_on")
        if len(names) > MOST_KINDS_OF_ERRORS or not all(is_kind_of_error(name) for name in names):
            self._refuse(
                "retry_on",
                f"it lists up to {MOST_KINDS_OF_ERRORS} of {', '.join(_RETRY_WORDS)}, and names of types of exceptions",
            )
        return names

    def _retention(self) -> float | None:
        if "retention" not in self._given:
            return None
        return self._seconds("retention", 0.0, MAX_RETENTION)

    def _texts(self, key: str) -> tuple[str, ...]:
        items = self._given.get(key, [])
        if not isinstance(items, list) or len(items) > 1000 or not all(isinstance(each, str) for each in items):
            self._refuse(key, "it is a list of strings")
        return tuple(items)

    def _whole(self, key: str, usual: int, least: int, most: int) -> int:
        value = self._given.get(key, usual)
        if not _is_whole(value) or not least <= value <= most:
            self._refuse(key, f"it is a whole number from {least} to {most}")
        return int(value)

    def _seconds(self, key: str, usual: float, most: float) -> float:
        value = self._number(key, usual)
        if not 0 < value <= most:
            self._refuse(key, f"it is a number of seconds above 0 and up to {most:.0f}")
        return value

    def _pause(self, key: str, usual: float, most: float) -> float:
        value = self._number(key, usual)
        if not 0 <= value <= most:
            self._refuse(key, f"it is a number of seconds from 0 to {most:.0f}")
        return value

    def _number(self, key: str, usual: float) -> float:
        value = self._given.get(key, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self._refuse(key, "it is a number")
        return float(value)

    def _refuse(self, key: str, why: str) -> NoReturn:
        shown = repr(self._given.get(key))[:80]
        raise BuildFailed(
            f"{self._name}: the setting {key}={shown} can't be: {why}.", hint="Correct the decorator and deploy again."
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
