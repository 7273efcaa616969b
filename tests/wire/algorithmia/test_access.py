"""Who may call, and who may do what to hosted data: every method of every form of path, tried by everybody.

Each row is walked by a stranger, by keys that count for less, by another account and, where an organization is the owner, by a
plain member of it; what is refused has changed nothing, and at last the owner's own request succeeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.wire.access import Stage, filled, same, state_of
from tests.wire.algorithmia.access import Square
from tests.wire.algorithmia.fakes import gives
from tests.wire.fakes import Answer, echo
from trivet.platform.core.accounts import Scope
from trivet.platform.core.data_paths import Space
from trivet.platform.core.keys import Token
from trivet.platform.dialects.algorithmia import data
from trivet.platform.dialects.algorithmia.app import METHODS

READING = ("GET", "HEAD")
METHODS_OF_DATA = (*READING, "POST", "PUT", "PATCH", "DELETE")


class Told(NamedTuple):
    """The statuses of a request: the owner's, a plain member's of the organization that owns it, another account's."""

    owner: int
    member: int
    other: int


BAD, OPEN, HIDDEN = Told(400, 400, 400), Told(200, 200, 200), Told(200, 200, 404)
MANAGED, OWN, CLOSED = Told(200, 403, 404), Told(200, 404, 404), Told(403, 403, 404)
FORMS: Mapping[str, tuple[Told, ...]] = {
    #                                GET            HEAD           POST     PUT     PATCH    DELETE
    "": (OPEN, OPEN, BAD, BAD, BAD, BAD),
    "{owner}": (HIDDEN, HIDDEN, MANAGED, BAD, BAD, BAD),
    "{owner}/{collection}": (HIDDEN, HIDDEN, BAD, BAD, MANAGED, MANAGED),
    "{owner}/{collection}/{file}": (HIDDEN, HIDDEN, BAD, HIDDEN, BAD, HIDDEN),
    # what an algorithm keeps is kept for each of its callers: a member finds a place of its own, with nothing in it
    ".algo/{owner}/{name}/temp": (HIDDEN, HIDDEN, BAD, BAD, BAD, HIDDEN),
    ".algo/{owner}/{name}/perm": (HIDDEN, HIDDEN, BAD, BAD, BAD, HIDDEN),
    ".algo/{owner}/{name}/temp/{file}": (OWN, OWN, BAD, CLOSED, BAD, OWN),
    ".algo/{owner}/{name}/perm/{file}": (OWN, OWN, BAD, CLOSED, BAD, OWN),
    # these are there inside of calls alone
    ".algo/temp/{file}": (BAD,) * 6,
    ".algo/perm/{file}": (BAD,) * 6,
    ".session": (BAD,) * 6,
    ".session/{file}": (BAD,) * 6,
}
"""What is answered to each method of `METHODS_OF_DATA`, by the form of the path."""
MISSING = {"owner": "nobody", "collection": "nothing", "name": "nought", "file": "none"}


