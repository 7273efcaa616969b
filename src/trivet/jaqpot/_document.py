"""Documents of the wire as objects: attributes in snake case, `to_dict` in the wire's own names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, Self

from trivet.sdk._shapes import is_listing, is_mapping

Reading = Mapping[str, Any]
"""What a field says of itself to who reads it."""
Plan = tuple[tuple[str, str, Callable[[Any], Any] | None, bool], ...]
"""For each field: its attribute, its name on the wire, its reader, and whether it must be there."""

_HUMP = re.compile(r"_([a-z0-9])")
_FRACTION = re.compile(r"(\.\d{6})\d+")
_READER = "reader"
_WIRE = "wire"
_plans: dict[type, Plan] = {}


@dataclass(kw_only=True, repr=False)
class Document:
    """Base of all models here. Behaves as the generated ones in what programs use of them.

    Any field can be left out when one is made by hand, except those without a default. What a server adds is passed over.
    """

    @classmethod
    def from_dict(cls, obj: Mapping[str, Any] | None) -> Self | None:
        """The object for a document of the wire; None for None.

        Raises:
            ValueError: a field that must be there is not.
            TypeError: a field is not what it should be.
        """
        return None if obj is None else cls.read(obj)

    @classmethod
    def from_json(cls, json_str: str) -> Self | None:
        """The object for the text of a document.

        Raises:
            ValueError: it is no JSON, or as `from_dict`.
            TypeError: as `from_dict`.
        """
        return cls.from_dict(json.loads(json_str))

    @classmethod
    def read(cls, document: Any) -> Self:
        """The object for a document of the wire.

        Raises:
            ValueError: a field that must be there is not.
            TypeError: a field is not what it should be.
        """
        if not is_mapping(document):
            raise TypeError(f"{cls.__name__}: an object was expected, and {type(document).__name__} came")
        values: dict[str, Any] = {}
        for name, wire, reader, is_needed in _plan(cls):
            value = document.get(wire)
            if value is None:
                if is_needed:
                    raise ValueError(f"{cls.__name__}: {wire} is missing")
            else:
                values[name] = value if reader is None else reader(value)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary with the wire's own names, without what is None; enumerations and times stay what they are."""
        return {
            wire: _dumped(value, Document.to_dict)
            for name, wire, _, _ in _plan(type(self))
            if (value := getattr(self, name)) is not None
        }

    def to_json(self) -> str:
        """The document as JSON; times as RFC 3339."""
        return json.dumps(self.to_dict(), default=_in_json)

    def to_str(self) -> str:
        """The document for people."""
        from pprint import pformat

        return pformat(self.model_dump(by_alias=True))

    def model_dump(self, *, mode: str = "python", by_alias: bool = False, exclude_none: bool = False) -> dict[str, Any]:
        """A dictionary with the names of the attributes.

        Args:
            mode: ``json`` turns enumerations and times into texts.
            by_alias: use the wire's names.
            exclude_none: leave out what is None.
        """

        def dumped(document: Document) -> dict[str, Any]:
            return {
                (wire if by_alias else name): _dumped(value, dumped)
                for name, wire, _, _ in _plan(type(document))
                if (value := getattr(document, name)) is not None or not exclude_none
            }

        found = dumped(self)
        if mode == "json":
            decoded: dict[str, Any] = json.loads(json.dumps(found, default=_in_json))
            return decoded
        return found

    def model_dump_json(self, *, by_alias: bool = False, exclude_none: bool = False) -> str:
        """As `model_dump`, as the text of JSON."""
        found = self.model_dump(by_alias=by_alias, exclude_none=exclude_none)
        return json.dumps(found, default=_in_json, separators=(",", ":"), ensure_ascii=False)

    def __str__(self) -> str:
        return " ".join(self._pairs())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._pairs())})"

    def _pairs(self) -> list[str]:
        return [f"{name}={getattr(self, name)!r}" for name, _, _, _ in _plan(type(self))]


def one(kind: type[Document]) -> Reading:
    """How a field is read that holds another document."""
    return {_READER: kind.read}


def each(kind: type[Document]) -> Reading:
    """How a field is read that holds a list of documents."""
    return {_READER: _list_of(kind)}


def word(kind: type[Enum]) -> Reading:
    """How a field is read that holds one word of an enumeration. A word that is new stays a text."""
    return {_READER: _word_of(kind)}


def moment(*, wire: str | None = None) -> Reading:
    """How a field is read that holds a point in time.

    Args:
        wire: its name on the wire, where that does not follow from the attribute's.
    """
    return {_READER: _moment, _WIRE: wire}


def _plan(kind: type[Document]) -> Plan:
    plan = _plans.get(kind)
    if plan is None:
        plan = _plans[kind] = tuple(
            (
                each.name,
                each.metadata.get(_WIRE) or _HUMP.sub(lambda found: found[1].upper(), each.name),
                each.metadata.get(_READER),
                each.default is MISSING,
            )
            for each in fields(kind)
        )
    return plan


def _list_of(kind: type[Document]) -> Callable[[Any], list[Any]]:
    def read(value: Any) -> list[Any]:
        if not is_listing(value):
            raise TypeError(f"a list of {kind.__name__} was expected, and {type(value).__name__} came")
        return [kind.read(item) for item in value]

    return read


def _word_of(kind: type[Enum]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            return value

    return read


def _moment(value: Any) -> Any:
    try:
        return datetime.fromisoformat(_FRACTION.sub(r"\1", value))
    except (TypeError, ValueError):
        return value


def _dumped(value: Any, dumped: Callable[[Any], dict[str, Any]]) -> Any:
    if isinstance(value, Document):
        return dumped(value)
    if is_listing(value):
        return [_dumped(item, dumped) for item in value]
    return value


def _in_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no form in JSON")
