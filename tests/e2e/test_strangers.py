"""Two accounts: neither sees, calls or learns of what is the other's."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS


@pytest.fixture(scope="module")
def keys(platform: RunningPlatform, client: trivet.Client) -> dict[str, str]:
    keys = {}
    for name in ("anna", "boris"):
        assert platform.trivet("accounts", "create", name).returncode == 0
        made = platform.trivet("keys", "create", "--account", name, "--json")
        assert made.returncode == 0, made.stderr
        keys[name] = json.loads(made.stdout)["key"]
    return keys


def answer(url: str, key: str | None, method: str = "GET", body: bytes | None = None) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(url, data=body, method=method)
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_a_private_endpoint_and_its_jobs_do_not_exist_for_others(
    platform: RunningPlatform, keys: dict[str, str]
) -> None:
    with trivet.Client(platform.url, keys["anna"]) as anna:
        anna.deploy(PROGRAMS / "hello.py", name="anna/hidden")
        job = anna.endpoint("anna/hidden").submit({"name": "Anna"})
        assert job.result(timeout=30) == "Hello Anna"
        endpoint_id = anna.endpoints.get("anna/hidden").id
    api = f"{platform.url}/api/v1"
    body = json.dumps({"name": "x"}).encode()
    for name in ("anna/hidden", endpoint_id):
        missing = name.replace("hidden", "nowhere") if "/" in name else "zzzzzzzzzzzzzz"
        for method, path, sent in (
            ("GET", "", None),
            ("POST", "/run", body),
            ("POST", "/submit", body),
            ("POST", "/stream", body),
            ("GET", "/versions", None),
            ("GET", "/versions/1.0.0", None),
            ("GET", "/versions/1.0.0/log", None),
            ("GET", "/health", None),
            ("GET", "/workers", None),
            ("GET", "/logs", None),
            ("PATCH", "", b'{"visibility":"public"}'),
            ("POST", "/rollback", b"{}"),
            ("POST", "/purge", b""),
            ("DELETE", "", None),
        ):
            hidden = answer(f"{api}/endpoints/{name}{path}", keys["boris"], method, sent)
            absent = answer(f"{api}/endpoints/{missing}{path}", keys["boris"], method, sent)
            assert hidden[0] == absent[0] == 404, (method, path, hidden)
            assert json.dumps(hidden[1]).replace(name, "X") == json.dumps(absent[1]).replace(missing, "X")
    for method, path in (
        ("GET", ""), ("GET", "/result"), ("GET", "/input"), ("GET", "/events"), ("GET", "/logs"), ("GET", "/explain"),
        ("POST", "/cancel"), ("POST", "/replay"),
    ):  # fmt: skip
        assert answer(f"{api}/jobs/{job.id}{path}", keys["boris"], method)[0] == 404, path
    _, listed = answer(f"{api}/endpoints", keys["boris"])
    assert "anna/hidden" not in json.dumps(listed)
    _, jobs = answer(f"{api}/jobs", keys["boris"])
    assert job.id not in json.dumps(jobs)


def test_without_a_valid_key_nothing_is_told(platform: RunningPlatform, keys: dict[str, str]) -> None:
    api = f"{platform.url}/api/v1"
    forged = keys["anna"][:-4] + "aaaa"
    for key in (None, "nonsense", forged, "trv_000000000000_" + "a" * 40):
        for path in (
            "/me",
            "/endpoints",
            "/jobs",
            "/keys",
            "/endpoints/anna/hidden",
            "/jobs/job_x",
            "/accounts",
            "/orgs",
        ):
            assert answer(api + path, key)[0] == 401, (key, path)
    assert answer(f"{platform.url}/metrics", None)[0] == 401


def test_the_metrics_count_what_was_refused(platform: RunningPlatform, keys: dict[str, str]) -> None:
    def counted(dialect: str, status: int) -> float:
        request = urllib.request.Request(f"{platform.url}/metrics", headers={"Authorization": f"Bearer {platform.key}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            told = response.read().decode()
        wanted = f'trivet_requests_total{{dialect="{dialect}",status="{status}"}} '
        return sum(float(line.removeprefix(wanted)) for line in told.splitlines() if line.startswith(wanted))

    nobodys, unknown = counted("runpod", 401), counted("native", 404)
    assert answer(f"{platform.url}/runpod/v2/none/health", None)[0] == 401
    with trivet.Client(platform.url, keys["boris"]) as boris, pytest.raises(trivet.NotFoundError):
        boris.endpoint("anna/nothing").run(1)  # the way past ASGI
    assert counted("runpod", 401) > nobodys
    assert counted("native", 404) > unknown


def test_a_revoked_key_stops_counting_at_once(platform: RunningPlatform) -> None:
    made = json.loads(platform.trivet("keys", "create", "--json").stdout)
    assert answer(f"{platform.url}/api/v1/me", made["key"])[0] == 200
    assert platform.trivet("keys", "revoke", made["id"]).returncode == 0
    assert answer(f"{platform.url}/api/v1/me", made["key"])[0] == 401


def test_a_key_without_the_scope_is_told_so(platform: RunningPlatform, zoo: trivet.Client) -> None:
    made = json.loads(platform.trivet("keys", "create", "--scopes", "read", "--json").stdout)
    status, problem = answer(f"{platform.url}/api/v1/endpoints/admin/echo/run", made["key"], "POST", b"1")
    assert (status, problem["code"]) == (403, "forbidden")
    assert "call" in str(problem["detail"])


def test_a_shared_endpoint_is_called_by_members_and_by_nobody_else(
    platform: RunningPlatform, keys: dict[str, str]
) -> None:
    assert platform.trivet("orgs", "create", "lab").returncode == 0
    assert platform.trivet("orgs", "add", "lab", "boris").returncode == 0
    with trivet.Client(platform.url, platform.key) as admin:
        admin.deploy(PROGRAMS / "hello.py", name="admin/shared-hello")
        admin.endpoints.update("admin/shared-hello", visibility="shared", shared_with=["lab"])
    with trivet.Client(platform.url, keys["boris"]) as boris:
        assert boris.endpoint("admin/shared-hello").run("Boris") == "Hello Boris"
        with pytest.raises(trivet.PermissionDeniedError):
            boris.endpoints.delete("admin/shared-hello")
    with trivet.Client(platform.url, keys["anna"]) as anna, pytest.raises(trivet.NotFoundError):
        anna.endpoint("admin/shared-hello").run("Anna")
