"""Shapes made of other shapes: lists, tuples, objects, unions."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from trivet.authoring.errors import InvalidInput
from trivet.authoring.outputs import encode_json
from trivet.authoring.scalars import ANYTHING, Convert, Schema, Shape, as_it_is, refuse


def list_of(item: Shape, make: Callable[[list[Any]], Any]) -> Shape:
    """A list of any length; ``make`` turns it into the wanted container."""
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


def fixed(shapes: list[Shape], least: int, make: Callable[[list[Any]], Any]) -> Shape:
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
        return make([inside(shape.convert, index, item) for index, (shape, item) in enumerate(pairs)])

    return Shape(schema, convert)


def mapping_of(item: Shape) -> Shape:
    """An object with any names, all of one shape."""
    schema: Schema = {"type": "object"}
    if item.schema:
        schema["additionalProperties"] = item.schema

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise refuse("an object", value)
        if item.convert is as_it_is:
            return value
        return {name: inside(item.convert, name, each) for name, each in value.items()}

    return Shape(schema, convert)


def union_of(shapes: list[Shape]) -> Shape:
    """One of several shapes: the first that fits."""
    # Any text might be base64: where text is meant as well, it is text.
    shapes = sorted(shapes, key=lambda shape: "contentEncoding" in shape.schema)
    schemas = [shape.schema for shape in shapes]
    if {} in schemas:
        return ANYTHING
    converters = [shape.convert for shape in shapes]

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

    return Shape(_merged_types(schemas) or {"anyOf": schemas}, convert)


def object_schema(properties: dict[str, Schema], required: list[str], *, more: bool = False) -> Schema:
    """The schema of an object with these fields and (unless ``more``) no others."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if not more:
        schema["additionalProperties"] = False
    return schema


def convert_fields(value: dict[str, Any], shapes: dict[str, Shape], required: Collection[str]) -> dict[str, Any]:
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


def inside(convert: Convert, key: str | int, value: Any) -> Any:
    """The converted value; an error in it is seen from where it lies under ``key``."""
    try:
        return convert(value)
    except InvalidInput as fault:
        raise fault.inside(key) from None


def _items(value: Any, convert: Convert) -> list[Any]:
    if type(value) is not list:
        raise refuse("a list", value)
    if convert is as_it_is:
        return value
    try:
        return [convert(item) for item in value]
    except InvalidInput:
        return [inside(convert, index, item) for index, item in enumerate(value)]


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
