"""What is the same on every route: credentials, paths, methods, the shape of errors."""

from __future__ import annotations

import pytest

from tests.wire.jaqpot.world import JaqpotWorld, refusal


def test_one_key_works_in_every_way(world: JaqpotWorld) -> None:
    token = world.ann
    for headers in (
        {"X-Api-Key": token.client_key, "X-Api-Secret": token.secret},
        {"X-Api-Key": token.key_id, "X-Api-Secret": token.secret},
        {"X-Api-Key": str(token)},
        {"X-Api-Key": str(token), "X-Api-Secret": ""},
        {"X-Api-Key": "anything", "X-Api-Secret": str(token)},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Simple {token}"},
    ):
        assert world.call("GET", "/user/models", token=None, headers=headers).status == 200, headers


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": "jq_unknown", "X-Api-Secret": "x" * 50},
        {"X-Api-Key": "trv_0123456789ab", "X-Api-Secret": "wrong"},
        {"X-Api-Key": "é", "X-Api-Secret": "ü"},
        {"X-Api-Key": "k" * 5000, "X-Api-Secret": "s" * 5000},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer"},
        {"Authorization": "Digest abc"},
    ],
)
def test_credentials_that_do_not_count_are_refused_even_where_none_are_needed(
    world: JaqpotWorld, headers: dict[str, str]
) -> None:
    for path in ("/user/models", "/models/search?query=", "/models/7"):
        answer = world.call("GET", path, token=None, headers=headers)
        assert refusal(answer, 401)
        assert answer.headers["www-authenticate"]


def test_a_key_with_a_wrong_secret_tells_nothing(world: JaqpotWorld) -> None:
    wrong = {"X-Api-Key": world.ann.client_key, "X-Api-Secret": world.ben.secret}
    unknown = {"X-Api-Key": "trv_0123456789ab", "X-Api-Secret": world.ben.secret}
    assert (
        world.call("GET", "/user/models", token=None, headers=wrong).body
        == world.call("GET", "/user/models", token=None, headers=unknown).body
    )


@pytest.mark.parametrize("header", ["X-Api-Key", "X-Api-Secret"])
def test_half_a_pair_counts_as_none_and_says_what_is_missing(world: JaqpotWorld, header: str) -> None:
    half = world.ann.client_key if header == "X-Api-Key" else world.ann.secret
    message = refusal(world.call("GET", "/user/models", token=None, headers={header: half}), 401)
    assert "Only one of" in message
    assert world.call("GET", "/models/search?query=", token=None, headers={header: half}).status == 200
    assert "trivet env jaqpot" in refusal(world.call("GET", "/user/models", token=None), 401)


def test_an_expired_key_says_so(world: JaqpotWorld) -> None:
    world.now += 200 * 86_400
    assert "expired on" in refusal(world.call("GET", "/user/models"), 401)


@pytest.mark.parametrize("path", ["//models/search", "/models//search", "///models/search/"])
def test_slashes_count_once_and_nothing_redirects(world: JaqpotWorld, path: str) -> None:
    assert world.call("GET", f"{path}?query=").status == 200


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/models/1/2/3/4", "/models/%ff", "/user"])
def test_where_nothing_is_a_json_answer_says_so(world: JaqpotWorld, path: str) -> None:
    refusal(world.call("GET", path), 400 if "%ff" in path else 404)


def test_methods_are_told(world: JaqpotWorld) -> None:
    number = world.model().model_id
    answer = world.call("PUT", f"/models/{number}")
    assert "DELETE, GET, HEAD, OPTIONS" in refusal(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    told = world.call("OPTIONS", f"/models/{number}", token=None)
    assert (told.status, told.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")
    head = world.call("HEAD", f"/models/{number}")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 100
    assert refusal(world.call("POST", "/models/search"), 405)


def test_what_nobody_foresaw_is_told_under_a_number(world: JaqpotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside of the platform")

    endpoint = world.model()
    monkeypatch.setattr(world.numbered, "run", broken)
    message = refusal(world.predict(endpoint, [{"X1": 1, "Cat": "A"}]), 500)
    assert "incident" in message
    assert "inside" not in message


def test_a_key_of_jaqpot_s_own_site_is_known_as_one(world: JaqpotWorld) -> None:
    headers = {"X-Api-Key": "jq_" + "a" * 24, "X-Api-Secret": "x" * 50}
    message = refusal(world.call("GET", "/user/models", token=None, headers=headers), 401)
    assert "trv_" in message
    assert "trivet env jaqpot" in message


def test_no_get_is_told_to_sleep(world: JaqpotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jaqpot's client does as it is told, and tells nobody."""
    from trivet.platform.core.errors import RateLimited

    async def over(*_: object, **__: object) -> None:
        raise RateLimited("Too often.", retry_after=60.0)

    endpoint = world.model()
    monkeypatch.setattr(world.numbered, "get", over)
    monkeypatch.setattr(world.numbered, "run", over)
    answer = world.call("GET", "/datasets/1")
    assert refusal(answer, 429)
    assert "retry-after" not in answer.headers
    assert world.predict(endpoint, [{"X1": 1, "Cat": "A"}]).headers["retry-after"] == "60"


def test_an_address_in_a_query_that_can_not_be_read_is_refused(world: JaqpotWorld) -> None:
    assert refusal(world.call("GET", "/models/search?query=%FF"), 400)
    assert refusal(world.call("GET", f"/models/search?query={'x' * 5000}"), 400)
