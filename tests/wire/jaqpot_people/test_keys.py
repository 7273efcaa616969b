"""Keys as pairs: made, listed, switched off and on, ended; and what is said of one that does not count."""

from __future__ import annotations

import pytest

from tests.wire.jaqpot_people.village import Village
from trivet.platform.core.keys import DAY, Token

KEYS = "/user/api-keys"


def make(village: Village, who: str = "stranger", time: str = "THREE_MONTHS", **fields: object) -> Token:
    made = village.said(who, "POST", KEYS, 201, json_body={"expirationTime": time, **fields})
    assert list(made) == ["clientKey", "clientSecret"]
    assert made["clientKey"].startswith("trv_")
    token = Token.parse(f"{made['clientKey']}_{made['clientSecret']}")
    assert token is not None
    village.tokens["made"] = token
    return token


def test_a_key_is_made_and_works_as_a_pair(village: Village) -> None:
    make(village, note="laptop")
    assert village.said("made", "GET", "/user/settings")["isAdmin"] is False
    assert village.asks("made", "GET", "/auth/validate").status == 200


def test_keys_are_listed_without_their_secrets(village: Village) -> None:
    token = make(village, "stranger", "SIX_MONTHS", note="laptop")
    answer = village.asks("stranger", "GET", KEYS)
    assert token.secret.encode() not in answer.body
    newest = answer.json[0]
    assert newest == {
        "clientKey": token.client_key,
        "note": "laptop",
        "createdAt": newest["createdAt"],
        "expiresAt": "1970-07-12T23:59:59.999Z",
        "enabled": True,
    }
    assert village.tokens["stranger"].client_key in [each["clientKey"] for each in answer.json]
    assert token.client_key.encode() not in village.asks("member", "GET", KEYS).body


def test_a_key_is_switched_off_and_on_again(village: Village) -> None:
    token = make(village, note="a")
    path = f"{KEYS}/{token.client_key}"
    changed = village.said("stranger", "PATCH", path, json_body={"enabled": False})
    assert changed == {"key": token.client_key, "note": "a", "enabled": False}
    assert village.said("made", "GET", "/auth/validate", 401).startswith("API key disabled.")
    assert [each["enabled"] for each in village.said("stranger", "GET", KEYS)] == [False, True, True]
    changed = village.said("stranger", "PATCH", path, json_body={"note": "b", "enabled": True})
    assert (changed["note"], changed["enabled"]) == ("b", True)
    assert village.asks("made", "GET", "/auth/validate").status == 200


def test_a_deleted_key_is_gone_from_the_list_and_does_not_count(village: Village) -> None:
    token = make(village)
    village.said("stranger", "DELETE", f"{KEYS}/{token.client_key}", 204)
    assert token.client_key not in [each["clientKey"] for each in village.said("stranger", "GET", KEYS)]
    assert "revoked" in village.said("made", "GET", "/auth/validate", 401)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"enabled": False}), ("DELETE", None)])
def test_anothers_key_is_not_ones_own_and_an_unknown_one_is_unknown(
    village: Village, method: str, body: dict[str, bool] | None
) -> None:
    token = make(village)
    assert "somebody else's" in village.said("member", method, f"{KEYS}/{token.client_key}", 403, json_body=body)
    assert "no key" in village.said("member", method, f"{KEYS}/trv_0123456789ab", 404, json_body=body)
    assert village.asks("made", "GET", "/auth/validate").status == 200
    village.asks("admin", method, f"{KEYS}/{token.client_key}", json_body=body)
    assert village.asks("made", "GET", "/auth/validate").status == 401


def test_a_key_works_until_the_end_of_its_last_day(village: Village) -> None:
    make(village)
    village.now = 102 * DAY - 2.0  # a request takes a second
    assert village.asks("made", "GET", "/auth/validate").status == 200
    assert village.said("made", "GET", "/auth/validate", 401).startswith("API key expired on 1970-04-12")


def test_an_expired_key_says_so_on_every_route_and_a_wrong_secret_says_nothing(village: Village) -> None:
    token = make(village)
    village.now += 200 * DAY
    for path in ("/user/settings", "/users/owner", "/models/search?query=x", "/datasets/1"):
        assert "expired" in village.said("made", "GET", path, 401)
    village.tokens["wrong"] = Token(token.key_id, "x" * 40)
    village.tokens["unknown"] = Token("0" * 12, "x" * 40)
    said = village.said("wrong", "GET", "/auth/validate", 401)
    assert said == village.said("unknown", "GET", "/auth/validate", 401)
    assert "expired" not in said


@pytest.mark.parametrize("body", [{}, {"expirationTime": "ONE_YEAR"}, {"expirationTime": "THREE_MONTHS", "note": 5}])
def test_a_key_that_can_not_be_made_is_refused_in_a_sentence(village: Village, body: dict[str, object]) -> None:
    assert village.said("stranger", "POST", KEYS, 400, json_body=body)


def test_nobody_without_a_key_comes_near_keys(village: Village) -> None:
    for method, path in (("GET", KEYS), ("POST", KEYS), ("PATCH", f"{KEYS}/x"), ("DELETE", f"{KEYS}/x")):
        assert "X-Api-Key" in village.said(None, method, path, 401)


def test_a_key_gives_no_more_than_it_has(village: Village) -> None:
    village.tokens["reader"] = village.token("stranger", "read")
    assert "deploy" in village.said("reader", "POST", KEYS, 403, json_body={"expirationTime": "SIX_MONTHS"})
    village.tokens["maker"] = village.token("stranger", "deploy")
    token = make(village, "maker")
    assert {str(scope) for scope in village.principal(token).scopes} == {"deploy"}
