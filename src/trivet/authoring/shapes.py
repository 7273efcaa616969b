"""Shapes: what a type hint says, as JSON Schema (draft 2020-12) and as the way from JSON to the hinted type.

Both come from one reading of the hint, so that what the schema lets through is what the handler can be given.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
import types
import typing
from collections import abc
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from trivet.authoring import pydantic_models
from trivet.authoring.blob import OCTET_STREAM, Blob
from trivet.authoring.errors import InvalidInput
from trivet.authoring.hints import hints_of
from trivet.authoring.outputs import encode_json

Schema = dict[str, Any]
Convert = Callable[[Any], Any]

_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "a boolean",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_LISTS = (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
_STANDARD = {  # by name, so that a worker whose handler needs no dates imports none
    ("datetime", "datetime"): ("date-time", "fromisoformat"),
    ("datetime", "date"): ("date", "fromisoformat"),
    ("datetime", "time"): ("time", "fromisoformat"),
    ("uuid", "UUID"): ("uuid", "__call__"),
}


class Shape(NamedTuple):
    """A hint's schema, and what makes a value of the hinted type of a JSON value (or raises `InvalidInput`)."""

    schema: Schema
    convert: Convert


def _as_it_is(value: Any) -> Any:
    return value


ANYTHING = Shape({}, _as_it_is)


def refuse(expected: str, value: object) -> InvalidInput:
    """The error for a value of the wrong kind."""
    return InvalidInput(f"must be {expected}, not {_KINDS.get(type(value), type(value).__name__)}")


