"""Shapes: what a type hint says, as JSON Schema (draft 2020-12) and as the way from JSON to the hinted type.

Both come from one reading of the hint, so that what the schema lets through is what the handler can be given.
"""

from __future__ import annotations

import sys
import types
import typing
from collections import abc
from collections.abc import Callable
from enum import Enum
from typing import Any

from trivet.authoring import pydantic_models
from trivet.authoring.blob import OCTET_STREAM, Blob
from trivet.authoring.containers import (
    convert_fields,
    fixed,
    list_of,
    mapping_of,
    object_schema,
    union_of,
    with_default,
)
from trivet.authoring.errors import InvalidInput
from trivet.authoring.hints import hints_of
from trivet.authoring.scalars import (
    ANYTHING,
    SCALARS,
    STANDARD,
    Convert,
    Schema,
    Shape,
    enum_value,
    literal_value,
    one_of,
    refuse,
    standard_text,
)

_LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


class Reader:
    """Reads hints. The classes it meets go into ``definitions`` (the document's ``$defs``), each once.

    Args:
        output: read what a handler gives instead of what it takes.
    """

    def __init__(self, *, output: bool = False) -> None:
        self.definitions: dict[str, Schema] = {}
        self._output = output
        self._classes: dict[type, str] = {}
        self._converters: dict[type, Convert] = {}

    def read(self, hint: Any) -> Shape:  # noqa: C901 - one line per kind of hint
        """The shape of one hint; one that says nothing we know is the shape of anything."""
        try:
            if hint in SCALARS:
                return SCALARS[hint]
        except TypeError:  # an unhashable annotation is none of the scalars
            return ANYTHING
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if pydantic_models.describes(hint):
            return self._pydantic(hint)
        if origin is typing.Annotated:
            return self._annotated(arguments)
        if origin is typing.Union or origin is types.UnionType:
            return union_of([self.read(argument) for argument in arguments])
        if origin is typing.Literal:
            return one_of([(literal_value(value), value) for value in arguments])
        if origin in (typing.Required, typing.NotRequired):
            return self.read(arguments[0])
        container = origin or hint
        if container is tuple:
            return self._tuple(arguments)
        if container in _LISTS:
            return list_of(self._item(arguments), list)
        if container in _SETS:
            return list_of(self._item(arguments), frozenset if container in (frozenset, abc.Set) else set)
        if container in _MAPPINGS:
            return self._mapping(arguments)
        if isinstance(container, type):
            return self._class(container)
        return self._alias(hint)

    def _alias(self, hint: Any) -> Shape:
        """NewType, ``type X = …`` and type variables stand for something else."""
        for attribute in ("__supertype__", "__value__", "__bound__"):
            if getattr(hint, attribute, None) is not None:
                return self.read(getattr(hint, attribute))
        return ANYTHING

    def _class(self, kind: type) -> Shape:
        if issubclass(kind, Enum):
            return one_of([(enum_value(member), member) for member in kind])
        standard = STANDARD.get((kind.__module__, kind.__name__))
        if standard:
            return standard_text(kind, *standard)
        if typing.is_typeddict(kind):
            return self._fields(kind, _typed_dict_fields(kind))
        if hasattr(kind, "__dataclass_fields__"):
            return self._fields(kind, _dataclass_fields(kind))
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return self._named_tuple(kind)
        return ANYTHING

    def _annotated(self, arguments: tuple[Any, ...]) -> Shape:
        shape = self.read(arguments[0])
        description = next((each for each in arguments[1:] if isinstance(each, str)), None)
        return Shape({**shape.schema, "description": description}, shape.convert) if description else shape

    def _item(self, arguments: tuple[Any, ...]) -> Shape:
        return self.read(arguments[0]) if arguments else ANYTHING

    def _tuple(self, arguments: tuple[Any, ...]) -> Shape:
        if not arguments or (len(arguments) == 2 and arguments[1] is ...):
            return list_of(self._item(arguments), tuple)
        shapes = [self.read(argument) for argument in arguments]
        return fixed(shapes, len(shapes), tuple)

    def _named_tuple(self, kind: Any) -> Shape:
        hints = hints_of(kind)
        shapes = [self.read(hints.get(name, Any)) for name in kind._fields]
        return fixed(shapes, len(shapes) - len(kind._field_defaults), lambda items: kind(*items))

    def _mapping(self, arguments: tuple[Any, ...]) -> Shape:
        key, item = arguments if len(arguments) == 2 else (str, Any)
        # Names are text in JSON. Turning them into something else would be a guess.
        return mapping_of(self.read(item) if key in (str, Any, object) else ANYTHING)

    def _fields(self, kind: type, read: tuple[dict[str, Any], dict[str, Any], set[str]]) -> Shape:
        """The shape of a class with named fields, as a reference, so that it may hold itself."""
        if kind in self._classes:
            reference = {"$ref": f"#/$defs/{self._classes[kind]}"}
            # Looked up when it is used: a class that holds itself is still being read here.
            return Shape(reference, lambda value: self._converters[kind](value))  # noqa: PLW0108 - as said above
        hints, defaults, required = read
        name = self._claim(kind)
        shapes = {field: self.read(hint) for field, hint in hints.items()}
        properties = {field: with_default(shape.schema, defaults.get(field)) for field, shape in shapes.items()}
        self.definitions[name] = object_schema(properties, [field for field in hints if field in required])
        text = (kind.__doc__ or "").strip()
        if text and not text.startswith(f"{kind.__name__}("):  # a dataclass without a docstring is given its signature
            self.definitions[name]["description"] = text
        make: Callable[..., Any] = kind

        def convert(value: Any) -> Any:
            if type(value) is not dict:
                raise refuse("an object", value)
            fields = convert_fields(value, shapes, required)
            try:
                return make(**fields)
            except (TypeError, ValueError) as error:  # the author's own check (__post_init__)
                raise InvalidInput(f"is refused: {error}") from error

        self._converters[kind] = convert
        return Shape({"$ref": f"#/$defs/{name}"}, convert)

    def _pydantic(self, hint: Any) -> Shape:
        if not isinstance(hint, type):
            schema, convert = pydantic_models.read(hint, "#/$defs/{model}", output=self._output)
            self.definitions.update(schema.pop("$defs", {}))
            return Shape(schema, convert)
        known = self._classes.get(hint)
        if known is None:
            known = self._claim(hint)
            # Names of classes further in are made unique by the name of the outermost one.
            schema, convert = pydantic_models.read(hint, f"#/$defs/{known}.{{model}}", output=self._output)
            for name, inner in schema.pop("$defs", {}).items():
                self.definitions[f"{known}.{name}"] = inner
            self.definitions[known] = schema
            self._converters[hint] = convert
        return Shape({"$ref": f"#/$defs/{known}"}, self._converters[hint])

    def _claim(self, kind: type) -> str:
        """A name for the definition of a class that no other class has here."""
        name, number = kind.__name__, 1
        while name in self.definitions:
            number += 1
            name = f"{kind.__name__}{number}"
        self._classes[kind] = name
        self.definitions[name] = {}
        return name


