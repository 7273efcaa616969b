"""Users: what everybody sees of them, what is theirs to set, and the lists of administrators."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.fakes import Answer
from tests.wire.jaqpot_people.village import PEOPLE, Village
from trivet.platform.core.pictures import MAX_PICTURE

PNG = b"\x89PNG\r\n\x1a\n\0\r\n\r\n--x\r\n" + b"\0" * 20
BOUNDARY = "----trivet-form"


def form(data: bytes, name: str = "file", boundary: str = BOUNDARY) -> dict[str, Any]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="other"\r\n\r\nnothing\r\n--{boundary}\r\n'
    head += f'Content-Disposition: form-data; name="{name}"; filename="a.gif"\r\nContent-Type: image/gif\r\n\r\n'
    return {
        "body": head.encode() + data + f"\r\n--{boundary}--\r\n".encode(),
        "headers": {"content-type": f'multipart/form-data; boundary="{boundary}"'},
    }


def picture(village: Village, url: str, **request: Any) -> Answer:
    return village.asks(None, "GET", url.removeprefix("http://trivet.test/jaqpot/v1"), **request)


def test_everybody_sees_a_persons_name_and_only_that_person_and_administrators_the_address(village: Village) -> None:
    village.run(village.accounts.change(village.admin, "owner", email="o@lab.example"))
    account = village.principal(village.tokens["owner"])
    seen = village.said("owner", "GET", "/users/Owner")
    assert seen == {
        "id": account.account_id,
        "username": "owner",
        "email": "o@lab.example",
        "emailVerified": True,
        "avatarUrl": None,
        "canEdit": True,
        "createdAt": seen["createdAt"],
    }
    assert village.said("admin", "GET", "/users/owner") == seen
    for who in ("stranger", None):
        found = village.said(who, "GET", "/users/owner")
        assert found == {
            "id": account.account_id,
            "username": "owner",
            "avatarUrl": None,
            "canEdit": False,
            "createdAt": seen["createdAt"],
        }


def test_an_unknown_and_a_disabled_person_look_the_same(village: Village) -> None:
    village.run(village.accounts.change(village.admin, "owner", disabled=True))
    assert village.said(None, "GET", "/users/owner", 404) == village.said(None, "GET", "/users/none", 404).replace(
        "none", "owner"
    )


def test_settings_are_kept_and_what_is_not_ones_own_to_set_is_not(village: Village) -> None:
    first = village.said("owner", "GET", "/user/settings")
    assert first == {
        "darkMode": False,
        "collapseSidebar": False,
        "avatarUrl": None,
        "isAdmin": False,
        "isUpciUser": False,
    }
    sent = {"darkMode": True, "isAdmin": True, "isUpciUser": True, "avatarUrl": "http://evil.example"}
    assert village.said("owner", "POST", "/user/settings", json_body=sent) == {**first, "darkMode": True}
    village.said("owner", "POST", "/user/settings", json_body={"collapseSidebar": True, "darkMode": None})
    assert village.said("owner", "GET", "/user/settings") == {**first, "darkMode": True, "collapseSidebar": True}
    assert village.said("member", "GET", "/user/settings") == first
    assert village.said("admin", "GET", "/user/settings")["isAdmin"] is True
    village.said("owner", "POST", "/user/settings", 400, json_body={"darkMode": "yes"})


def test_a_picture_is_sent_shown_to_everybody_and_taken_away(village: Village) -> None:
    url = village.said("owner", "POST", "/user/avatar", **form(PNG))["avatarUrl"]
    assert url == village.said("owner", "GET", "/user/settings")["avatarUrl"]
    assert url == village.said(None, "GET", "/users/owner")["avatarUrl"]
    answer = picture(village, url)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, PNG, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert village.said("owner", "POST", "/user/avatar", **form(PNG + b"2"))["avatarUrl"] != url
    village.said("owner", "DELETE", "/user/avatar", 204)
    assert picture(village, url).status == 404
    assert "no picture" in village.said("owner", "DELETE", "/user/avatar", 404)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (form(b"<svg onload=alert(1)>"), 400),
        (form(PNG, name="picture"), 400),
        (form(PNG.ljust(MAX_PICTURE + 1)), 413),
        (form(PNG.ljust(MAX_PICTURE + (1 << 17))), 413),
        ({"body": PNG, "headers": {"content-type": "image/png"}}, 400),
        ({"body": b"", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"body": b"--x\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
        (
            {
                "body": b"--y\r\nContent-Disposition: form-data; name=file\r\n\r\n" + PNG,
                "headers": {"content-type": "multipart/form-data; boundary=y"},
            },
            400,
        ),
    ],
    ids=["svg", "name", "large", "larger", "bare", "empty", "broken", "endless"],
)
def test_what_is_no_picture_is_refused_in_a_sentence(village: Village, request_: dict[str, Any], status: int) -> None:
    assert village.said("owner", "POST", "/user/avatar", status, **request_)
    assert village.said("owner", "GET", "/user/settings")["avatarUrl"] is None


def test_a_picture_of_a_mebibyte_is_kept(village: Village) -> None:
    url = village.said("owner", "POST", "/user/avatar", **form(PNG.ljust(MAX_PICTURE)))["avatarUrl"]
    assert len(picture(village, url).body) == MAX_PICTURE


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/user/settings"),
        ("POST", "/user/settings"),
        ("POST", "/user/avatar"),
        ("DELETE", "/user/avatar"),
        ("GET", "/user/organizations"),
        ("GET", "/user/invitations"),
        ("GET", "/organizations"),
        ("POST", "/organizations"),
        ("GET", "/auth/validate"),
        ("POST", "/leads"),
        ("GET", "/leads"),
        ("GET", "/leads/1"),
        ("GET", "/admin/users"),
        ("GET", "/admin/models"),
    ],
)
def test_who_has_shown_no_key_is_told_how_to(village: Village, method: str, path: str) -> None:
    assert "X-Api-Key" in village.said(None, method, path, 401)


def test_a_sound_key_is_told_so_without_a_body(village: Village) -> None:
    answer = village.asks("member", "GET", "/auth/validate")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(("method", "path"), [("POST", "/leads"), ("GET", "/leads"), ("GET", "/leads/1")])
def test_requests_for_access_are_not_taken_here(village: Village, method: str, path: str) -> None:
    assert "Ask whoever runs it" in village.said("member", method, path, 501)


def test_administrators_page_through_everybody(village: Village) -> None:
    found = village.said("admin", "GET", "/admin/users?page=1&size=3&sort=username%7Casc")
    everybody = sorted(["admin", "ann", "ben", *PEOPLE])
    assert [each["username"] for each in found.pop("content")] == everybody[3:6]
    assert found == {
        "totalElements": 7,
        "totalPages": 3,
        "size": 3,
        "number": 1,
        "numberOfElements": 3,
        "first": False,
        "last": False,
        "empty": False,
    }
    last = village.said("admin", "GET", "/admin/users?page=2&size=3&sort=username%7Cdesc")
    assert ([each["username"] for each in last["content"]], last["last"]) == (["admin"], True)
    assert village.said("admin", "GET", "/admin/users?page=9")["empty"] is True


def test_administrators_page_through_all_models_be_they_private_or_not(village: Village) -> None:
    first, second = village.model("ann/one"), village.model("ann/two")
    found = village.said("admin", "GET", "/admin/models?sort=id%7Cdesc")
    assert [each["id"] for each in found["content"]] == [second.model_id, first.model_id]
    assert (found["totalElements"], found["totalPages"], found["number"]) == (2, 1, 0)


@pytest.mark.parametrize("path", ["/admin/users", "/admin/models"])
def test_others_are_no_administrators(village: Village, path: str) -> None:
    assert "administrator" in village.said("owner", "GET", path, 403)
    village.tokens["reader"] = village.token("admin", "read")
    village.said("reader", "GET", path, 403)


def test_other_methods_are_refused_with_those_that_there_are(village: Village) -> None:
    answer = village.asks("owner", "PUT", "/user/settings", json_body={})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
