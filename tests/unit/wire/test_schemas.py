"""Inputs against schemas."""

from __future__ import annotations

from typing import Any

import pytest

from trivet.platform.core.errors import BuildFailed, InvalidInput, InvalidJson
from trivet.platform.core.payloads import Payload
from trivet.platform.wire import faults
from trivet.platform.wire.schemas import compile_schema

HELLO = {
    "type": ["object", "string"],
    "properties": {"name": {"type": "string", "minLength": 1}, "times": {"type": "integer", "minimum": 1}},
    "required": ["name"],
    "additionalProperties": False,
}
PICTURE = {"type": "string", "contentEncoding": "base64", "contentMediaType": "application/octet-stream"}


def fault_of(schema: dict[str, Any], data: bytes, content_type: str = "application/json") -> dict[str, str]:
    """The faults that an input is refused for, by their places."""
    with pytest.raises(InvalidInput) as refused:
        compile_schema(schema)(Payload.inline(data, content_type))
    assert refused.value.detail
    return {fault.path: fault.message for fault in refused.value.errors}


@pytest.mark.parametrize("data", [b'{"name":"Bond"}', b'{"name":"Bond","times":2}', b'"Bond"'])
def test_an_input_that_fits_is_let_through(data: bytes) -> None:
    compile_schema(HELLO)(Payload.inline(data))


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        (b"{}", {"/name": "This field is required."}),
        (b'{"name":"Bond","times":0}', {"/times": "Must be 1 or more, not 0."}),
        (b'{"name":"Bond","times":"2"}', {"/times": "Must be a whole number, not a text."}),
        (b'{"name":"Bond","times":true}', {"/times": "Must be a whole number, not true."}),
        (b'{"name":"","x":1}', {"/name": "Must have at least 1 character.", "/x": "There is no such field."}),
        (b"5", {"": "Must be an object or a text, not a number."}),
        (b"null", {"": "Must be an object or a text, not null."}),
    ],
)
def test_a_misfit_is_told_by_field_in_plain_words(data: bytes, faults: dict[str, str]) -> None:
    assert fault_of(HELLO, data) == faults


@pytest.mark.parametrize(
    ("schema", "data", "message"),
    [
        ({"enum": ["a", 1]}, b"5", 'Must be one of "a", 1.'),
        ({"const": 4}, b"5", "Must be 4."),
        ({"maximum": 4}, b"5", "Must be 4 or less, not 5."),
        ({"exclusiveMaximum": 5}, b"5", "Must be less than 5, not 5."),
        ({"multipleOf": 2}, b"5", "Must be a multiple of 2, not 5."),
        ({"pattern": "^a"}, b'"b"', 'Must match the pattern "^a".'),
        ({"maxItems": 1}, b"[1,2]", "Must have at most 1 item."),
        ({"uniqueItems": True}, b"[1,1]", "Must not hold the same item twice."),
        ({"type": ["string", "null"]}, b"[]", "Must be a text or null, not a list."),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, b"5", "Must be a text or null, not a number."),
        ({"not": {}}, b"5", "{} is not allowed for 5."),
    ],
)
def test_every_kind_of_fault_has_its_sentence(schema: dict[str, Any], data: bytes, message: str) -> None:
    assert fault_of(schema, data) == {"": message}


def test_of_several_forms_the_one_that_was_meant_is_explained() -> None:
    row = {"type": "object", "required": ["age"], "properties": {"age": {"type": "number"}}}
    schema = {"anyOf": [{"type": "array", "items": row}, {"type": "string"}]}
    assert fault_of(schema, b'[{"age":1},{"age":"x"},{}]') == {
        "/1/age": "Must be a number, not a text.",
        "/2/age": "This field is required.",
    }


def test_a_place_deep_inside_is_named_by_a_json_pointer() -> None:
    schema = {"properties": {"a/b": {"items": {"$ref": "#/$defs/Row"}}}, "$defs": {"Row": {"required": ["x"]}}}
    assert fault_of(schema, b'{"a/b":[{"x":1},{}]}') == {"/a~1b/1/x": "This field is required."}


def test_faults_are_told_up_to_a_number_and_values_up_to_a_length() -> None:
    many = fault_of({"items": {"type": "string"}}, b"[" + b",".join([b"1"] * 500) + b"]")
    assert len(many) == faults.MOST
    (message,) = fault_of({"not": {}}, b'"' + b"x" * 100_000 + b'"').values()
    assert len(message) < 300


@pytest.mark.parametrize("schema", [None, {}])
def test_without_a_schema_any_sound_json_and_any_bytes_will_do(schema: dict[str, Any] | None) -> None:
    check = compile_schema(schema)
    check(Payload.inline(b'{"any":["thing",1e999]}'))
    check(Payload.inline(b"\xff\x00", "image/png"))
    check(Payload.inline(b"caf\xe9", "text/plain; charset=iso-8859-1"))
    with pytest.raises(InvalidJson):
        check(Payload.inline(b"{"))
    with pytest.raises(InvalidInput, match="not text in utf-8"):
        check(Payload.inline(b"caf\xe9", "text/plain; charset=utf-8"))