def _typed_dict_fields(kind: Any) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    hints = hints_of(kind)
    # Where annotations are text, the class itself can't tell: Required and NotRequired show only when they are evaluated.
    marks = {name: typing.get_origin(hint) for name, hint in hints.items()}
    required = {name for name, mark in marks.items() if mark is typing.Required}
    required |= {name for name in kind.__required_keys__ if marks.get(name) is not typing.NotRequired}
    return hints, {}, required


def _dataclass_fields(kind: Any) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    missing = sys.modules["dataclasses"].MISSING  # the author's class brought the module
    hints = hints_of(kind)
    fields = {name: field for name, field in kind.__dataclass_fields__.items() if field.init}
    defaults: dict[str, Any] = {}
    for name, field in fields.items():
        if field.default is not missing:
            defaults[name] = (field.default,)
        elif field.default_factory is not missing:
            defaults[name] = (field.default_factory(),)
    return {name: hints.get(name, Any) for name in fields}, defaults, set(fields) - set(defaults)


def output_schema(hint: Any, *, streams: bool) -> Schema:
    """The schema of what a handler gives.

    Args:
        hint: of the output, or of one piece of a stream.
        streams: whether the output is the list of the pieces.
    """
    reader = Reader(output=True)
    schema = {"contentMediaType": OCTET_STREAM} if hint in (bytes, bytearray) else reader.read(hint).schema
    if hint is Blob:
        schema = {}
    if streams:
        schema = {"type": "array", "items": schema} if schema else {"type": "array"}
    return {**schema, "$defs": reader.definitions} if reader.definitions else schema
