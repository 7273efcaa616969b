"""`trivet examples deploy`: what is sent for those examples that stand for endpoints and images of another service's guide."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Exchange, Server

PLAIN = {"id": "gwp4kx5yd3nur1", "name": "admin/runpod_plain", "version": "1.0.0", "model_id": None, "state": "ready",
         "url": "http://there/api/v1/endpoints/admin/runpod_plain/run"}  # fmt: skip
NAMES = ["runpod/base:0.1.0", "runpod/base:0.4.4"]


def serve(server: Server, *, taken: str | None = None) -> None:
    """A platform that builds whatever comes; an endpoint's id may be taken."""

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
        elif query.get("id") is not None and query.get("id") == taken:
            fault = {"code": "conflict", "message": f"The id {taken!r} is taken by another endpoint.", "hint": ""}
            document |= {"state": "failed", "error": fault}
        else:
            document["endpoints"] = [{**PLAIN, "id": query.get("id", "ep_free")}]
        exchange.json(document, 202)

    server.on("POST", "/deployments", take)


def asked(server: Server, name: str) -> list[str | None]:
    return [exchange.query.get(name) for exchange in server.seen]


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
    assert "taken by another endpoint" in result.stderr


def test_any_other_failure_is_one(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on(
        "POST", "/deployments", lambda it: it.problem(403, "forbidden", detail="This key may not.", hint="Ask.")
    )
    result = trivet("examples", "deploy", "runpod_stream")
    assert (result.exit_code, len(logged_in.seen)) == (3, 1)
