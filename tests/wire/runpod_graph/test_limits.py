"""Deep, wide and huge queries: refused before they cost anything."""

from __future__ import annotations

import time

import pytest
from graphql import get_introspection_query

from tests.wire.runpod_graph.world import GraphWorld
from trivet.platform.dialects.runpod.graph import limits, text

BOMB = "query { myself { ...a } } " + " ".join(
    f"fragment {chr(97 + i)} on User {{ ...{chr(98 + i)} ...{chr(98 + i)} }}" for i in range(24)
) + " fragment y on User { id }"  # fmt: skip


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("{ " + "a " * text.MAX_TOKENS + "}", f"{text.MAX_TOKENS} tokens"),
        ("# hm\n" * (text.MAX_TOKENS + 1) + "{ myself { id } }", "tokens"),
        ("{ a" * 100 + "}" * 100, "nested"),
        ("{ gpuTypes(input: " + "[" * 100 + "]" * 100 + ") { id } }", "nested"),
        ("{ myself " + "{ ... on User " * 70 + "{ id }" + "}" * 71, "nested"),
        ("{ " + "a { " * limits.MAX_DEPTH + "b" + "}" * limits.MAX_DEPTH + "}", f"{limits.MAX_DEPTH} fields"),
        ("{ " + "gpuTypes { id } " * (limits.MAX_ROOT_FIELDS + 1) + "}", "top level"),
        ("{ ...a } fragment a on Query { " + "gpuTypes { id } " * (limits.MAX_ROOT_FIELDS + 1) + "}", "top level"),
        ("{ myself { " + "id " * limits.MAX_FIELDS + "} }", f"{limits.MAX_FIELDS} fields"),
        ("{ myself { " + " ".join(f"a{i}: id" for i in range(limits.MAX_ALIASES + 1)) + "} }", "aliases"),
        (" ".join(f"query a{i} {{ myself {{ id }} }}" for i in range(limits.MAX_DEFINITIONS + 1)), "operations"),
        (BOMB, "fields"),
        ("query { myself { ...a } } fragment a on User { id ...b } fragment b on User { ...a }", "within itself"),
    ],
)
def test_a_query_that_asks_for_too_much_is_refused_at_once(world: GraphWorld, query: str, word: str) -> None:
    world.answer("{ myself { id } }")  # the grammar is there
    begun = time.process_time()
    message, code = world.refused(query)
    assert word in message
    assert code == "bad_request"
    assert time.process_time() - begun < 5.0


@pytest.mark.parametrize(
    "query",
    ['"\\"' * 1500, '"""\\"""' * 1500, '"' + "\\" * 900_000, '{ a(b: "x\n' + "y\n" * 400_000, '"""' + 'x"' * 400_000],
    ids=["quotes", "blocks", "backslashes", "never ends", "block never ends"],
)  # fmt: skip
def test_reading_takes_time_in_proportion_to_the_text(query: str) -> None:
    begun = time.process_time()
    text.check_size(query)
    text.mended(query)
    assert time.process_time() - begun < 5.0


def test_the_usual_introspection_query_is_within_the_limits(world: GraphWorld) -> None:
    found = world.answer(get_introspection_query())["__schema"]
    assert "EndpointInput" in {kind["name"] for kind in found["types"]}


def test_a_template_may_have_as_many_variables_as_the_platform_takes(world: GraphWorld) -> None:
    env = ", ".join(f'{{ key: "NAME_{i}", value: "value {i}" }}' for i in range(200))
    query = f'mutation {{ saveTemplate(input: {{name: "a", imageName: "b", env: [{env}]}}) {{ env {{ key }} }} }}'
    assert len(world.answer(query)["saveTemplate"]["env"]) == 200


@pytest.mark.parametrize(
    ("query", "mended"),
    [
        ('{ a(b: "x\ny") }', '{ a(b: "x\\ny") }'),
        ('{ a(b: "x\r\ny\rz") }', '{ a(b: "x\\ny\\nz") }'),
        ('{ a(b: "x\\\\\ny") }', '{ a(b: "x\\\\\\ny") }'),
        ('{ a(b: """x\ny""") }', '{ a(b: """x\ny""") }'),
        ("{ a # it's \"\n b }", "{ a # it's \"\n b }"),
        ('{ a(b: "", c: "x\ny") }', '{ a(b: "", c: "x\\ny") }'),
    ],
)
def test_only_line_breaks_inside_plain_texts_are_mended(query: str, mended: str) -> None:
    assert text.mended(query) == mended
