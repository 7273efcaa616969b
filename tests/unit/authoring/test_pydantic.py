"""Pydantic, where the author uses it."""

from __future__ import annotations

from typing import Annotated, Any

import jsonschema_rs
import pytest

import trivet
from trivet.authoring import InvalidInput

pydantic: Any = pytest.importorskip("pydantic", reason="pydantic is the author's own package and not installed here")


class Inner(pydantic.BaseModel):  # type: ignore[misc]
    n: int = pydantic.Field(gt=0)


class Order(pydantic.BaseModel):  # type: ignore[misc]
    id: int
    items: list[Inner] = pydantic.Field(default_factory=list)


class Rows(pydantic.RootModel[list[int]]):  # type: ignore[misc]
    pass


@trivet.endpoint
def order(order: Order, scale: float = 1.0) -> Order:
    assert isinstance(order, Order)
    return order


@trivet.endpoint
def alone(order: Order) -> int:
    return sum(item.n for item in order.items)


@trivet.endpoint
def many(orders: list[Order]) -> int:
    return len(orders)


@trivet.endpoint
def rows(rows: Rows) -> int:
    return sum(rows.root)


@trivet.endpoint
def bounded(n: Annotated[int, pydantic.Field(ge=1, le=3)]) -> int:
    return n


def valid(endpoint: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(endpoint.describe()["input_schema"]).is_valid(value)


@pytest.mark.parametrize(
    ("endpoint", "value", "expected"),
    [
        (order, {"order": {"id": 1, "items": [{"n": 2}]}}, {"id": 1, "items": [{"n": 2}]}),
        (alone, {"id": 1, "items": [{"n": 2}, {"n": 3}]}, 5),
        (alone, {"order": {"id": 1}}, 0),
        (many, [{"id": 1}, {"id": 2}], 2),
        (rows, [1, 2], 3),
        (bounded, 3, 3),
    ],
)
def test_models_are_taken_and_given(endpoint: Any, value: Any, expected: Any) -> None:
    assert endpoint.local(value) == expected
    assert valid(endpoint, value)


@pytest.mark.parametrize(
    ("endpoint", "value", "path"),
    [
        (order, {"order": {"id": 1, "items": [{"n": 0}]}}, "/order/items/0/n"),
        (alone, {"id": "x"}, "/id"),
        (many, [{"id": 1}, {}], "/1/id"),
        (rows, ["x"], "/0"),
        (bounded, 4, ""),
    ],
)
def test_what_a_model_refuses_is_named_with_its_place(endpoint: Any, value: Any, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        endpoint.local(value)
    assert caught.value.errors[0][0] == path
    assert not valid(endpoint, value)
