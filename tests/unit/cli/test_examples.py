"""`trivet examples deploy`: what is sent for those examples that stand for endpoints and images of another service's guide."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tests.unit.cli.conftest import Trivet
from tests.unit.cli.test_manage import ENDPOINT
from tests.unit.sdk.server import Exchange, Server

PLAIN = {"id": "gwp4kx5yd3nur1", "name": "admin/runpod_plain", "version": "1.0.0", "model_id": None, "state": "ready",
         "url": "http://there/api/v1/endpoints/admin/runpod_plain/run"}  # fmt: skip
NAMES = ["runpod/base:0.1.0", "runpod/base:0.4.4"]


def serve(server: Server, *, taken: str | None = None, closed: str = "") -> None:
    """A platform that builds whatever comes; an endpoint's id or a version may be taken, and an owner's names closed to us."""

    def take(exchange: Exchange) -> None:
        query = exchange.query
        document: dict[str, Any] = {
            "id": "d1",
            "state": "ready",
            "detail": "",
            "steps": [],
            "endpoints": [],
            "image": None,
        }
        if "image" in query:
            document["image"] = {"id": "img_1", "name": query["image"]}
        elif closed and query.get("name", "").startswith(f"{closed}/"):
            exchange.problem(404, "not_found", detail=f"There is no owner {closed!r}.", hint="")
            return
        elif taken is not None and taken in (query.get("id"), query.get("version")):
            fault = {"code": "conflict", "message": f"{taken!r} is taken.", "hint": ""}
            document |= {"state": "failed", "error": fault}
        else:
            document["endpoints"] = [{**PLAIN, "id": query.get("id", "ep_free")}]
        exchange.json(document, 202)

    server.on("POST", "/deployments", take)
    server.on("PATCH", "/endpoints/admin/runpod_plain", lambda exchange: exchange.json(ENDPOINT))


def asked(server: Server, name: str) -> list[str | None]:
    return [exchange.query.get(name) for exchange in server.seen if exchange.method == "POST"]


def test_an_example_of_another_guide_gets_the_id_and_stands_for_the_images_of_that_guide(
    trivet: Trivet, logged_in: Server
) -> None:
    serve(logged_in)
    result = trivet("examples", "deploy", "runpod_plain")
    assert (result.exit_code, result.stdout) == (
        0,
        """trivet call admin/runpod_plain '{"prompt":"Hello, World!"}'\n""",
    )
    assert asked(logged_in, "id") == ["gwp4kx5yd3nur1", None, None]
    assert asked(logged_in, "image") == [None, *NAMES]


def test_scripts_are_told_of_endpoints_alone(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in)
    (line,) = trivet("examples", "deploy", "runpod_plain", "--json").stdout.splitlines()
    assert json.loads(line)["id"] == "gwp4kx5yd3nur1"


def test_an_id_that_is_taken_stays_where_it_is_and_the_example_gets_another(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, taken="gwp4kx5yd3nur1")
    result = trivet("examples", "deploy", "runpod_plain", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["id"] == "ep_free"
    assert asked(logged_in, "id") == ["gwp4kx5yd3nur1", None, None, None]
    assert "is taken" in result.stderr


def test_an_example_of_a_guide_gets_the_name_and_the_version_that_stand_there(
    trivet: Trivet, logged_in: Server
) -> None:
    serve(logged_in)
    assert trivet("examples", "deploy", "hello_algorithm", "lda").exit_code == 0
    assert asked(logged_in, "name") == ["demo/Hello", "nlp/LDA"]
    assert asked(logged_in, "version") == [None, "1.0.0"]
    changes = [json.loads(exchange.body) for exchange in logged_in.seen if exchange.method == "PATCH"]
    assert changes == [{"visibility": "public"}] * 2  # everybody calls what stands in a guide


def test_a_version_that_is_taken_stays_and_the_next_one_is_made(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, taken="1.0.0")
    result = trivet("examples", "deploy", "lda")
    assert result.exit_code == 0
    assert asked(logged_in, "name") == ["nlp/LDA", "nlp/LDA"]
    assert asked(logged_in, "version") == ["1.0.0", None]
    assert "is taken" in result.stderr


def test_who_may_not_deploy_for_others_gets_the_example_under_the_own_account(
    trivet: Trivet, logged_in: Server
) -> None:
    serve(logged_in, closed="nlp")
    result = trivet("examples", "deploy", "lda")
    assert result.exit_code == 0
    assert asked(logged_in, "name") == ["nlp/LDA", None]
    assert "under your own account" in result.stderr


def test_any_other_failure_is_one(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on(
        "POST", "/deployments", lambda it: it.problem(403, "forbidden", detail="This key may not.", hint="Ask.")
    )
    result = trivet("examples", "deploy", "runpod_stream")
    assert (result.exit_code, len(logged_in.seen)) == (3, 1)


def test_a_call_that_reads_a_hosted_file_comes_behind_the_command_that_uploads_it(
    trivet: Trivet, logged_in: Server
) -> None:
    serve(logged_in)
    logged_in.on("PATCH", "/endpoints/admin/runpod_plain", lambda exchange: exchange.json(ENDPOINT))
    upload, call = trivet("examples", "deploy", "face_detection").stdout.splitlines()
    *command, picture, uri, option = shlex.split(upload)
    assert (command, uri, option) == (
        ["trivet", "files", "cp"],
        "data://.my/img_directory/friends.jpg",
        "--create",
    )
    assert Path(picture).is_file()
    assert uri in call
