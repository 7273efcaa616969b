"""Binding: from the one input of a job to the arguments of a handler.

The rule, in full:

1. An object becomes keyword arguments.
2. Any other input becomes the only argument: that of the one required parameter, or of the first where none is required.
3. ``null`` (or no input at all) calls a handler that needs nothing with its defaults.
4. A handler with exactly one parameter that may itself be an object is given the object as it is, unless the object has one
   field alone and that field has the parameter's name: then rule 1 holds.

The input schema says the same, so that the server refuses what can't be bound before it queues it.
"""

from __future__ import annotations

import json
from typing import Any

from trivet.authoring.blob import Blob, is_json, text_of
from trivet.authoring.containers import convert_fields, object_schema, with_default
from trivet.authoring.errors import InvalidInput
from trivet.authoring.hints import Parameter, Signature
from trivet.authoring.scalars import ANYTHING, Schema, refuse
from trivet.authoring.shapes import Reader

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NOT_OBJECTS = ["string", "number", "boolean", "array", "null"]

Arguments = tuple[list[Any], dict[str, Any]]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class Binding:
    """How one handler is called with one input.

    Args:
        signature: what the handler takes.
    """

    def __init__(self, signature: Signature) -> None:
        reader = Reader()
        self._shapes = {each.name: reader.read(each.hint) for each in signature.parameters}
        self._definitions = reader.definitions
        self._parameters = signature.parameters
        self._required = tuple(each.name for each in signature.parameters if each.required)
        self._open = signature.open
        self._positional = tuple(each.name for each in signature.parameters if each.positional_only)
        self._only = _only(signature.parameters)
        single = len(signature.parameters) == 1 and not signature.open
        self._whole = single and self._only is not None and self._may_be_object(self._shapes[self._only].schema)

    def bind(self, body: bytes, content_type: str) -> Arguments:
        """The arguments, positional and by name, for a body as it came over the wire.

        Raises:
            InvalidInput: when the body does not fit the handler.
        """
        if not body and is_json(content_type):
            return self.bind_value(None)
        if content_type != "application/json" and not is_json(content_type):
            return self._bind_binary(body, content_type)
        try:
            value = _DECODER.decode(body.decode())
        except RecursionError:
            raise InvalidInput("is nested too deeply") from None
        except ValueError as error:
            raise InvalidInput(f"is no JSON: {error}") from None
        return self.bind_value(value)

    def bind_value(self, value: Any) -> Arguments:
        """The arguments for a decoded JSON value.

        Raises:
            InvalidInput: when the value does not fit the handler.
        """
        if type(value) is dict and not (self._whole and value.keys() != self._shapes.keys()):
            return self._split(self._keywords(value))
        if value is None and not self._required:
            return [], {}
        return self._alone(value)

    def schema(self) -> Schema:
        """The JSON Schema of the inputs that `bind` takes; empty where it takes anything."""
        properties = {
            each.name: with_default(self._shapes[each.name].schema, None if each.required else (each.default,))
            for each in self._parameters
        }
        named = object_schema(properties, list(self._required), more=self._open)
        bare = self._shapes[self._only].schema if self._only is not None else None
        if self._whole:
            if not bare:
                return {}
            schema = self._single_object(named, bare)
        else:
            schema = _either(named, None if bare is None else self._without_objects(bare), null=not self._required)
        schema = {"$schema": DIALECT, **schema}
        if self._definitions:
            schema["$defs"] = self._definitions
        return schema

    # -- binding ------------------------------------------------------------------------------------------------------

    def _keywords(self, value: dict[str, Any]) -> dict[str, Any]:
        shapes = self._shapes
        if self._open:
            shapes = {**dict.fromkeys(value, ANYTHING), **shapes}
        return convert_fields(value, shapes, self._required)

    def _split(self, keywords: dict[str, Any]) -> Arguments:
        if not self._positional:
            return [], keywords
        # A gap before a value that is given is filled with the default: positions can't be skipped.
        first = self._parameters[: len(self._positional)]
        return [keywords.pop(each.name, each.default) for each in first], keywords

    def _alone(self, value: Any) -> Arguments:
        if self._only is None:
            names = " and ".join(self._required)
            raise refuse(f"an object with the fields {names}" if names else "an object, or nothing", value)
        return self._split({self._only: self._shapes[self._only].convert(value)})

    def _bind_binary(self, body: bytes, content_type: str) -> Arguments:
        only = self._only
        if only is None:
            raise InvalidInput(f"is {content_type}, and this handler takes several values: send a JSON object")
        shape = self._shapes[only]
        if _takes_bytes(shape.schema):
            return self._split({only: shape.convert(Blob(body, content_type))})
        try:
            text = text_of(body, content_type)
        except (UnicodeDecodeError, LookupError) as error:
            raise InvalidInput(f"is no text: {error}") from None
        if _says_nothing(shape.schema):
            return self._split({only: body if text is None else text})
        if text is None:
            raise InvalidInput(f"is {content_type}, and this handler takes JSON")
        return self._split({only: shape.convert(text)})

    # -- the schema ---------------------------------------------------------------------------------------------------

    def _single_object(self, named: Schema, bare: Schema) -> Schema:
        """Rule 4 as a schema: which of the two it is can be told, so that errors name the field."""
        required = list(self._shapes)
        schema: Schema = {
            "if": {"type": "object", "required": required, "maxProperties": 1},
            "then": {**named, "required": required},
            "else": bare if self._required else {"anyOf": [bare, {"type": "null"}]},
        }
        if self._resolved(bare).get("type") == "object":
            schema = {"type": "object" if self._required else ["object", "null"], **schema}
        return schema

    def _resolved(self, schema: Schema) -> Schema:
        """The schema behind a reference to one of our own definitions."""
        for _ in range(len(self._definitions)):
            if "$ref" not in schema:
                break
            schema = self._definitions.get(schema["$ref"].rpartition("/")[2], {})
        return schema

    def _may_be_object(self, schema: Schema) -> bool:
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return any(self._may_be_object(each) for each in schema["anyOf"])
        kinds = schema.get("type", "object")
        return kinds == "object" or "object" in kinds

    def _without_objects(self, schema: Schema) -> Schema | None:
        """What is left of a schema for inputs that are no objects (those are keywords)."""
        if _says_nothing(schema):
            return {"type": _NOT_OBJECTS}
        if not self._may_be_object(schema):
            return schema
        if "anyOf" in schema:
            left = [each for each in map(self._without_objects, schema["anyOf"]) if each is not None]
            return ({"anyOf": left} if len(left) > 1 else left[0]) if left else None
        kinds = schema.get("type")
        if not isinstance(kinds, list):
            return None
        return {**schema, "type": [each for each in kinds if each != "object"]}


def _only(parameters: tuple[Parameter, ...]) -> str | None:
    """The parameter that takes an input which is no object."""
    required = [each.name for each in parameters if each.required]
    if len(required) == 1:
        return required[0]
    return parameters[0].name if parameters and not required else None


def _says_nothing(schema: Schema) -> bool:
    return not schema.keys() - {"description"}


def _takes_bytes(schema: Schema) -> bool:
    return "contentEncoding" in schema or any("contentEncoding" in each for each in schema.get("anyOf", ()))


def _either(named: Schema, bare: Schema | None, *, null: bool) -> Schema:
    """Keywords, or the only argument; flat where that can be said so, as it reads better and gives better errors."""
    if bare is None:
        return {**named, "type": ["object", "null"]} if null else named
    if bare.keys().isdisjoint({"anyOf", "$ref", "enum"}):
        kinds = [bare["type"]] if isinstance(bare["type"], str) else bare["type"]
        kinds = list(dict.fromkeys(["object", *kinds, *(["null"] if null else [])]))
        rest = {name: value for name, value in bare.items() if name not in ("type", "description", "default")}
        return {**rest, **named, "type": kinds}
    return {"anyOf": [named, bare, *([{"type": "null"}] if null else [])]}
