"""What an ONNX file says of itself, read without loading it.

ONNX Runtime follows a file's references to other files while it loads it, and runs what operators it knows. So a file from
somebody else is looked at first, with a reader of protobuf's wire format that knows no more than the few fields which matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Contents", "OnnxInvalid", "inspect"]

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5

_MODEL_GRAPH, _MODEL_OPSETS, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 8, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_FUNCTION_NODE, _FUNCTION_PRESET = 7, 11
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSES = (5, 10), (6, 11), (22, 23)
_SPARSE_PARTS = (1, 2)
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_OPSET_DOMAIN = 1

_SHORT: Final = b"|".join(b"\x4a" + re.escape(bytes([size])) + b".{%d}" % size for size in (4, 10, 9, 11, 12))
_PLAIN: Final = re.compile(rb"(?:\x3d.{4}|\x40[\x80-\xff]{0,9}[\x00-\x7f]|" + _SHORT + rb")++", re.DOTALL)
"""A run of an attribute's floats, integers and short texts (`LEAF`, `BRANCH_LEQ` and their like). A forest has millions of
them, so they are skipped at C's speed.
"""

_DEEPEST: Final = 32
"""Graphs within graphs."""


class OnnxInvalid(ValueError):
    """The file is no ONNX model."""


@dataclass(slots=True)
class Contents:
    """What a file holds.

    Attributes:
        nodes: How many operations there are, in all graphs.
        operators: Which, as domain and name; the domain of standard ones is empty.
        opsets: The domains whose operators it may use.
        functions: Whether the file brings operators of its own, made of others.
        external: Tensors that live in other files, by name.
    """

    nodes: int = 0
    operators: set[tuple[str, str]] = field(default_factory=set)
    opsets: set[str] = field(default_factory=set)
    functions: bool = False
    external: list[str] = field(default_factory=list)


def inspect(data: bytes) -> Contents:
    """Reads what an ONNX file holds.

    Args:
        data: The file.

    Raises:
        OnnxInvalid: It is no ONNX model, or one that is cut off.
    """
    contents = Contents()
    graphs = 0
    try:
        for number, value in _fields(memoryview(data)):
            if number == _MODEL_GRAPH:
                graphs += 1
                _graph(_part(value), contents, 0)
            elif number == _MODEL_OPSETS:
                contents.opsets.add(_opset(_part(value)))
            elif number == _MODEL_TRAINING:
                raise OnnxInvalid("it holds a training graph; export the model for inference")
            elif number == _MODEL_FUNCTIONS:
                contents.functions = True
                _function(_part(value), contents)
    except (IndexError, UnicodeDecodeError):
        raise OnnxInvalid("it is no ONNX file, or one that is cut off") from None
    if graphs != 1 or not contents.opsets:
        raise OnnxInvalid("it is no ONNX file, or one that is cut off")
    return contents


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: number, and a number or its bytes.

    Raises:
        IndexError: The message is cut off, or none.
    """
    position, end = 0, len(data)
    while position < end:
        number, kind, position = _key(data, position)
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = _varint(data, position)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise IndexError
        if position + size > end:
            raise IndexError
        yield number, data[position : position + size]
        position += size


def _key(data: memoryview, position: int) -> tuple[int, int, int]:
    """A field's number and the kind of its value, and where that begins."""
    key, position = _varint(data, position)
    if not 8 <= key < 2**32:  # other readers drop what is above 32 bits, and would see another field than we do
        raise IndexError
    return key >> 3, key & 7, position


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    byte = data[position]
    if byte < 0x80:
        return byte, position + 1
    value = byte & 0x7F
    for shift in range(7, 70, 7):
        position += 1
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
    raise IndexError


def _part(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise IndexError
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_part(value)).decode()


def _opset(data: memoryview) -> str:
    domain = ""
    for number, value in _fields(data):
        if number == _OPSET_DOMAIN:
            domain = _text(value)
    return domain


def _graph(data: memoryview, contents: Contents, depth: int) -> None:
    if depth > _DEEPEST:
        raise OnnxInvalid(f"its graphs are nested more than {_DEEPEST} deep")
    for number, value in _fields(data):
        if number == _GRAPH_INITIALIZER:
            _tensor(_part(value), contents)
        elif number == _GRAPH_SPARSE:
            _sparse(_part(value), contents)
        elif number == _GRAPH_NODE:
            _node(_part(value), contents, depth)


def _function(data: memoryview, contents: Contents) -> None:
    for number, value in _fields(data):
        if number == _FUNCTION_NODE:
            _node(_part(value), contents, 0)
        elif number == _FUNCTION_PRESET:
            _attribute(_part(value), contents, 0)


def _node(data: memoryview, contents: Contents, depth: int) -> None:
    operator = domain = ""
    for number, value in _fields(data):
        if number == _NODE_OPERATOR:
            operator = _text(value)
        elif number == _NODE_DOMAIN:
            domain = _text(value)
        elif number == _NODE_ATTRIBUTE:
            _attribute(_part(value), contents, depth)
    contents.nodes += 1
    contents.operators.add((domain, operator))


def _attribute(data: memoryview, contents: Contents, depth: int) -> None:
    position = 0
    while position < len(data):
        if (run := _PLAIN.match(data, position)) is not None:
            position = run.end()
            continue
        start = position
        number, kind, position = _key(data, position)
        position = _after(data, kind, position)
        if number in (*_ATTRIBUTE_TENSORS, *_ATTRIBUTE_GRAPHS, *_ATTRIBUTE_SPARSES):
            (_, value), *_ = _fields(data[start:position])
            if number in _ATTRIBUTE_TENSORS:
                _tensor(_part(value), contents)
            elif number in _ATTRIBUTE_GRAPHS:
                _graph(_part(value), contents, depth + 1)
            else:
                _sparse(_part(value), contents)


def _after(data: memoryview, kind: int, position: int) -> int:
    """Where a field ends whose value begins at a position."""
    if kind == _VARINT:
        return _varint(data, position)[1]
    if kind == _BYTES:
        size, position = _varint(data, position)
    elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
        size = 8 if kind == _EIGHT_BYTES else 4
    else:
        raise IndexError
    if position + size > len(data):
        raise IndexError
    return position + size


def _sparse(data: memoryview, contents: Contents) -> None:
    for number, value in _fields(data):
        if number in _SPARSE_PARTS:
            _tensor(_part(value), contents)


def _tensor(data: memoryview, contents: Contents) -> None:
    name, external = "", False
    for number, value in _fields(data):
        if number == _TENSOR_NAME:
            name = _text(value)
        elif number == _TENSOR_EXTERNAL:
            external = True
        elif number == _TENSOR_LOCATION:
            external = external or bool(value)
    if external:
        contents.external.append(name)
