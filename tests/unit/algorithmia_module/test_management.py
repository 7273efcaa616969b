"""What an algorithm's owner and an administrator do."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.algorithmia_module.conftest import Serve
from tests.unit.algorithmia_module.fakes import answer, file, refusal
from trivet.algorithmia.client import Client
from trivet.algorithmia.errors import AlgorithmException, AnswerError, ApiError, InputError
from trivet.sdk._http import Response

ALGORITHM = {"id": "a1", "name": "Hello", "version_info": {"git_hash": "9f2c"}, "results": []}
TYPES = answer([{"id": "t1", "name": "basic"}])
PLACE = "/v1/algorithms/demo/Hello"

CALLS: list[tuple[Callable[[Client], Any], str, str]] = [
    (lambda c: c.algo("demo/Hello").get_builds(), "GET", f"{PLACE}/builds?limit=56"),
    (lambda c: c.algo("demo/Hello").get_builds(3, "m"), "GET", f"{PLACE}/builds?limit=3&marker=m"),
    (lambda c: c.algo("demo/Hello").builds(limit=3), "GET", f"{PLACE}/builds?limit=3"),
    (lambda c: c.algo("demo/Hello").build_logs(), "GET", f"{PLACE}/builds"),
    (lambda c: c.algo("demo/Hello").get_build("b"), "GET", f"{PLACE}/builds/b"),
    (lambda c: c.algo("demo/Hello").get_build_logs("b"), "GET", f"{PLACE}/builds/b/logs"),
    (lambda c: c.algo("demo/Hello").get_scm_status(), "GET", f"{PLACE}/scm/status"),
    (lambda c: c.algo("demo/Hello").info(), "GET", f"{PLACE}/versions"),
    (lambda c: c.algo("demo/Hello").info("9f2c"), "GET", f"{PLACE}/versions/9f2c"),
    (lambda c: c.algo("demo/Hello").versions(), "GET", f"{PLACE}/versions"),
    (
        lambda c: c.algo("demo/Hello").versions(2, "m", published=True, callable="private"),
        "GET",
        f"{PLACE}/versions?limit=2&marker=m&published=true&callable=private",
    ),
    (lambda c: c.algo("demo/Hello").compile(), "POST", f"{PLACE}/compile"),
    (lambda c: c.algo("demo/Hello").publish(), "POST", f"{PLACE}/versions"),
    (lambda c: c.algo("demo/Hello").create({}, {}), "POST", "/v1/algorithms/demo"),
    (lambda c: c.algo("demo/Hello").update({"label": "x"}), "PUT", PLACE),
    (lambda c: c.scms(), "GET", "/v1/scms"),
    (lambda c: c.create_user({"username": "u"}), "POST", "/v1/users"),
    (lambda c: c.get_org("o"), "GET", "/v1/organizations/o"),
    (lambda c: c.get_org_types(), "GET", "/v1/organization/types"),
    (lambda c: c.invite_to_org("o", "u"), "PUT", "/v1/organizations/o/members/u"),
    (lambda c: c.get_supported_languages(), "GET", "/v1/algorithm-environments/edge/languages"),
    (lambda c: c.get_environment("python3"), "GET", "/v1/algorithm-environments/edge/languages/python3/environments"),
    (lambda c: c.get_secret_providers(), "GET", "/v1/secret-provider"),
    (lambda c: c.get_organization_errors("o"), "GET", "/v1/organizations/o/errors"),
    (lambda c: c.get_user_errors("u"), "GET", "/v1/users/u/errors"),
    (lambda c: c.get_algorithm_errors("a1"), "GET", "/v1/algorithms/a1/errors"),
]


@pytest.mark.parametrize(("call", "method", "path"), CALLS, ids=[f"{method} {path}" for _, method, path in CALLS])
def test_each_call_asks_at_its_place(serve: Serve, call: Callable[[Client], Any], method: str, path: str) -> None:
    client, server = serve(answer(ALGORITHM))
    assert call(client) == ALGORITHM
    assert (server.asked.method, server.asked.path) == (method, path)


@pytest.mark.parametrize(("call", "method", "path"), CALLS, ids=[f"{method} {path}" for _, method, path in CALLS])
def test_each_call_says_why_it_is_refused(
    serve: Serve, call: Callable[[Client], Any], method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = serve(refusal("told why", 403))
    with caplog.at_level(logging.WARNING, "trivet.algorithmia"):
        try:
            found = call(client)
        except AlgorithmException as error:
            assert (error.message, error.status) == ("told why", 403)  # noqa: PT017 - either way is the original's
        else:  # programs look for `error` in what these give
            assert found["error"]["message"] == "told why"
            assert "told why" in caplog.text


@pytest.mark.parametrize(("call", "method", "path"), CALLS, ids=[f"{method} {path}" for _, method, path in CALLS])
def test_each_call_takes_a_page_for_no_answer(
    serve: Serve, call: Callable[[Client], Any], method: str, path: str
) -> None:
    with pytest.raises(AnswerError):
        call(serve(Response(200, {"content-type": "text/html"}, b"<html>Welcome"))[0])


def test_an_answer_is_read_in_the_manner_of_either_generation(serve: Serve) -> None:
    found = serve(answer(ALGORITHM))[0].algo("demo/Hello").info()
    assert found["version_info"]["git_hash"] == found.version_info.git_hash == "9f2c"
    assert type(found.to_dict()["version_info"]) is dict
    with pytest.raises(AttributeError, match="version_info"):
        _ = found.build


def test_an_algorithm_is_made_of_what_is_given(serve: Serve) -> None:
    client, server = serve(answer(ALGORITHM))
    client.algo("demo/Hello").create({"label": "x"}, {"license": "apl"}, source={"scm": "internal"})
    assert json.loads(server.asked.body or b"") == {
        "name": "Hello",
        "details": {"label": "x"},
        "settings": {"license": "apl"},
        "source": {"scm": "internal"},
    }


def test_an_update_sends_what_changes_as_json(serve: Serve) -> None:
    client, server = serve(answer(ALGORITHM))
    client.algo("demo/Hello").update(settings={"license": "apl"})
    assert server.asked.body == b'{"settings": {"license": "apl"}}'
    assert server.asked.headers == (("Content-Type", "application/json"),)


def test_a_version_is_published_with_all_parts(serve: Serve) -> None:
    client, server = serve(answer(ALGORITHM))
    client.algo("demo/Hello").publish(version_info={"version_type": "minor"})
    sent = json.loads(server.asked.body or b"")
    empty: dict[str, Any] = {"details": {}, "settings": {}, "source": {}, "scmsCredentials": {}}
    assert sent == {**empty, "version_info": {"version_type": "minor"}}


def test_a_build_is_waited_for(serve: Serve) -> None:
    client, server = serve(answer(ALGORITHM))
    client.algo("demo/Hello").compile()
    assert server.timeouts[0] >= 1800


@pytest.mark.parametrize(
    ("found", "there"),
    [
        (answer(ALGORITHM), True),
        (refusal("No such algorithm", 404), False),
        (answer({"error": {"message": "No such algorithm"}}), False),
    ],
)
def test_an_algorithm_is_there_or_not(serve: Serve, found: Response, there: bool) -> None:
    assert serve(found)[0].algo("demo/Hello").exists() is there


def test_an_algorithm_of_somebody_else_is_neither(serve: Serve) -> None:
    with pytest.raises(ApiError, match="unable to check exists on algorithms you don't own"):
        serve(refusal("no", 403))[0].algo("demo/Hello").exists()
    with pytest.raises(AlgorithmException):
        serve(refusal("no", 500))[0].algo("demo/Hello").exists()


def test_a_secret_is_kept_and_never_printed(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    client, server = serve(answer(ALGORITHM), answer([{"id": "p1"}]), answer({"id": "s1"}))
    assert client.algo("demo/Hello").set_secret("db", "PASSWORD", "hunter2").id == "s1"
    assert json.loads(server.bodies[2]) == {
        "owner_type": "algorithm",
        "owner_id": "a1",
        "short_name": "db",
        "provider_id": "p1",
        "secret_key": "PASSWORD",
        "secret_value": "hunter2",
        "description": " ",
    }
    assert server.seen[2].path == "/v1/algorithms/a1/secrets"
    assert capsys.readouterr().out == ""
    assert "hunter2" not in repr(server.seen[2])


def test_secrets_are_listed_by_the_algorithm_s_id(serve: Serve) -> None:
    client, server = serve(answer(ALGORITHM), answer({"secrets": []}))
    assert client.algo("demo/Hello").get_secrets() == {"secrets": []}
    assert server.seen[1].path == "/v1/algorithms/a1/secrets"


def test_an_algorithm_without_an_id_is_no_answer(serve: Serve) -> None:
    with pytest.raises(AnswerError, match="field 'id' not found"):
        serve(answer({"name": "x"}))[0].algo("demo/Hello").get_algorithm_id()


def test_an_organization_s_kind_is_given_by_name(serve: Serve) -> None:
    client, server = serve(TYPES, answer({"org_name": "o"}))
    wanted = {"org_name": "o", "type_id": "basic"}
    assert client.create_org(wanted).org_name == "o"
    assert json.loads(server.bodies[1])["type_id"] == "t1"
    assert wanted["type_id"] == "basic"
    client, server = serve(TYPES, Response(204))
    assert client.edit_org("o", wanted).status_code == 204
    assert (server.seen[1].method, server.seen[1].path) == ("PUT", "/v1/organizations/o")


def test_an_unknown_kind_of_organization_is_said_before_anything_is_made(serve: Serve) -> None:
    client, server = serve(TYPES)
    with pytest.raises(InputError, match="invalid type_id"):
        client.create_org({"org_name": "o", "type_id": "huge"})
    assert [request.method for request in server.seen] == ["GET"]


def test_an_empty_answer_is_given_as_it_is(serve: Serve) -> None:
    found = serve(Response(201))[0].invite_to_org("o", "u")
    assert (found.status_code, found.ok, found.text, found.reason) == (201, True, "", "Created")
    assert "error" not in found


def test_the_account_is_the_first_folder_of_the_root(serve: Serve) -> None:
    client, server = serve(answer({"folders": [{"name": "jane"}, {"name": "acme"}]}), answer({}))
    assert client.username() == "jane"
    assert server.asked.path == "/v1/data/"
    with pytest.raises(AnswerError):
        client.username()


def packed(name: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 2
        archive.addfile(member, io.BytesIO(b"hi"))
    return content.getvalue()


def test_a_template_is_unpacked(serve: Serve, tmp_path: Path) -> None:
    client, server = serve(file(packed("src/Hello.py"), "application/gzip"))
    assert client.get_template("spec", tmp_path / "new").status_code == 200
    assert server.asked.path == "/v1/algorithm-environments/edge/environment-specifications/spec/template"
    assert (tmp_path / "new" / "src" / "Hello.py").read_text() == "hi"
    assert not (tmp_path / "new" / "template.tar.gz").exists()
    client.get_template("spec", str(tmp_path / "new"), save_tar=True)
    assert (tmp_path / "new" / "template.tar.gz").exists()


@pytest.mark.parametrize("content", [packed("../outside"), b"no archive"])
def test_a_template_that_is_none_is_not_unpacked(serve: Serve, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(AnswerError, match="no archive"):
        serve(file(content, "application/gzip"))[0].get_template("spec", tmp_path / "new")
    assert not (tmp_path / "outside").exists()


def test_a_template_that_would_fill_the_disk_is_refused_before_it_does(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.sdk._unpacking.ALWAYS", 1)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        member = tarfile.TarInfo("zeros")
        member.size = 8 * 1024 * 1024
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(AnswerError, match="holds more than 2 MiB") as refused:
        serve(file(content.getvalue(), "application/gzip"))[0].get_template("spec", tmp_path / "new")
    assert refused.value.code == "too_large"
    assert not (tmp_path / "new" / "zeros").exists()


def test_a_template_that_is_not_there_is_said_by_a_document(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = serve(refusal("no such specification"))[0].get_template("spec", tmp_path / "new")
    assert told == {"error": {"message": "no such specification"}}
    assert "no such specification" in caplog.text
    with pytest.raises(ApiError, match="Bad gateway"):
        serve(Response(502, {}, b"Bad gateway"))[0].get_template("spec", tmp_path / "new")


def test_a_manifest_is_frozen(serve: Serve, tmp_path: Path) -> None:
    from trivet.algorithmia._manifests import is_untouched

    manifest = {
        "required_files": [{"name": "m", "source_uri": "data://me/c/m", "fail_on_tamper": True, "metadata": {}}],
        "optional_files": [{"name": "o", "source_uri": "data://me/c/o", "fail_on_tamper": False, "metadata": {}}],
    }
    (tmp_path / "model_manifest.json").write_text(json.dumps(manifest))
    serve(file(b"abc"))[0].freeze("model_manifest.json")
    frozen = json.loads((tmp_path / "model_manifest.json.freeze").read_text())
    assert [each["md5_checksum"] for each in frozen["required_files"] + frozen["optional_files"]] == [
        "900150983cd24fb0d6963f7d28e17f72"
    ] * 2
    assert is_untouched(frozen)
    assert not is_untouched({**frozen, "timestamp": "0"})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model_manifest.json", "model_manifest.json.freeze"]


def test_a_manifest_that_is_not_there_is_said_as_the_original_says_it(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(file(b"abc"))[0].freeze("model_manifest.json")
    assert "none was discovered in working directory" in capsys.readouterr().out


def test_what_is_no_manifest_is_said(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "model_manifest.json").write_text('{"required_files": [3]}')
    with pytest.raises(InputError, match="no manifest"):
        serve(file(b"abc"))[0].freeze("model_manifest.json")


# -- the plain verbs


def test_the_plain_verbs_give_answers_as_they_are(serve: Serve) -> None:
    client, server = serve(answer({"a": 1}))
    found = client.getHelper("/v1/x", marker="m")
    assert (found.status_code, found.json(), found.ok, found.content) == (200, {"a": 1}, True, b'{"a": 1}')
    assert b"".join(found.iter_content(3)) == found.content
    assert client.headHelper("/v1/x").status_code == client.patchHelper("/v1/x", {}).status_code == 200
    assert (
        client.getJsonHelper("/v1/x") == client.putHelper("/v1/x", "text") == client.putHelper("/v1/x", {}) == {"a": 1}
    )
    assert client.postJsonHelper("/v1/x", "t") == client.deleteHelper("/v1/x?force=true") == {"a": 1}
    assert client.postJsonHelper("/v1/x", {}, parse_response_as_json=False).json() == {"a": 1}
    assert [f"{each.method} {each.path}" for each in server.seen[:3]] == [
        "GET /v1/x?marker=m",
        "HEAD /v1/x",
        "PATCH /v1/x",
    ]


def test_a_plain_verb_asks_again_where_it_is_told_to(serve: Serve) -> None:
    client, server = serve(refusal("once", 409), answer({"a": 1}))
    assert client.postJsonHelper("/v1/x", {}, retry=True) == {"a": 1}
    assert len(server.seen) == 2
    with pytest.raises(AlgorithmException):
        serve(refusal("no", 409))[0].postJsonHelper("/v1/x", {})
    with pytest.raises(ApiError):
        serve(refusal("no", 409))[0].postJsonHelper("/v1/x", {}, parse_response_as_json=False)