def _exactly(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not kind:
            raise refuse(_KINDS[kind], value)
        return value

    return convert


def _to_int(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():  # 1.0 is a whole number, says JSON Schema
        return int(value)
    raise refuse("a whole number", value)


def _to_float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise refuse("a number", value)
    try:
        return float(value)
    except OverflowError:
        raise InvalidInput("is larger than any number of this kind") from None


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):  # a binary body
        return value
    if isinstance(value, Blob):
        return value.data
    if type(value) is not str:
        raise refuse("bytes, or their base64 form as a text", value)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("is no base64, which is how bytes are written in JSON") from None


def _to_blob(value: Any) -> Blob:
    return value if isinstance(value, Blob) else Blob(_to_bytes(value))


_BINARY = {"type": "string", "contentEncoding": "base64", "contentMediaType": OCTET_STREAM}
_SCALARS: dict[Any, Shape] = {
    Any: ANYTHING,
    object: ANYTHING,
    str: Shape({"type": "string"}, _exactly(str)),
    int: Shape({"type": "integer"}, _to_int),
    float: Shape({"type": "number"}, _to_float),
    bool: Shape({"type": "boolean"}, _exactly(bool)),
    None: Shape({"type": "null"}, _exactly(type(None))),
    type(None): Shape({"type": "null"}, _exactly(type(None))),
    bytes: Shape(_BINARY, _to_bytes),
    bytearray: Shape(_BINARY, lambda value: bytearray(_to_bytes(value))),
    Blob: Shape(_BINARY, _to_blob),
}


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
            if hint in _SCALARS:
                return _SCALARS[hint]
        except TypeError:  # an unhashable annotation is none of the scalars
            return ANYTHING
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if pydantic_models.describes(hint):
            return self._pydantic(hint)
        if origin is typing.Annotated:
            return self._annotated(arguments)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(arguments)
        if origin is typing.Literal:
            return _one_of([(_literal(value), value) for value in arguments])
        if origin in (typing.Required, typing.NotRequired):
            return self.read(arguments[0])
        container = origin or hint
        if container is tuple:
            return self._tuple(arguments)
        if container in _LISTS:
            return self._list(arguments, list)
        if container in _SETS:
            return self._list(arguments, frozenset if container in (frozenset, abc.Set) else set)
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
            return _one_of([(enum_value(member), member) for member in kind])
        standard = _STANDARD.get((kind.__module__, kind.__name__))
        if standard:
            return _standard(kind, *standard)
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

    def _union(self, arguments: tuple[Any, ...]) -> Shape:
        # Any text might be base64: where text is meant as well, it is text.
        shapes = sorted(map(self.read, arguments), key=lambda shape: "contentEncoding" in shape.schema)
        schemas = [shape.schema for shape in shapes]
        if {} in schemas:
            return ANYTHING
        converters = [shape.convert for shape in shapes]
        whole = _merged_types(schemas) or {"anyOf": schemas}

        def convert(value: Any) -> Any:
            faults: list[InvalidInput] = []
            for each in converters:
                try:
                    return each(value)
                except InvalidInput as fault:
                    faults.append(fault)
            inner = [fault for fault in faults if fault.errors[0][0]]
            if len(inner) == 1:  # of the right kind, with a fault further in: that one says most
                raise inner[0]
            raise _none_of([fault.errors[0][1] for fault in faults], value)

        return Shape(whole, convert)

    def _list(self, arguments: tuple[Any, ...], make: Callable[[list[Any]], Any]) -> Shape:
        item = self.read(arguments[0]) if arguments else ANYTHING
        schema: Schema = {"type": "array", "items": item.schema} if item.schema else {"type": "array"}

        def convert(value: Any) -> Any:
            items = _items(value, item.convert)
            if make is list:
                return items
            try:
                return make(items)
            except TypeError:
                raise InvalidInput("holds lists or objects, which a set can't hold") from None

        return Shape(schema, convert)

    def _tuple(self, arguments: tuple[Any, ...]) -> Shape:
        if not arguments or (len(arguments) == 2 and arguments[1] is ...):
            return self._list(arguments[:1], tuple)
        shapes = [self.read(argument) for argument in arguments]
        return _fixed(shapes, len(shapes), tuple)

    def _named_tuple(self, kind: Any) -> Shape:
        hints = hints_of(kind)
        shapes = [self.read(hints.get(name, Any)) for name in kind._fields]
        return _fixed(shapes, len(shapes) - len(kind._field_defaults), lambda items: kind(*items))

    def _mapping(self, arguments: tuple[Any, ...]) -> Shape:
        key, item = arguments if len(arguments) == 2 else (str, Any)
        if key not in (str, Any, object):
            # Names are text in JSON. Turning them into something else would be a guess.
            item = Any
        shape = self.read(item)
        schema: Schema = {"type": "object"}
        if shape.schema:
            schema["additionalProperties"] = shape.schema

        def convert(value: Any) -> Any:
            if type(value) is not dict:
                raise refuse("an object", value)
            if shape.convert is _as_it_is:
                return value
            return {name: _inside(shape.convert, name, each) for name, each in value.items()}

        return Shape(schema, convert)

    def _fields(self, kind: type, read: tuple[dict[str, Any], dict[str, Any], set[str]]) -> Shape:
        """The shape of a class with named fields, as a reference, so that it may hold itself."""
        if kind in self._classes:
            reference = {"$ref": f"#/$defs/{self._classes[kind]}"}
            # Looked up when it is used: a class that holds itself is still being read here.
            return Shape(reference, lambda value: self._converters[kind](value))  # noqa: PLW0108
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


def object_schema(properties: dict[str, Schema], required: list[str], *, more: bool = False) -> Schema:
    """The schema of an object with these fields and (unless ``more``) no others."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if not more:
        schema["additionalProperties"] = False
    return schema


def convert_fields(value: dict[str, Any], shapes: dict[str, Shape], required: abc.Collection[str]) -> dict[str, Any]:
    """The converted fields of an object.

    Raises:
        InvalidInput: naming every field that is missing, unknown or unfit.
    """
    faults: list[tuple[str, str]] = []
    fields: dict[str, Any] = {}
    for name, item in value.items():
        shape = shapes.get(name)
        try:
            if shape is None:
                raise InvalidInput("is no field here")
            fields[name] = shape.convert(item)
        except InvalidInput as fault:
            faults += fault.inside(name).errors
    faults += [InvalidInput("is required").inside(name).errors[0] for name in required if name not in value]
    if faults:
        (path, message), *others = faults
        raise InvalidInput(message, path, others=tuple(others))
    return fields


def with_default(schema: Schema, default: Any) -> Schema:
    """``schema`` with a default, where it has a JSON form. ``default`` is None or a one-element tuple."""
    if default is None:
        return schema
    try:
        return {**schema, "default": json.loads(encode_json(default[0]))}
    except TypeError:
        return schema


def enum_value(member: Enum) -> Any:
    """How a member is written in JSON: its value where that is a plain one, else its name."""
    return member.value if isinstance(member.value, str | int | float | None) else member.name


def _none_of(messages: list[str], value: object) -> InvalidInput:
    """The error for a value that fits no member of a union, from what each member had to say."""
    expected = [message.removeprefix("must be ").partition(", not ")[0] for message in messages]
    if all(message.startswith("must be ") for message in messages):
        return refuse(" or ".join(dict.fromkeys(expected)), value)
    return InvalidInput("; or ".join(dict.fromkeys(messages)))


def _merged_types(schemas: list[Schema]) -> Schema | None:
    """One schema with a list of types, where the types are all that the schemas say."""
    if any(schema.keys() != {"type"} or not isinstance(schema["type"], str) for schema in schemas):
        return None
    return {"type": list(dict.fromkeys(schema["type"] for schema in schemas))}


def _inside(convert: Convert, key: str | int, value: Any) -> Any:
    try:
        return convert(value)
    except InvalidInput as fault:
        raise fault.inside(key) from None


def _items(value: Any, convert: Convert) -> list[Any]:
    if type(value) is not list:
        raise refuse("a list", value)
    if convert is _as_it_is:
        return value
    try:
        return [convert(item) for item in value]
    except InvalidInput:
        return [_inside(convert, index, item) for index, item in enumerate(value)]


def _fixed(shapes: list[Shape], least: int, make: Callable[[list[Any]], Any]) -> Shape:
    """A list of a set length, each place with a shape of its own."""
    schema: Schema = {"type": "array", "minItems": least, "maxItems": len(shapes)}
    if shapes:
        schema["prefixItems"] = [shape.schema for shape in shapes]

    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise refuse("a list", value)
        if not least <= len(value) <= len(shapes):
            raise InvalidInput(f"must have {len(shapes)} items, not {len(value)}")
        pairs = zip(shapes, value, strict=False)
        return make([_inside(shape.convert, index, item) for index, (shape, item) in enumerate(pairs)])

    return Shape(schema, convert)


def _one_of(choices: list[tuple[Any, Any]]) -> Shape:
    """One of some plain values; ``choices`` are pairs of how it is written and what it stands for."""
    written = [each for each, _ in choices]
    if not written or not all(isinstance(each, str | int | float | None) for each in written):
        return ANYTHING
    # True == 1 in Python, but not in JSON.
    table = {(isinstance(each, bool), each): meaning for each, meaning in choices}
    names = dict.fromkeys(_SCALARS[type(each) if type(each) in _SCALARS else str].schema["type"] for each in written)
    expected = ", ".join(repr(each) for each in written)

    def convert(value: Any) -> Any:
        try:
            return table[isinstance(value, bool), value]
        except (KeyError, TypeError):
            raise InvalidInput(f"must be one of {expected}") from None

    kinds = list(names)
    return Shape({"type": kinds[0] if len(kinds) == 1 else kinds, "enum": written}, convert)


def _literal(value: Any) -> Any:
    return enum_value(value) if isinstance(value, Enum) else value


def _standard(kind: Any, name: str, method: str) -> Shape:
    make: Convert = kind if method == "__call__" else getattr(kind, method)

    def convert(value: Any) -> Any:
        if type(value) is not str:
            raise refuse(f"a text ({name})", value)
        try:
            return make(value)
        except ValueError:
            raise InvalidInput(f"is not of the format {name}") from None

    return Shape({"type": "string", "format": name}, convert)


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
