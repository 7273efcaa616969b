"""Documents of the API become frozen values: one decoder, driven by the fields of the value's class.

Fields that are not known here are passed over, so that an older client understands a newer server.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from trivet.sdk._shapes import is_listing, is_mapping

T = TypeVar("T")
Converter = Callable[[Any], Any]
_Plan = tuple[tuple[str, Converter, bool], ...]


class ShapeError(ValueError):
    """A document has not the shape of the value that was asked for."""


def decode(cls: type[T], document: Any) -> T:
    """The value of dataclass ``cls`` that ``document`` describes.

    Raises:
        ShapeError: a field is missing or of another type.
    """
    if not is_mapping(document):
        raise ShapeError(f"{cls.__name__} should be an object, not {type(document).__name__}")
    values: dict[str, Any] = {}
    plan: _Plan = _plan(cls)  # type: ignore[arg-type]  # a class is hashable; the cache's signature can't say so
    for name, convert, required in plan:
        if not required and document.get(name) is None:
            continue  # absent and null say the same: nothing is known
        if name not in document:
            raise ShapeError(f"{cls.__name__} lacks {name!r}")
        try:
            values[name] = convert(document[name])
        except (TypeError, ValueError) as error:
            raise ShapeError(f"{cls.__name__}.{name}: {error}") from error
    return cls(**values)


def encode(value: Any) -> Any:
    """``value`` (one of `trivet.sdk.models`, or parts of it) as what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if is_mapping(value):
        return {str(key): encode(item) for key, item in value.items()}
    if is_listing(value):
        return [encode(item) for item in value]
    return value


@cache
def _plan(cls: type[Any]) -> _Plan:
    hints = typing.get_type_hints(cls)
    return tuple(
        (
            field.name,
            _converter(hints[field.name]),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    )


def _converter(hint: Any) -> Converter:
    if hint is Any:
        return lambda value: value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (_converter(argument) for argument in arguments if argument is not types.NoneType)
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        item = _converter(arguments[0])
        return lambda value: tuple(item(each) for each in _expect(list, value))
    if origin is not None:  # a mapping
        item = _converter(arguments[1])
        return lambda value: {key: item(each) for key, each in _expect(dict, value).items()}
    if hint is datetime:
        return lambda value: datetime.fromisoformat(_expect(str, value))
    if dataclasses.is_dataclass(hint):
        kind: Any = hint
        return lambda value: decode(kind, value)
    if issubclass(hint, Enum):
        named: Converter = hint
        return named
    if hint is float:
        return lambda value: float(_expect((int, float), value))
    return lambda value: _expect(hint, value)


def _expect(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        wanted = kind.__name__ if isinstance(kind, type) else "a number"
        raise ShapeError(f"{wanted} was expected, not {type(value).__name__}")
    return value