@pytest.mark.parametrize("data", [b"{", b"NaN", b"[" * 200 + b"]" * 200, b'{"name": 1e999}'])
def test_with_a_schema_unsound_json_is_still_told_apart_from_a_misfit(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        compile_schema(HELLO)(Payload.inline(data))


def test_text_is_checked_as_the_text_it_is() -> None:
    compile_schema(HELLO)(Payload.inline(b"Bond", "text/plain; charset=utf-8"))
    assert fault_of({"type": "integer"}, b"5", "text/plain; charset=utf-8") == {
        "": "Must be a whole number, not a text."
    }


@pytest.mark.parametrize(
    "schema",
    [
        PICTURE,
        {"anyOf": [{"type": "object"}, PICTURE]},
        {"$ref": "#/$defs/Picture", "$defs": {"Picture": PICTURE}},
        {"type": ["array", "boolean", "integer", "null", "number", "object", "string"], "properties": {"x": {}}},
        {"description": "anything"},
    ],
)
def test_bytes_are_taken_where_the_schema_speaks_of_bytes_or_of_anything(schema: dict[str, Any]) -> None:
    compile_schema(schema)(Payload.inline(b"\x89PNG", "image/png"))


@pytest.mark.parametrize(
    "schema",
    [
        HELLO,
        {"type": "object", "properties": {"picture": PICTURE}},
        {"enum": [1]},
        {"$ref": "#"},
        {"$ref": "#/$defs/Row", "$defs": {"Row": {"type": "object"}}},
    ],
)
def test_bytes_are_refused_where_the_schema_has_no_place_for_them(schema: dict[str, Any]) -> None:
    assert fault_of(schema, b"\x89PNG", "image/png") == {"": "Must be JSON, not image/png."}


@pytest.mark.parametrize(
    "schema",
    [{"type": "strin"}, {"$ref": "#/$defs/Nobody"}, {"$ref": "http://127.0.0.1:9/x.json"}, {"pattern": "("}],
)
def test_a_schema_that_is_none_is_refused_and_nothing_is_fetched(schema: dict[str, Any]) -> None:
    with pytest.raises(BuildFailed, match="input schema"):
        compile_schema(schema)


def test_equal_schemas_are_compiled_once() -> None:
    assert compile_schema({"type": "string"}) is compile_schema({"type": "string"})


def test_a_pattern_that_backtracks_for_ever_ends_all_the_same() -> None:
    evil = {"pattern": "^(a+)+$"}
    assert fault_of(evil, b'"' + b"a" * 5000 + b'b"') == {"": 'Must match the pattern "^(a+)+$".'}


def test_whole_numbers_of_any_size_are_whole_numbers() -> None:
    compile_schema({"type": "integer"})(Payload.inline(b"1" * 300))


def test_a_payload_that_lies_elsewhere_was_checked_before_it_went_there() -> None:
    compile_schema(HELLO)(Payload.stored("blob", 10, "application/json"))


ROWS = {
    "anyOf": [{"$ref": "#/$defs/row"}, {"type": "array", "items": {"$ref": "#/$defs/row"}, "minItems": 1}],
    "$defs": {"row": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
}


def test_of_a_long_list_the_first_items_that_do_not_fit_are_explained() -> None:
    good = b'{"x":1},' * 20_000
    assert fault_of(ROWS, b"[" + good + b'{"x":"y"},{},{"x":1}]') == {
        "/20000/x": "Must be a number, not a text.",
        "/20001/x": "This field is required.",
    }
    much = b'{"y":[' + b"0," * 2000 + b"0]}"
    assert fault_of(ROWS, b"[" + good + much + b"]") == {"/20000": "Does not fit."}


def test_what_is_long_and_fits_nowhere_is_refused_without_finding_out_all_that_is_wrong() -> None:
    # each of these faults would be found twice, with copies of all that is around it: gigabytes
    found = fault_of(ROWS, b"[" + b"{}," * 300_000 + b"{}]")
    assert found == {f"/{place}/x": "This field is required." for place in range(faults.MOST)}
    (said,) = fault_of({"maxItems": 3}, b"[" + b"0," * 300_000 + b"0]").values()
    assert "too much" in said


def test_of_what_is_long_inside_the_beginning_is_explained() -> None:
    texts = {"type": "object", "properties": {"texts": {"items": {"type": "string"}}}, "required": ["of"]}
    numbers = b"0," * 50_000
    assert fault_of(texts, b'{"texts":[0,' + numbers + b"0]}")["/of"] == "This field is required."
    assert fault_of(texts, b'{"texts":["' + b"y" * 500_000 + b'"]}') == {"/of": "This field is required."}
    late = b'{"of":1,"texts":[' + b'"y",' * 2000 + b"0]}"
    (said,) = fault_of(texts, late).values()
    assert "too much" in said
