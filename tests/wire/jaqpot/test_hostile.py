"""Requests that nobody sends on purpose: each is refused with a sentence, and nothing breaks."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.wire.jaqpot.world import JaqpotWorld, document, refusal, uploaded

ODD: list[Any] = [
    *(None, 1, -1, "", "x" * 300, True, [], {}, [None], [{}], ["x"], {"a": None}),
    *([{"key": None}], [{"method": "LEVERAGE", "data": None}], [{"name": "x", "config": None}]),
]
PATCH = {"name": "abc", "visibility": "PRIVATE", "task": "REGRESSION", "sharedWithOrganizationIds": [1], "tags": "x"}
FEATURE = {
    "name": "abc",
    "featureType": "CATEGORICAL",
    "possibleValues": [{"value": "A", "description": "b"}, {"value": "B", "description": "c"}],
}


def altered(body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same with one or two fields that are not what they should be."""
    return {**body, **{chance.choice(list(body)): chance.choice(ODD) for _ in range(chance.choice((1, 2)))}}


@pytest.mark.parametrize("seed", range(4))
def test_fields_of_any_kind_break_nothing(world: JaqpotWorld, seed: int) -> None:
    chance = random.Random(seed)
    endpoint = world.model()
    number = endpoint.model_id
    for _ in range(25):
        world.will_build(document())
        for method, path, body in (
            ("POST", "/models", uploaded()),
            ("POST", "/large-models", document()),
            ("PATCH", f"/models/{number}/partial", PATCH),
            ("PATCH", f"/models/{number}/features/2", FEATURE),
        ):
            answer = world.call(method, path, json_body=altered(body, chance))
            if answer.status >= 300:
                assert refusal(answer, answer.status)
                assert answer.status in (400, 403, 429), answer.body
        assert world.call("GET", f"/models/{number}").status == 200


@pytest.mark.parametrize(
    "value",
    [
        *("1e999", "9" * 500, '"\\ud800"', '"\\u0000"', "{}", "[]", "true", "null", '" "', '"1e400"', '"0x10"', '"١"'),
        *("[" * 90 + "]" * 90, '"' + "x" * 100_000 + '"'),
    ],
)
def test_values_of_any_kind_break_nothing(world: JaqpotWorld, value: str) -> None:
    endpoint = world.model()
    for row in (f'{{"X1":{value},"Cat":"A"}}', f'{{"X1":1,"Cat":{value}}}', value):
        body = f'{{"type":"PREDICTION","input":[{row}]}}'.encode()
        answer = world.call("POST", f"/models/{endpoint.model_id}/predict", body=body)
        if answer.status != 201:  # some of them are numbers
            assert len(refusal(answer, 400)) < 2000


def test_an_extra_field_is_passed_over(world: JaqpotWorld) -> None:
    endpoint = world.model()
    body = {"type": "PREDICTION", "input": [{"X1": 1, "Cat": "A"}], "status": 7, "resultTypes": {"y": "BASE64"}}
    body |= {"entryType": None, "id": "x", "result": json.dumps(ODD)}
    assert world.call("POST", f"/models/{endpoint.model_id}/predict", json_body=body).status == 201
