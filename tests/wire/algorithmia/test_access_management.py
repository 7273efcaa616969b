"""Who may do what to algorithms, users and organizations: every route that there is, tried by everybody.

Each row is walked by a stranger, by keys that count for less, by another account and by a plain member of the organization that
owns the thing; what is refused has changed nothing, and at last the request of whom it belongs to succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from tests.wire.access import PARTS, Stage, filled, same, state_of
from tests.wire.algorithmia.access import Square
from tests.wire.algorithmia.fakes import PROOF
from tests.wire.fakes import Answer
from trivet.platform.core.accounts import Scope
from trivet.platform.core.keys import Token
from trivet.platform.dialects.algorithmia.errors import NOT_IMPLEMENTED
from trivet.platform.dialects.algorithmia.management.environments import SPECIFICATION
from trivet.platform.dialects.algorithmia.management.routes import AREAS, ROUTES


class Row(NamedTuple):
    """A route, and the statuses of those who try it.

    ``owner`` is told to ann, who owns the thing or manages the organization that does; ``member`` to a plain member of that
    organization; ``other`` to an account that has nothing to do with it. ``scope`` is what it takes, None where any key will do.
    ``by_admin``: it is the administrator's alone; then ``owner`` is the administrator's status, and ann's is ``member``.
    ``parts`` are others than the usual ones.
    """

    method: str
    path: str
    scope: Scope | None
    owner: int
    member: int
    other: int
    by_admin: bool = False
    parts: Mapping[str, str] = {}


READ, DEPLOY, ADMIN = Scope.READ, Scope.DEPLOY, Scope.ADMIN
ONE = "algorithms/{algorithm}"
EDGE = "algorithm-environments/edge"
ORG = "organizations/{organization}"
TEMPLATE = f"{EDGE}/environment-specifications/{{specification}}/template"
ROWS: Sequence[Row] = (
    Row("POST", "algorithms/{owner}", DEPLOY, 200, 403, 404),
    Row("GET", ONE, READ, 200, 200, 404),
    Row("PUT", ONE, DEPLOY, 200, 403, 404),
    Row("DELETE", ONE, DEPLOY, 204, 403, 404),
    Row("POST", f"{ONE}/compile", DEPLOY, 200, 403, 404),
    Row("POST", f"{ONE}/versions", DEPLOY, 200, 403, 404),
    Row("POST", f"{ONE}/version", DEPLOY, 200, 403, 404),
    Row("GET", f"{ONE}/versions", READ, 200, 200, 404),
    Row("GET", f"{ONE}/versions/{{version}}", READ, 200, 200, 404),
    Row("GET", f"{ONE}/builds", READ, 200, 403, 404),
    Row("GET", f"{ONE}/builds/{{build}}", READ, 200, 403, 404),
    Row("GET", f"{ONE}/builds/{{build}}/logs", READ, 200, 403, 404),
    Row("GET", f"{ONE}/scm/status", READ, 200, 403, 404),
    Row("GET", f"{ONE}/log", None, 501, 501, 501),
    Row("GET", f"{ONE}/errors", READ, 200, 403, 404),
    Row("GET", f"{ONE}/secrets", DEPLOY, 200, 403, 404),
    Row("POST", f"{ONE}/secrets", DEPLOY, 200, 403, 404),
    Row("PUT", f"{ONE}/secrets/{{secret}}", DEPLOY, 200, 403, 404),
    Row("DELETE", f"{ONE}/secrets/{{secret}}", DEPLOY, 204, 403, 404),
    Row("GET", "scms", None, 200, 200, 200),
    Row("GET", "secret-provider", None, 200, 200, 200),
    Row("GET", f"{EDGE}/languages", None, 200, 200, 200),
    Row("GET", f"{EDGE}/languages/{{language}}/environments", None, 200, 200, 200),
    Row("GET", TEMPLATE, None, 200, 200, 200),
    Row("POST", "users", ADMIN, 200, 403, 403, by_admin=True),
    Row("GET", "users", ADMIN, 200, 403, 403, by_admin=True),
    Row("GET", "users/{user}", READ, 200, 404, 404),
    Row("PUT", "users/{user}", DEPLOY, 200, 404, 404),
    Row("DELETE", "users/{user}", ADMIN, 204, 404, 404, by_admin=True, parts={"user": "zoe"}),
    Row("GET", "users/{owner}/algorithms", READ, 200, 200, 200),
    Row("GET", "users/{owner}/errors", READ, 200, 200, 200),
    Row("GET", "users/{user}/keys", None, 501, 501, 501),
    Row("POST", "users/{user}/keys", None, 501, 501, 501),
    Row("GET", "users/{user}/event-listeners", None, 501, 501, 501),
    Row("POST", "users/{user}/event-listeners", None, 501, 501, 501),
    Row("GET", "organization/types", None, 200, 200, 200),
    Row("POST", "organizations", DEPLOY, 200, 200, 200),
    Row("GET", "organizations", READ, 200, 200, 200),
    Row("GET", "organizations/externalId/{external}", READ, 200, 200, 404),
    Row("GET", ORG, READ, 200, 200, 404),
    Row("PUT", ORG, DEPLOY, 200, 403, 404),
    Row("DELETE", ORG, DEPLOY, 204, 403, 404, parts={"organization": "bare"}),
    Row("GET", f"{ORG}/members", READ, 200, 200, 404),
    Row("PUT", f"{ORG}/members/{{user}}", DEPLOY, 201, 403, 404, parts={"user": "zoe"}),
    Row("DELETE", f"{ORG}/members/{{user}}", DEPLOY, 204, 403, 404, parts={"user": "max"}),
    Row("GET", "organizations/{owner}/utility-algorithms", READ, 200, 200, 200),
    Row("GET", "organizations/{owner}/errors", READ, 200, 200, 200),
    *(
        Row(method, f"admin/{area}", None, 501, 501, 501)
        for area in ("scms", "secret-provider", "reservations", "usage", "usage/algorithms", "usage/users")
        for method in ("GET", "POST")
    ),
)
MISSING = {
    "algorithm": "nobody/Hello",
    "owner": "nobody",
    "user": "nobody",
    "organization": "noone",
    "external": "x-none",
    "version": "0" * 40,
    "build": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "secret": "1" * 8 + "-0000-4000-8000-" + "0" * 12,
}
UNKNOWN = {"algorithm": "2" * 8 + "-0000-4000-8000-" + "0" * 12, "user": "3" * 8 + "-0000-4000-8000-" + "0" * 12}
"""Ids of nothing."""
CODES = {401: 2002, 403: 2001, 501: NOT_IMPLEMENTED}
OF_OTHERS = ("Hello", "Tool", "acme", "bare", "VOICE", "ann")
"""What stands in answers about what others have."""


def each(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """Each row, where that makes a difference once for what an account owns and once for what an organization does."""
    found = [
        pytest.param(row, owner, id=f"{row.method} {owner}'s {row.path}")
        for row in rows
        for owner in ("ann", "acme")
        if owner == "acme" or {"algorithm", "owner"} & set(PARTS.findall(row.path))
    ]
    return pytest.mark.parametrize(("row", "owner"), found)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage[Square]:
    """Squares on which ann and acme have an algorithm each."""

    def make() -> Square:
        square = Square(tmp_path_factory.mktemp("uploads"))
        square.parts = {owner: square.make(owner, name) for owner, name in (("ann", "Hello"), ("acme", "Tool"))}
        return square

    return Stage(make)


@pytest.fixture
def square(stage: Stage[Square]) -> Square:
    return stage.world()


def parts_of(square: Square, row: Row, owner: str) -> dict[str, str]:
    usual = {"user": "ann", "organization": "acme", "external": "x-acme", "language": "python3"}
    usual["specification"] = SPECIFICATION
    return {**usual, "owner": owner, **square.parts[owner], **row.parts}


def body_of(square: Square, row: Row) -> dict[str, Any] | None:
    if row.method not in ("POST", "PUT"):
        return None
    if row.path.endswith("/compile"):
        return {}
    return {
        "name": "More",
        "username": "joe",
        "org_name": "more",
        "type_id": square.type_id,
        "org_label": "More",
        "email": "more@example.io",
        "details": {"summary": "More."},
        "secret_key": "MORE",
        "secret_value": "more",
        "description": "more",
    }


def ask(square: Square, row: Row, path: str, token: Token | str | None, method: str = "") -> Answer:
    return square.call(method or row.method, f"/{path}", token=token, json_body=body_of(square, row))


def test_the_table_has_every_route() -> None:
    """A route that is new has to be given its row."""
    assert [(row.method, row.path) for row in ROWS] == [(route.method, route.path) for route in ROUTES]
    assert {row.path.partition("/")[0] for row in ROWS} == AREAS
    assert [route.path for route in ROUTES if route.is_open] == [TEMPLATE]


@each(ROWS)
def test_a_route_is_for_those_who_may(square: Square, row: Row, owner: str) -> None:
    parts = parts_of(square, row, owner)
    path = filled(row.path, parts)
    mine = square.admin_token if row.by_admin else square.ann
    nobody = row.owner if row.path == TEMPLATE else 401
    tries: list[tuple[Token | str | None, int]] = [(None, nobody), ("", nobody), ("trv_0123456789ab_wrong", nobody)]
    if row.scope is None:
        tries.append((square.weak["ann", Scope.READ], row.owner))
    elif row.by_admin:
        tries += [(square.weak["admin", Scope.ADMIN], 403), (square.ann, row.member)]
    else:
        tries.append((square.weak["ann", row.scope], 403))
    if row.scope is DEPLOY:
        tries.append((square.reader["ann"], 403))
    harmless = row.method == "GET" or row.other >= 400
    if harmless:
        tries.append((square.ben, row.other))
        if owner == "acme":
            tries.append((square.mia, row.member))
    before = state_of(square)
    for token, status in tries:
        answer = ask(square, row, path, token)
        assert answer.status == status, (token, answer.status, answer.body)
        if status >= 400:
            assert list(answer.json) == ["error"]
            assert answer.json["error"]["code"] == CODES.get(status, answer.json["error"]["code"])
        if row.method == "GET":
            head = ask(square, row, path, token, method="HEAD")
            assert (head.status, head.body) == (status, b"")
    assert state_of(square) == before, "something was changed by who may not"
    assert ask(square, row, path, mine).status == row.owner
    assert (state_of(square) == before) == (row.method == "GET" or row.owner >= 400 or row.path.endswith("/compile"))


@each([row for row in ROWS if set(PARTS.findall(row.path)) & set(MISSING)])
def test_what_is_hidden_looks_like_what_is_not_there(square: Square, row: Row, owner: str) -> None:
    parts = parts_of(square, row, owner)
    is_mias = owner == "acme" and not row.path.startswith("users/{user}")
    for token in (square.ben, square.reader["ben"], square.weak["ben", Scope.READ], *([] if is_mias else [square.mia])):
        hidden = ask(square, row, filled(row.path, parts), token)
        for name in set(PARTS.findall(row.path)) & set(MISSING):
            others = {**parts, name: MISSING[name]}
            missing = ask(square, row, filled(row.path, others), token)
            assert same(hidden, parts, missing, others), (name, hidden, missing)


@each([row for row in ROWS if row.other == 404 and ("{algorithm}" in row.path or "users/{user}" in row.path)])
def test_an_id_that_is_hidden_looks_like_one_that_is_nothings(square: Square, row: Row, owner: str) -> None:
    user = square.call("GET", f"/users/{row.parts.get('user', 'ann')}").json["id"]
    parts = {**parts_of(square, row, owner), "user": user}
    parts["algorithm"] = parts["id"]
    others = {**parts, **UNKNOWN}
    hidden = ask(square, row, filled(row.path, parts), square.ben)
    missing = ask(square, row, filled(row.path, others), square.ben)
    assert hidden.status == 404
    assert same(hidden, parts, missing, others), (hidden, missing)


@each([row for row in ROWS if "{algorithm}" in row.path])
def test_a_public_algorithm_is_seen_by_everybody_and_changed_by_nobody_else(
    square: Square, row: Row, owner: str
) -> None:
    parts = parts_of(square, row, owner)
    square.good("POST", f"/algorithms/{parts['algorithm']}/versions", json_body={})
    square.share(parts["algorithm"])
    before = state_of(square)
    assert ask(square, row, filled(row.path, parts), square.ben).status == row.member
    assert ask(square, row, filled(row.path, parts), None).status == 401
    assert state_of(square) == before


@each([row for row in ROWS if row.method == "GET" and row.other == 200 and row.path != TEMPLATE])
def test_a_list_tells_nobody_of_what_others_have(square: Square, row: Row, owner: str) -> None:
    answer = ask(square, row, filled(row.path, parts_of(square, row, owner)), square.ben)
    assert answer.status == 200
    assert not [name for name in OF_OTHERS if name in answer.body.decode()]


def test_a_job_manages_nothing_though_its_caller_may(square: Square) -> None:
    square.offer("ann/song", owner=square.principal(square.ann))
    square.begin("ann/song")
    before = state_of(square)
    for row in ROWS:
        if row.scope is not None:
            path = filled(row.path, parts_of(square, row, "ann"))
            answer = square.at(f"/w/{PROOF}", row.method, f"/{path}", json_body=body_of(square, row))
            assert answer.status == (row.member if row.by_admin else 403), (row, answer.body)
    assert state_of(square) == before


def test_a_new_organization_is_its_makers_alone(square: Square) -> None:
    row = next(row for row in ROWS if (row.method, row.path) == ("POST", "organizations"))
    assert ask(square, row, row.path, square.ben).status == row.other
    found: dict[str, Any] = square.call("GET", "/organizations/more/members", token=square.ben).json
    assert [(each["username"], each["role"]) for each in found] == [("ben", "owner")]
    assert square.call("GET", "/organizations/more", token=square.ann).status == 404
