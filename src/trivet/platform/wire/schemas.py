"""Checking inputs against JSON Schema (draft 2020-12): decoded once, to be looked at; the bytes go on as they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec

from trivet.platform.core.errors import BuildFailed, FieldError, InvalidInput, InvalidJson
from trivet.platform.core.payloads import Payload
from trivet.platform.ports.validator import InputCheck
from trivet.platform.wire import documents, faults
from trivet.platform.wire.media import charset_of

_HINT = "`trivet endpoints show NAME` prints the schema."
_SAYS_BYTES = frozenset({"contentEncoding", "contentMediaType"})
_ALL_TYPES = frozenset({"array", "boolean", "null", "number", "object", "string"})
_CONSTRAINTS = frozenset(
    {"$ref", "allOf", "anyOf", "const", "else", "enum", "if", "not", "oneOf", "properties", "required", "then"}
)
_DEEPEST = 8
_MOST_EXPLAINED = 1000
"""Values in an input whose faults are all looked for."""
_MOST_OF_A_LIST = 20
_AT_ONCE = 1000
_encode = msgspec.json.Encoder(order="deterministic").encode


def compile_schema(schema: dict[str, Any] | None) -> InputCheck:
    """A check for inputs; implements `ports.validator.SchemaCompiler`.

    Equal schemas share one compiled validator. Nothing is ever fetched: a reference to another document is a fault.

    Args:
        schema: the schema; None or an empty one takes any sound JSON, and any bytes.

    Raises:
        BuildFailed: it is no JSON Schema, said in a sentence.
    """
    return _check_anything if not schema else _compiled(_encode(schema))


@lru_cache(maxsize=1024)
def _compiled(encoded: bytes) -> InputCheck:
    schema: dict[str, Any] = msgspec.json.decode(encoded)
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise BuildFailed(
            f"The input schema is not a sound JSON Schema: {faults.brief(str(error).partition(chr(10))[0])}.",
            hint="Mend the schema, or leave it out, and deploy again.",
        ) from None
    return _SchemaCheck(validator, takes_bytes=_takes_bytes(schema, schema.get("$defs", {})))


def _check_anything(payload: Payload) -> None:
    if payload.data is None:
        return
    if payload.is_json:
        documents.check_sound(payload.data)
    elif payload.content_type == documents.LOOSE_JSON:
        if not documents.is_loose(payload.data):
            raise InvalidJson("The body is not JSON that Python reads.", hint=documents.SEND_JSON)
    else:
        _text_of(payload.data, payload.content_type)


class _SchemaCheck:
    """A compiled schema."""

    __slots__ = ("_errors", "_is_valid", "_takes_bytes")

    def __init__(self, validator: jsonschema_rs.Draft202012Validator, *, takes_bytes: bool) -> None:
        self._is_valid: Callable[[Any], bool] = validator.is_valid
        self._errors: Callable[[Any], Iterable[jsonschema_rs.ValidationError]] = validator.iter_errors
        self._takes_bytes = takes_bytes

    def __call__(self, payload: Payload) -> None:
        """Raises `InvalidInput` naming the fields, or `InvalidJson`."""
        if payload.data is None:
            return
        if payload.is_json:
            value = documents.decode(payload.data)
            if not self._is_valid(value):
                raise self._missed(value, payload.data)
            return
        text = _text_of(payload.data, payload.content_type)
        if self._takes_bytes:
            return
        if text is None:
            essence = payload.content_type.partition(";")[0]
            raise InvalidInput(
                f"This endpoint does not take bytes, and the input is {essence}.",
                errors=(FieldError("", f"Must be JSON, not {essence}."),),
                hint=f"Send JSON as `application/json`. {_HINT}",
            )
        if not self._is_valid(text):
            raise _misfit(faults.explain(self._errors(text)))

    def _missed(self, value: Any, data: bytes) -> InvalidInput:
        """What is wrong with a value. The validator finds all faults at once, each with a copy of what it is about, so that of
        much only a part is explained.
        """
        if _is_little(data):
            return _misfit(faults.explain(self._errors(value)))
        found = self._faults_of_items(value) if isinstance(value, list) else self._faults_of_part(_pruned(value))
        return _misfit(found or (FieldError("", f"Does not fit, and is too much to say where: {len(data):,} bytes."),))

    def _faults_of_items(self, items: list[Any]) -> tuple[FieldError, ...]:
        """The faults of the first items of a list that do not fit by themselves; none where each of them does."""
        found: list[FieldError] = []
        for place in islice(self._misfits(items), faults.MOST):
            if len(found) >= faults.MOST:
                break
            some = self._faults_of_part([items[place]]) or (FieldError("/0", "Does not fit."),)
            found += [replace(each, path=f"/{place}{each.path.removeprefix('/0')}") for each in some]
        return tuple(found[: faults.MOST])

    def _misfits(self, items: list[Any]) -> Iterator[int]:
        for start in range(0, len(items), _AT_ONCE):
            some = items[start : start + _AT_ONCE]
            if not self._is_valid(some):
                yield from (place for place, item in enumerate(some, start) if not self._is_valid([item]))

    def _faults_of_part(self, part: Any) -> tuple[FieldError, ...]:
        if self._is_valid(part) or not _is_little(_encode(part)):
            return ()
        return faults.explain(self._errors(part))


def _is_little(data: bytes) -> bool:
    """Whether all that is wrong with an input may be looked for."""
    return data.count(b",") <= _MOST_EXPLAINED


def _pruned(value: Any) -> Any:
    """The same with the beginnings of its lists."""
    if isinstance(value, dict):
        return {name: _pruned(item) for name, item in value.items()}
    return [_pruned(item) for item in value[:_MOST_OF_A_LIST]] if isinstance(value, list) else value


def _misfit(found: Sequence[FieldError]) -> InvalidInput:
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidInput(
        f"The input does not fit the endpoint's schema: {first.path or 'the input'}: {first.message}{more}",
        errors=tuple(found),
        hint=_HINT,
    )


def _text_of(data: bytes, content_type: str) -> str | None:
    charset = charset_of(content_type)
    if charset is None:
        return None
    try:
        return data.decode(charset)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The input is not text in {charset}: byte {error.start} does not fit.",
            errors=(FieldError("", f"Must be text in {charset}."),),
            hint="Name the charset in the Content-Type, or send the bytes as application/octet-stream.",
        ) from None


def _takes_bytes(schema: object, definitions: Mapping[str, Any], depth: int = 0) -> bool:
    """Whether an input that is bytes may be what the schema means: it says so, or it leaves open what comes.

    Bytes can't be checked against a schema. What is let through here and does not fit after all, the worker refuses.
    """
    if not isinstance(schema, Mapping):
        return schema is True
    if _SAYS_BYTES & schema.keys():
        return True
    if "type" in schema:
        types = schema["type"]
        return isinstance(types, list) and set(types) >= _ALL_TYPES
    if not _CONSTRAINTS & schema.keys():
        return True
    inner = [part for keyword in ("anyOf", "oneOf", "allOf") for part in schema.get(keyword, ())]
    inner += [schema[keyword] for keyword in ("then", "else") if keyword in schema]
    if "$ref" in schema:
        inner.append(definitions.get(str(schema["$ref"]).rpartition("/")[2], False))
    return depth < _DEEPEST and any(_takes_bytes(part, definitions, depth + 1) for part in inner)