ROWS = [
    pytest.param(method, form, owner, statuses, id=f"{method} {owner}'s {form or 'root'}")
    for owner in ("ann", "acme")
    for form, told in FORMS.items()
    for method, statuses in zip(METHODS_OF_DATA, told, strict=True)
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage[Square]:
    """Squares on which ann and acme have one of everything."""

    def make() -> Square:
        square = Square(tmp_path_factory.mktemp("uploads"))
        for owner in ("ann", "acme"):
            square.offer(f"{owner}/song", owner=square.principal(square.ann))
            square.good("POST", f"/data/{owner}", json_body={"name": "album"})
            square.good("PUT", f"/data/{owner}/album/f", body=b"la")
            square.keep_a_file(f"{owner}/song")
        square.handler = echo
        return square

    return Stage(make)


@pytest.fixture
def square(stage: Stage[Square]) -> Square:
    return stage.world()


def parts_of(owner: str) -> dict[str, str]:
    return {"owner": owner, "collection": "album", "name": "song", "file": "f"}


def ask(square: Square, method: str, path: str, token: Token | str | None) -> Answer:
    request: dict[str, Any] = {}
    if method == "POST":
        request["json_body"] = {"name": "more"}
    elif method == "PATCH":
        request["json_body"] = {"acl": {"read": ["user://*"]}}
    elif method == "PUT":
        request["body"] = b"not ann's"
    return square.call(method, f"/{path}?force=true", token=token, **request)


def check_shape(answer: Answer, method: str) -> None:
    if method == "HEAD":
        assert answer.body == b""
        assert answer.headers["x-error-message"]
    else:
        assert list(answer.json) == ["error"]


def test_the_tables_have_every_method_of_every_area() -> None:
    """A path that is new has to be given its rows."""
    assert set(METHODS) == {"algo", "data", "connector", "hostedData", "insights"}
    assert METHODS["data"] == METHODS["connector"] == data.METHODS == set(METHODS_OF_DATA)
    assert METHODS["algo"] == METHODS["insights"] == {"POST"}
    assert METHODS["hostedData"] == {"GET", "HEAD"}
    assert set(Space) == {Space.HOSTED, Space.SESSION, Space.TEMP, Space.PERM}


@pytest.mark.parametrize("area", ["data", "connector/data"])
@pytest.mark.parametrize(("method", "form", "owner", "told"), ROWS)
def test_hosted_data_are_reached_by_those_who_may(
    square: Square, method: str, form: str, owner: str, told: Told, area: str
) -> None:
    path = f"{area}/{filled(form, parts_of(owner))}"
    without = {told.owner if told.owner >= 400 else 403, 403}
    tries: list[tuple[Token | str | None, set[int]]] = [
        (None, {401}),
        ("", {401}),
        ("trv_0123456789ab_wrong", {401}),
        (square.weak["ann", Scope.DATA], without),
        (square.reader["ann"], without),
        (square.weak["ben", Scope.DATA], {told.other if told.other >= 400 else 403, 403}),
        (square.ben, {told.other}),
    ]
    if owner == "acme" and (told.member >= 400 or method in READING):
        tries.append((square.mia, {told.member}))
    before = state_of(square)
    for token, statuses in tries:
        answer = ask(square, method, path, token)
        assert answer.status in statuses, (token, answer.status, answer.body)
        if answer.status >= 400:
            check_shape(answer, method)
    assert state_of(square) == before, "something was changed by who may not"
    assert ask(square, method, path, square.ann).status == told.owner
    assert (state_of(square) == before) == (told.owner >= 400 or method in READING)


@pytest.mark.parametrize(
    ("method", "form", "told"),
    [
        pytest.param(method, form, told.member, id=f"{method} acme's {form}")
        for method, form, owner, told in (row.values for row in ROWS)
        if owner == "acme" and told.member == 200 and method not in READING
    ],
)
def test_a_member_works_with_what_the_organization_has(square: Square, method: str, form: str, told: int) -> None:
    before = state_of(square)
    assert ask(square, method, f"data/{filled(form, parts_of('acme'))}", square.mia).status == told
    kept_for_ann = form.startswith(".algo")  # of which mia has none
    assert (state_of(square) == before) == kept_for_ann


@pytest.mark.parametrize(("method", "form", "owner", "told"), ROWS)
def test_what_is_hidden_looks_like_what_is_not_there(
    square: Square, method: str, form: str, owner: str, told: Told
) -> None:
    parts = parts_of(owner)
    for token in (square.ben, square.weak["ben", Scope.DATA]):
        hidden = ask(square, method, f"data/{filled(form, parts)}", token)
        for name, value in MISSING.items():
            if f"{{{name}}}" in form:
                others = {**parts, name: value}
                missing = ask(square, method, f"data/{filled(form, others)}", token)
                assert same(hidden, parts, missing, others), (name, hidden, missing)


@pytest.mark.parametrize(("method", "form", "owner", "told"), ROWS)
def test_what_is_public_is_read_by_everybody_and_changed_by_nobody_else(
    square: Square, method: str, form: str, owner: str, told: Told
) -> None:
    square.good("PATCH", f"/data/{owner}/album", json_body={"acl": {"read": ["user://*"]}})
    square.share(f"{owner}/song")
    before = state_of(square)
    answer = ask(square, method, f"data/{filled(form, parts_of(owner))}", square.ben)
    if not form.startswith(".algo/{owner}"):
        assert answer.status == (told.owner if told.owner >= 400 or method in READING else 403)
    else:  # everybody who may call has a place of its own there
        assert answer.status == told.member
    assert state_of(square) == before
    nobodys = ask(square, method, f"data/{filled(form, parts_of(owner))}", None)
    assert nobodys.status == 401


@pytest.mark.parametrize("method", METHODS_OF_DATA)
def test_other_connectors_are_there_for_nobody(square: Square, method: str) -> None:
    before = state_of(square)
    for path in ("connector/s3/bucket/f", "data/s3+lab://bucket/f", "connector/dropbox/f"):
        for token, status in ((None, 401), ("nonsense", 401), (square.ben, 501), (square.ann, 501)):
            assert ask(square, method, path, token).status == status
            if token is None:
                assert state_of(square) == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_list_of_collections_is_of_ones_own(square: Square, method: str) -> None:
    for token, status in (
        (None, 401),
        ("nonsense", 401),
        (square.weak["ann", Scope.DATA], 403),
        (square.reader["ann"], 403),
        (square.mia, 200),
        (square.ben, 200),
        (square.ann, 200),
    ):
        answer = square.call(method, "/hostedData", token=token)
        assert answer.status == status
        if method == "GET" and status == 200:
            names = [each["collection_name"] for each in answer.json["result"]]
            assert names == (["album"] if token == square.ann else [])


def test_a_listing_tells_everybody_of_what_is_theirs(square: Square) -> None:
    folders = {
        name: [each["name"] for each in square.call("GET", "/data/", token=token).json["folders"]]
        for name, token in (("ann", square.ann), ("mia", square.mia), ("ben", square.ben))
    }
    assert folders == {"ann": ["ann", "acme", "bare"], "mia": ["mia", "acme", "bare"], "ben": ["ben"]}
    assert square.call("GET", "/data/acme", token=square.mia).json == {"folders": [{"name": "album"}]}
    assert square.call("GET", "/data/.algo/acme/song/temp", token=square.mia).json == {}
    (kept,) = square.call("GET", "/data/.algo/acme/song/temp", token=square.ann).json["files"]
    assert kept["filename"] == "f"


@pytest.mark.parametrize("owner", ["ann", "acme"])
@pytest.mark.parametrize("spelling", ["{owner}/song", "{owner}/song/1.0.0", "{owner}/song/latestPrivate", "{id}"])
def test_a_private_algorithm_is_called_by_those_who_may(square: Square, owner: str, spelling: str) -> None:
    endpoint = next(each for each in square.endpoints.all() if each.full_name == f"{owner}/song")
    path = f"/algo/{spelling.format(owner=owner, id=endpoint.id)}"
    missing = f"/algo/{spelling.format(owner='nobody', id='0' * len(endpoint.id))}"
    text = {"body": b"x", "headers": {"content-type": "text/plain"}}
    weak, reader, weak_ben = square.weak["ann", Scope.CALL], square.reader["ann"], square.reader["ben"]
    before = state_of(square)
    for query in ("", "?output=void", "?output=raw", "?stdout=true"):
        for token, status in (
            (None, 401),
            ("", 401),
            ("nonsense", 401),
            (weak, 403),
            (reader, 403),
            (square.ben, 404),
            (weak_ben, 404),
        ):
            refused = square.call("POST", f"{path}{query}", token=token, **text)
            assert refused.status == status, (token, refused.body)
            unknown = square.call("POST", f"{missing}{query}", token=token, **text)
            if status != 403:
                assert refused.body.decode().replace(path[6:], missing[6:]) == unknown.body.decode()
                assert refused.status == unknown.status
    assert state_of(square) == before
    for token in (square.ann, *([square.mia] if owner == "acme" else [])):
        assert square.call("POST", path, token=token, **text).json["result"] == "x"


def test_insights_are_taken_at_the_door_of_a_worker_and_nowhere_else(square: Square) -> None:
    square.handler = gives(b"1")
    report = [{"insight_key": "risk", "insight_value": 1}]
    before = state_of(square)
    for token, status in ((None, 403), ("nonsense", 401), (square.ben, 403), (square.mia, 403), (square.ann, 403)):
        assert square.call("POST", "/insights", token=token, json_body=report).status == status
    for door in ("/w/w1.wrong", "/w/w2.secret", "/w/"):
        answer = square.at(door, "POST", "/insights", json_body=report)
        assert answer.status in (401, 403, 404), json.loads(answer.body)
    assert state_of(square) == before
