"""Who may do what to files: every method of every form of path below ``/files``, tried by everybody.

`test_access` walks each route once; here each form of path has its row, and an organization owns things as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.wire.access import USUAL, Stage, filled, same, state_of
from tests.wire.fakes import Answer, World
from trivet.platform.core.accounts import Scope
from trivet.platform.core.keys import Token
from trivet.platform.dialects.native.routes.table import ROUTES

READING = ("GET", "HEAD")
METHODS = (*READING, "POST", "PUT", "PATCH", "DELETE")


class Told(NamedTuple):
    """The statuses of a request: the owner's, a plain member's of the organization that owns it, another account's."""

    owner: int
    member: int
    other: int


BAD, OPEN, HIDDEN, NO = Told(400, 400, 400), Told(200, 200, 200), Told(200, 200, 404), Told(405, 405, 405)
MADE, MANAGED, CLOSED, NONE = Told(201, 403, 404), Told(200, 403, 404), Told(403, 403, 404), Told(404, 404, 404)
FORMS: Mapping[str, tuple[Told, ...]] = {
    #                                GET            HEAD           POST   PUT     PATCH    DELETE
    "": (OPEN, OPEN, NO, NO, NO, NO),
    "/{owner}": (HIDDEN, HIDDEN, MADE, BAD, NO, BAD),
    "/{owner}/{collection}": (HIDDEN, HIDDEN, NO, BAD, MANAGED, MANAGED),
    "/{owner}/{collection}/{file}": (HIDDEN, HIDDEN, NO, HIDDEN, NO, HIDDEN),
    "/.algo/{owner}/{name}/temp": (HIDDEN, HIDDEN, NO, BAD, NO, HIDDEN),
    "/.algo/{owner}/{name}/temp/{file}": (NONE, NONE, NO, CLOSED, NO, NONE),
    "/.session": (BAD, BAD, BAD, BAD, NO, BAD),
    "/.session/{file}": (BAD, BAD, NO, BAD, BAD, BAD),
}
"""What is answered to each of `METHODS`, by the form of the path."""
MISSING = {"owner": "nobody", "collection": "nothing", "name": "nought", "file": "none"}
ROWS = [
    pytest.param(method, form, owner, statuses, id=f"{method} {owner}'s /files{form}")
    for owner in ("ann", "acme")
    for form, told in FORMS.items()
    for method, statuses in zip(METHODS, told, strict=True)
]
each = pytest.mark.parametrize(("method", "form", "owner", "told"), ROWS)


class Town(World):
    """`ann` owns the organization `acme`, of which `mia` is a plain member; `ben` has nothing to do with either."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("ann", "mia", "ben"):
            self.account(name)
        self.ann, self.mia, self.ben = (self.token(name) for name in ("ann", "mia", "ben"))
        self.weak = {name: self.token(name, *(USUAL - {Scope.DATA})) for name in ("ann", "ben")}
        """Keys that may do all that is usual except for what this is about."""
        self.good("POST", "/orgs", json_body={"name": "acme"})
        self.good("PUT", "/orgs/acme/members/mia", json_body={"role": "member"})
        for owner in ("ann", "acme"):
            self.offer(f"{owner}/song", owner=self.principal(self.ann))
            self.good("POST", f"/files/{owner}", json_body={"name": "album"})
            self.good("PUT", f"/files/{owner}/album/f", body=b"la")

    def good(self, method: str, path: str, **request: Any) -> None:
        """A request of ann's that has to succeed."""
        answer = self.ask(method, path, token=self.ann, **request)
        assert answer.status < 300, (method, path, answer.status, answer.body)


@pytest.fixture(scope="module")
def stage() -> Stage[Town]:
    return Stage(Town)


@pytest.fixture
def town(stage: Stage[Town]) -> Town:
    return stage.world()


def parts_of(owner: str) -> dict[str, str]:
    return {"owner": owner, "collection": "album", "name": "song", "file": "f"}


def ask(town: Town, method: str, form: str, parts: Mapping[str, str], token: Token | str | None) -> Answer:
    request: dict[str, Any] = {}
    if method == "POST":
        request["json_body"] = {"name": "more"}
    elif method == "PATCH":
        request["json_body"] = {"acl": "public"}
    elif method == "PUT":
        request["body"] = b"not ann's"
    query = "?force=true" if method == "DELETE" else ""
    return town.ask(method, f"/files{filled(form, parts)}{query}", token=token, **request)


def test_the_table_has_every_route_of_files() -> None:
    """A route that is new has to be given its rows."""
    known = {(route.method, path) for route in ROUTES for path in route.paths if route.tag == "Files"}
    assert known == {
        ("GET", "/files"),
        ("GET", "/files/{path}"),
        ("PUT", "/files/{path}"),
        ("DELETE", "/files/{path}"),
        ("POST", "/files/{owner}"),
        ("PATCH", "/files/{owner}/{collection}"),
    }


@each
def test_files_are_reached_by_those_who_may(town: Town, method: str, form: str, owner: str, told: Told) -> None:
    parts, refused = parts_of(owner), told.owner if told.owner >= 400 else 403
    nobody = 405 if told is NO else 401
    tries: list[tuple[Token | str | None, set[int]]] = [
        (None, {nobody}),
        ("", {nobody}),
        ("trv_0123456789ab_wrong", {nobody}),
        (town.weak["ann"], {refused, 403}),
        (town.weak["ben"], {told.other if told.other >= 400 else 403, 403}),
        (town.ben, {told.other}),
    ]
    if owner == "acme" and (told.member >= 400 or method in READING):
        tries.append((town.mia, {told.member}))
    before = state_of(town)
    for token, statuses in tries:
        answer = ask(town, method, form, parts, token)
        assert answer.status in statuses, (token, answer.status, answer.body)
        if answer.status >= 400 and method != "HEAD":
            assert answer.code
    assert state_of(town) == before, "something was changed by who may not"
    assert ask(town, method, form, parts, town.ann).status == told.owner
    # nothing is kept for ann by an endpoint, so nothing goes
    assert (state_of(town) == before) == (told.owner >= 400 or method in READING or form.startswith("/.algo"))


@each
def test_what_is_hidden_looks_like_what_is_not_there(
    town: Town, method: str, form: str, owner: str, told: Told
) -> None:
    parts = parts_of(owner)
    for token in (town.ben, town.weak["ben"]):
        hidden = ask(town, method, form, parts, token)
        for name, value in MISSING.items():
            if f"{{{name}}}" in form:
                others = {**parts, name: value}
                missing = ask(town, method, form, others, token)
                assert same(hidden, parts, missing, others), (name, hidden, missing)


@each
def test_what_is_public_is_read_by_everybody_and_changed_by_nobody_else(
    town: Town, method: str, form: str, owner: str, told: Told
) -> None:
    town.good("PATCH", f"/files/{owner}/album", json_body={"acl": "public"})
    town.good("PATCH", f"/endpoints/{owner}/song", json_body={"visibility": "public"})
    before = state_of(town)
    answer = ask(town, method, form, parts_of(owner), town.ben)
    if form.startswith("/.algo"):
        assert answer.status == told.member
    else:
        assert answer.status == (told.owner if told.owner >= 400 or method in READING else 403)
    assert state_of(town) == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_member_works_with_what_the_organization_has(town: Town, method: str) -> None:
    before = state_of(town)
    assert ask(town, method, "/{owner}/{collection}/{file}", parts_of("acme"), town.mia).status == 200
    assert state_of(town) != before
