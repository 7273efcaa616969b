from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import KEY, Server
from trivet.sdk._config import Profile, read_profile, write_profile

ENDPOINT: dict[str, Any] = {
    "id": "ep1",
    "name": "admin/hello",
    "model_id": None,
    "visibility": "private",
    "shared_with": [],
    "version": "1.0.0",
    "versions": 2,
    "scaling": {"min": 0, "max": 3, "idle_timeout": 60, "policy": "queue_delay", "target": 4},
    "settings": {"timeout": 60},
    "input_schema": {"type": "string"},
    "output_schema": {},
    "description": "Greets.",
    "kind": "sync",
    "workers": {"idle": 1, "running": 1},
    "queued": 0,
}
NEW_KEY = {"id": "0123456789ab", "key": "trv_0123456789ab_new", "label": "ci", "expires_at": "2027-05-22T00:00:00.000Z"}


def sent(server: Server) -> Any:
    return json.loads(server.seen[-1].body)


def test_endpoints_are_listed(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/endpoints", lambda it: it.json({"items": [ENDPOINT], "next": None}))
    row = trivet("endpoints", "ls").stdout.splitlines()[1]
    assert row.startswith("admin/hello  ep1  1.0.0")
    assert "2 of 3" in row
    assert json.loads(trivet("endpoints", "ls", "--json").stdout)[0]["scaling"]["max"] == 3


def test_an_endpoint_is_shown_with_its_health(trivet: Trivet, logged_in: Server) -> None:
    health = {"endpoint": "admin/hello", "jobs": {"succeeded": 5}, "workers": {"idle": 2}, "oldest_queued_ms": 1500}
    logged_in.on("GET", "/endpoints/admin/hello", lambda it: it.json(ENDPOINT))
    logged_in.on("GET", "/endpoints/admin/hello/health", lambda it: it.json(health))
    shown = trivet("endpoints", "show", "admin/hello").stdout
    for part in ("5 succeeded", "2 idle", "0 to 3 workers, by queue_delay 4", '{"type":"string"}'):
        assert part in shown
    assert json.loads(trivet("endpoints", "show", "admin/hello", "--json").stdout)["health"]["jobs"] == {"succeeded": 5}


def test_scaling_sends_only_what_is_given(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("PATCH", "/endpoints/admin/hello", lambda it: it.json(ENDPOINT))
    result = trivet("endpoints", "scale", "admin/hello", "--workers", "0,3", "--idle-timeout", "60")
    assert result.exit_code == 0
    assert sent(logged_in) == {"workers": [0, 3], "idle_timeout": 60}
    assert trivet("endpoints", "scale", "admin/hello").exit_code == 2


def test_a_rollback_says_which_version_serves(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/endpoints/admin/hello/rollback", lambda it: it.json({**ENDPOINT, "version": "0.9.0"}))
    assert trivet("endpoints", "rollback", "admin/hello").stdout == "admin/hello 0.9.0 serves now.\n"
    assert sent(logged_in) == {"to": None}
    trivet("endpoints", "rollback", "admin/hello", "--to", "0.9.0")
    assert sent(logged_in) == {"to": "0.9.0"}


def test_deleting_asks_nobody_where_nobody_sits(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("DELETE", "/endpoints/admin/hello", lambda it: it.answer(204))
    result = trivet("endpoints", "delete", "admin/hello")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "admin/hello was deleted.\n")


def test_purging_says_how_many_there_were(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/endpoints/admin/hello/purge", lambda it: it.json({"cancelled": 3}))
    assert trivet("endpoints", "purge", "admin/hello").stdout == "3 waiting jobs were cancelled.\n"


def test_versions_and_their_build_logs_are_shown(trivet: Trivet, logged_in: Server) -> None:
    version = {"id": "v1", "version": "1.0.0", "state": "ready", "hash": "abc", "requirements": ["numpy"]}
    logged_in.on("GET", "/endpoints/admin/hello/versions", lambda it: it.json({"items": [version], "next": None}))
    logged_in.on("GET", "/endpoints/admin/hello/versions/latest/log", lambda it: it.answer(200, b"built\n"))
    assert "1.0.0" in trivet("endpoints", "versions", "admin/hello").stdout
    assert trivet("endpoints", "log", "admin/hello").stdout == "built\n"
    logged_in.on("GET", "/endpoints/admin/hello/versions/latest/log", lambda it: it.answer(200))
    silent = trivet("endpoints", "log", "admin/hello")
    assert (silent.stdout, "wrote nothing" in silent.stderr) == ("", True)


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (("--with", "a", "--with", "b"), {"visibility": "shared", "shared_with": ["a", "b"]}),
        (("--public",), {"visibility": "public", "shared_with": []}),
        (("--private",), {"visibility": "private", "shared_with": []}),
    ],
)
def test_sharing_replaces_what_was_said_before(
    trivet: Trivet, logged_in: Server, options: tuple[str, ...], change: dict[str, Any]
) -> None:
    logged_in.on("PATCH", "/endpoints/admin/hello", lambda it: it.json({**ENDPOINT, **change}))
    assert trivet("endpoints", "share", "admin/hello", *options).exit_code == 0
    assert sent(logged_in) == change


def test_sharing_takes_one_answer_alone(trivet: Trivet) -> None:
    assert trivet("endpoints", "share", "admin/hello").exit_code == 2
    assert trivet("endpoints", "share", "admin/hello", "--public", "--private").exit_code == 2


def test_a_new_key_stands_alone_on_stdout(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/keys", lambda it: it.json(NEW_KEY, 201))
    result = trivet("keys", "create", "--label", "ci", "--scopes", "call, read", "--expires", "30", "--account", "ada")
    assert (result.exit_code, result.stdout) == (0, "trv_0123456789ab_new\n")
    assert sent(logged_in) == {"label": "ci", "scopes": ["call", "read"], "expires_days": 30, "account": "ada"}


def test_a_new_key_as_json_has_exactly_three_fields(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/keys", lambda it: it.json(NEW_KEY, 201))
    assert json.loads(trivet("keys", "create", "--json").stdout) == {
        "id": "0123456789ab",
        "key": "trv_0123456789ab_new",
        "expires_at": "2027-05-22T00:00:00.000Z",
    }


def test_a_key_without_an_end_is_made_on_request_only(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/keys", lambda it: it.json({**NEW_KEY, "expires_at": None}, 201))
    trivet("keys", "create", "--expires", "never")
    assert (sent(logged_in)["expires_days"], sent(logged_in)["never_expires"]) == (0, True)
    assert trivet("keys", "create", "--expires", "0").exit_code == 2
    assert trivet("keys", "create", "--expires", "soon").exit_code == 2


def test_rotating_the_profiles_own_key_renews_the_profile(trivet: Trivet, server: Server, profile: Path) -> None:
    write_profile(Profile(server.url, KEY), profile)
    server.on("POST", "/keys/0123456789ab/rotate", lambda it: it.json(NEW_KEY))
    result = trivet("keys", "rotate", "0123456789ab", "--overlap", "1")
    assert (result.exit_code, result.stdout) == (0, "trv_0123456789ab_new\n")
    assert read_profile(profile) == Profile(server.url, "trv_0123456789ab_new")
    assert sent(server) == {"overlap_hours": 1}


def test_rotating_another_key_leaves_the_profile(trivet: Trivet, server: Server, profile: Path) -> None:
    write_profile(Profile(server.url, KEY), profile)
    server.on("POST", "/keys/other/rotate", lambda it: it.json({**NEW_KEY, "id": "other", "key": "trv_other_new"}))
    trivet("keys", "rotate", "other")
    assert read_profile(profile).api_key == KEY


def test_keys_are_listed_and_revoked(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/keys", lambda it: it.json({"items": [{"id": "k1", "label": "ci"}], "next": None}))
    logged_in.on("DELETE", "/keys/k1", lambda it: it.answer(204))
    assert trivet("keys", "ls").stdout.splitlines()[1].split()[:3] == ["k1", "active", "ci"]
    assert trivet("keys", "revoke", "k1").stderr == "k1 was revoked.\n"


def test_keys_are_disabled_and_enabled(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("PATCH", "/keys/k1", lambda it: it.json({"id": "k1", "state": "disabled"}))
    assert trivet("keys", "disable", "k1").stderr == "k1 is disabled.\n"
    assert sent(logged_in) == {"disabled": True}
    assert trivet("keys", "enable", "k1").stderr == "k1 is enabled.\n"
    assert sent(logged_in) == {"disabled": False}


def test_accounts_have_e_mail_addresses(trivet: Trivet, logged_in: Server) -> None:
    ada = {"name": "ada", "email": "ada@lab.example"}
    logged_in.on("POST", "/accounts", lambda it: it.json(ada, 201))
    logged_in.on("PATCH", "/accounts/ada", lambda it: it.json(ada))
    logged_in.on("GET", "/accounts/ada", lambda it: it.json(ada))
    assert trivet("accounts", "create", "ada", "--email", "ada@lab.example").exit_code == 0
    assert sent(logged_in) == {"name": "ada", "email": "ada@lab.example"}
    assert "ada@lab.example" in trivet("accounts", "show", "ada").stdout
    assert trivet("accounts", "email", "ada", "a@b.example").exit_code == 0
    assert sent(logged_in) == {"email": "a@b.example"}
    assert trivet("accounts", "email", "ada", "none").exit_code == 0
    assert sent(logged_in) == {"email": ""}


def test_a_public_organization_is_made(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/orgs", lambda it: it.json({"name": "acme", "public": True, "number": 3}, 201))
    assert trivet("orgs", "create", "acme", "--public").exit_code == 0
    assert sent(logged_in) == {"name": "acme", "public": True}


def test_a_key_is_made_with_limits(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/keys", lambda it: it.json(NEW_KEY, 201))
    assert trivet("keys", "create", "--rate", "100/min", "--concurrent", "10").exit_code == 0
    assert sent(logged_in) == {"label": "", "rate": "100/min", "concurrent": 10}
    assert trivet("keys", "create", "--concurrent", "none").exit_code == 2


@pytest.mark.parametrize(
    ("path", "command"), [("/keys/k1", ("keys", "limit", "k1")), ("/accounts/ada", ("accounts", "limit", "ada"))]
)
def test_limits_are_set_and_taken_away_field_by_field(
    trivet: Trivet, logged_in: Server, path: str, command: tuple[str, ...]
) -> None:
    name = command[-1]
    kept = {"id": name, "name": name, "rate": "100/min", "concurrent": 1}
    logged_in.on("PATCH", path, lambda it: it.json(kept))
    assert trivet(*command, "--rate", "100/min", "--concurrent", "0").stderr == f"{name}: 100/min, 1 open job.\n"
    assert sent(logged_in) == {"rate": "100/min", "concurrent": 0}
    assert json.loads(trivet(*command, "--rate", "none", "--json").stdout)["concurrent"] == 1
    assert sent(logged_in) == {"rate": None}
    kept |= {"rate": None, "concurrent": None}
    assert "no limits of its own" in trivet(*command, "--concurrent", "none").stderr
    assert sent(logged_in) == {"concurrent": None}


@pytest.mark.parametrize("given", [(), ("--concurrent", "-1"), ("--concurrent", "many"), ("--concurrent", "1.5")])
def test_a_limit_that_says_nothing_is_refused_before_anything_is_sent(
    trivet: Trivet, logged_in: Server, given: tuple[str, ...]
) -> None:
    assert trivet("keys", "limit", "k1", *given).exit_code == 2
    assert trivet("accounts", "limit", "ada", *given).exit_code == 2
    assert logged_in.seen == []


def test_listings_show_the_limits(trivet: Trivet, logged_in: Server) -> None:
    row = {"id": "k1", "name": "ada", "rate": "5/s", "concurrent": 0}
    for path in ("/keys", "/accounts"):
        logged_in.on("GET", path, lambda it: it.json({"items": [row], "next": None}))
    for noun in ("keys", "accounts"):
        title, first = (line.split() for line in trivet(noun, "ls").stdout.splitlines())
        assert {"RATE", "CONCURRENT"} <= set(title)
        assert {"5/s", "0"} <= set(first)
        listed = json.loads(trivet(noun, "ls", "--json").stdout)[0]
        assert (listed["rate"], listed["concurrent"]) == ("5/s", 0)
    logged_in.on("GET", "/accounts/ada", lambda it: it.json(row))
    assert "5/s, 0 open jobs" in trivet("accounts", "show", "ada").stdout


def test_accounts_are_made_listed_shown_disabled_and_deleted(trivet: Trivet, logged_in: Server) -> None:
    ada = {"name": "ada", "id": "a1", "administrator": False, "disabled": False}
    logged_in.on("POST", "/accounts", lambda it: it.json(ada, 201))
    logged_in.on("GET", "/accounts/ada", lambda it: it.json(ada))
    logged_in.on("PATCH", "/accounts/ada", lambda it: it.json(ada))
    logged_in.on("DELETE", "/accounts/ada", lambda it: it.answer(204))
    assert "trivet keys create --account ada" in trivet("accounts", "create", "ada").stdout
    assert "ada" in trivet("accounts", "show", "ada").stdout
    assert trivet("accounts", "disable", "ada").exit_code == 0
    assert sent(logged_in) == {"disabled": True}
    assert trivet("accounts", "enable", "ada").exit_code == 0
    assert sent(logged_in) == {"disabled": False}
    assert trivet("accounts", "delete", "ada").exit_code == 0


def test_organizations_have_members(trivet: Trivet, logged_in: Server) -> None:
    acme = {"name": "acme", "role": "owner", "members": [{"account": "ada", "role": "admin"}]}
    logged_in.on("GET", "/orgs", lambda it: it.json({"items": [{"name": "acme"}], "next": None}))
    logged_in.on("POST", "/orgs", lambda it: it.json({"name": "acme"}, 201))
    logged_in.on("GET", "/orgs/acme", lambda it: it.json(acme))
    logged_in.on("PUT", "/orgs/acme/members/ada", lambda it: it.json(acme))
    logged_in.on("DELETE", "/orgs/acme/members/ada", lambda it: it.answer(204))
    logged_in.on("DELETE", "/orgs/acme", lambda it: it.answer(204))
    assert trivet("orgs", "create", "acme").exit_code == 0
    assert json.loads(trivet("orgs", "ls", "--json").stdout)[0]["name"] == "acme"
    assert trivet("orgs", "add", "acme", "ada", "--role", "admin").exit_code == 0
    assert sent(logged_in) == {"role": "admin"}
    assert "ada (admin)" in trivet("orgs", "show", "acme").stdout
    assert trivet("orgs", "remove", "acme", "ada").exit_code == 0
    assert trivet("orgs", "delete", "acme").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "typed", "value"),
    [
        (("plain",), None, "plain"),
        (("-",), "from stdin\n", "from stdin"),
        ((), "piped\r\n", "piped"),
        (("",), None, ""),
    ],
)
def test_a_secret_comes_from_where_it_is_said_to(
    trivet: Trivet, logged_in: Server, arguments: tuple[str, ...], typed: str | None, value: str
) -> None:
    logged_in.on("PUT", "/secrets/TOKEN", lambda it: it.answer(204))
    result = trivet("secrets", "set", "TOKEN", *arguments, input=typed)
    assert (result.exit_code, result.stdout) == (0, "")
    assert sent(logged_in) == {"value": value}
    assert not value or value not in result.stderr


def test_a_secret_may_come_from_a_file(trivet: Trivet, logged_in: Server, tmp_path: Path) -> None:
    logged_in.on("PUT", "/secrets/TOKEN", lambda it: it.answer(204))
    (tmp_path / "value").write_text("two\nlines\n")
    trivet("secrets", "set", "TOKEN", f"@{tmp_path / 'value'}")
    assert sent(logged_in) == {"value": "two\nlines"}
    assert trivet("secrets", "set", "TOKEN", f"@{tmp_path / 'none'}").exit_code == 2


def test_secrets_are_listed_by_name_and_deleted(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/secrets", lambda it: it.json({"items": [{"name": "TOKEN"}], "next": None}))
    logged_in.on("DELETE", "/secrets/TOKEN", lambda it: it.answer(204))
    assert json.loads(trivet("secrets", "ls", "--json").stdout)[0]["name"] == "TOKEN"
    assert trivet("secrets", "delete", "TOKEN").exit_code == 0
