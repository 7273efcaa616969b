"""Programs that make, compile, publish and read back algorithms through the published `algorithmia` package, unmodified."""

from __future__ import annotations

import itertools
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import original_python, run_original

NEWER, OLDER = "2.0.5", "1.17.0"
"""The generations of the package: what callers use, and what algorithm repositories pin."""
PREAMBLE = """
import contextlib, io, json
import Algorithmia

client = Algorithmia.client()

def quietly(call, *args, **more):
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints what it sends
        return call(*args, **more)

def refused(call, *args, **more):
    try:
        quietly(call, *args, **more)
    except Exception as error:
        return str(error)
    raise SystemExit(f"{call} was not refused")
"""

_numbers = itertools.count()


def fresh(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}{next(_numbers)}"


def answer(platform: RunningPlatform, version: str, body: str, key: str | None = None) -> Any:
    """What a program printed last, as JSON."""
    env = {
        "ALGORITHMIA_API": f"{platform.url}/algorithmia",
        "ALGORITHMIA_API_KEY": platform.key if key is None else key,
    }
    python = original_python(version, "algorithmia")
    done = run_original(python, f"{PREAMBLE}\n{textwrap.dedent(body)}", env, timeout=180.0)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_the_newer_client_takes_an_algorithm_from_nothing_to_a_published_version(platform: RunningPlatform) -> None:
    name = fresh("Newer")
    body = f"""
    algo = client.algo("admin/{name}")
    before = algo.exists()
    environment = client.get_environment("python3")["environments"][0]
    details = {{"label": "My algorithm", "summary": "Greets", "tagline": ""}}
    settings = {{"algorithm_environment": environment["id"], "source_visibility": "closed", "license": "apl",
                "network_access": "full", "pipeline_enabled": True}}
    made = algo.create(details, settings, version_info={{"sample_input": '"Bond"'}})
    after = algo.exists()
    early = refused(algo.publish)
    compiled = algo.compile()
    digest = compiled["version_info"]["git_hash"]
    by_hash = client.algo(f"admin/{name}/{{digest}}").pipe("Bond").result
    unpublished = refused(lambda: client.algo("admin/{name}").pipe("Bond").result)
    version_info = {{"version_type": "major", "release_notes": "first"}}
    published = algo.publish(details, {{"algorithm_callability": "private"}}, version_info)
    number = published["version_info"]["semantic_version"]
    outputs = [client.algo(f"admin/{name}{{end}}").pipe("Bond").result for end in ("", f"/{{number}}", "/1.0", f"/{{digest}}")]
    updated = algo.update(details={{"label": "x"}}, settings={{"license": "mit"}})
    twice = refused(algo.publish)
    builds = algo.get_builds()["results"]
    print(json.dumps(dict(before=before, after=after, made=made, early=early, compiled=compiled, by_hash=by_hash, twice=twice,
        unpublished=unpublished, published=published, outputs=outputs, updated=updated, builds=builds,
        logs=algo.get_build_logs(builds[0]["build_id"]), build=algo.get_build(builds[0]["build_id"]),
        info=algo.info(), one=algo.info(digest), versions=algo.versions(limit=5, published=True), scm=algo.get_scm_status(),
        unknown=refused(algo.info, "0" * 40))))
    """
    said = answer(platform, NEWER, body)
    assert (said["before"], said["after"]) == (False, True)
    assert said["made"]["details"] == {"label": "My algorithm", "summary": "Greets", "tagline": ""}
    assert said["compiled"]["compilation"]["successful"] is True
    assert said["by_hash"] == "hello Bond"
    assert "not found" in said["unpublished"]
    version = said["published"]["version_info"]
    assert version["semantic_version"] == "1.0.0"
    assert version["git_hash"] == said["compiled"]["version_info"]["git_hash"]
    assert version["release_notes"] == "first"
    assert version["sample_input"] == '"Bond"'
    assert said["outputs"] == ["hello Bond"] * 4
    assert said["updated"]["details"]["label"] == "My algorithm"
    assert [build["status"] for build in said["builds"]] == ["succeeded"]
    assert said["build"] == said["builds"][0]
    assert said["build"]["version_info"] == {"semantic_version": "1.0.0"}
    assert said["logs"]["logs"]
    assert [each["version_info"]["git_hash"] for each in said["info"]["results"]] == [version["git_hash"]]
    assert said["one"]["version_info"] == said["versions"]["results"][0]["version_info"] == version
    assert said["scm"] == {"scm_connection_status": "active"}
    assert all(said[what] for what in ("early", "twice", "unknown"))


def test_the_older_client_takes_the_same_way(platform: RunningPlatform) -> None:
    name = fresh("Older")
    body = f"""
    algo = client.algo("admin/{name}")
    settings = {{"package_set": "python38", "source_visibility": "closed", "license": "apl", "network_access": "isolated",
                "pipeline_enabled": True}}
    made = algo.create({{"label": "Older", "summary": ""}}, settings, {{"sample_input": '"Bond"'}})
    compiled = algo.compile()
    digest = compiled.version_info.git_hash
    by_hash = client.algo(f"admin/{name}/{{digest}}").pipe("Bond").result
    private = {{"algorithm_callability": "private"}}
    published = quietly(algo.publish, settings=private, version_info={{"version_type": "revision"}})
    updated = algo.update({{"label": "Renamed"}})
    output = client.algo("admin/{name}/0.0.1").pipe("Bond").result
    # `builds()` and `versions()` of this generation fail in themselves, at whatever is not empty
    builds = algo.build_logs()["results"]
    one = algo.get_build(builds[0]["build_id"])
    print(json.dumps(dict(name=made.name, successful=compiled.compilation.successful, by_hash=by_hash, published=published,
        label=updated.details.label, output=output, info=algo.info().version_info.semantic_version,
        one=algo.info(digest).version_info.git_hash == digest, builds=[each["status"] for each in builds],
        logs=algo.get_build_logs(one.build_id).logs, build=[one.build_id == builds[0]["build_id"], one.started_at.year >= 2026],
        scm=algo.get_scm_status().scm_connection_status)))
    """
    said = answer(platform, OLDER, body)
    assert said["name"] == name
    assert said["successful"] is True
    assert said["by_hash"] == said["output"] == "hello Bond"
    assert said["published"]["version_info"]["semantic_version"] == said["info"] == "0.0.1"
    assert said["label"] == "Renamed"
    assert said["builds"] == ["succeeded"]
    assert said["logs"]
    assert said["one"] is True
    assert said["build"] == [True, True]
    assert said["scm"] == "active"


def test_what_surrounds_algorithms_is_managed_through_the_newer_client(
    platform: RunningPlatform, client: trivet.Client
) -> None:
    name, org, user = fresh("Around"), fresh("org"), fresh("user")
    body = f"""
    import os
    languages = [each["name"] for each in client.get_supported_languages()]
    environment = client.get_environment(languages[0])["environments"][0]
    client.get_template(environment["environment_specification_id"], "template")
    files = sorted(os.path.join(where, file) for where, _, files in os.walk("template") for file in files)
    algo = client.algo("admin/{name}")
    made = algo.create({{}}, {{"algorithm_environment": environment["id"]}})
    secret = quietly(algo.set_secret, "db", "DB_PASSWORD", "s3cret!")
    secrets = quietly(algo.get_secrets)
    types = [each["name"] for each in client.get_org_types()]
    org = {{"org_name": "{org}", "org_label": "Org", "org_contact_name": "Jane", "org_email": "it@example.io"}}
    created = client.create_org({{**org, "type_id": "basic"}})
    wrong = refused(client.create_org, {{**org, "org_name": "{org}x", "type_id": "unheard"}})
    edited = client.edit_org("{org}", {{**org, "org_label": "Other", "type_id": "pro"}})
    user = client.create_user({{"username": "{user}", "email": "u@example.io", "passwordHash": "", "shouldCreateHello": False}})
    invited = [client.invite_to_org("{org}", "{user}").status_code for _ in range(2)]
    errors = [client.get_organization_errors("{org}"), client.get_user_errors(user["id"])]
    errors.append(client.get_algorithm_errors(made["id"]))
    print(json.dumps(dict(languages=languages, files=files, made=made, secret=secret, secrets=secrets, types=types,
        invited=invited, created=created, wrong=wrong, org=client.get_org("{org}"), user=user, errors=errors, scms=client.scms(),
        unknown=refused(client.get_algorithm_errors, "00000000-0000-4000-8000-000000000000"))))
    """
    said = answer(platform, NEWER, body)
    assert said["languages"] == ["python3"]
    assert said["files"] == [
        "template/algorithmia.conf",
        "template/requirements.txt",
        "template/src/__ALGO__.py",
        "template/src/__init__.py",
    ]
    assert "s3cret!" not in json.dumps(said)
    assert said["secrets"]["secrets"] == [said["secret"]]
    assert said["secret"]["owner_id"] == said["made"]["id"]
    assert said["types"] == ["basic", "legacy", "pro"]
    assert said["created"]["org_label"] == "Org"
    assert said["org"]["org_label"] == "Other"
    assert said["org"]["id"] == said["created"]["id"]
    assert said["user"]["username"] == user
    assert said["invited"] == [201, 200]
    assert said["errors"] == [[], [], []]
    assert [each["id"] for each in said["scms"]["results"]] == ["internal"]
    assert "No such algorithm" in said["unknown"]
    assert said["wrong"]
    assert client.endpoints.get(said["made"]["id"]).name == f"admin/{name}"


def test_a_secret_reaches_the_workers_of_its_algorithm(platform: RunningPlatform, tmp_path: Path) -> None:
    name = fresh("Keeper")
    (tmp_path / "src").mkdir()
    (tmp_path / "algorithmia.conf").write_text(json.dumps({"username": "admin", "algoname": name}))
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "src" / f"{name}.py").write_text(
        "import os\n\ndef apply(input):\n    return len(os.environ.get(input, ''))\n"
    )
    done = platform.trivet("deploy", str(tmp_path))
    assert done.returncode == 0, done.stderr
    body = f"""
    algo = client.algo("admin/{name}")
    quietly(algo.set_secret, "db", "DB_PASSWORD", "s3cret!")
    deployed = algo.compile()  # what was deployed is the newest source, and built
    print(json.dumps([algo.pipe("DB_PASSWORD").result, deployed["version_info"], refused(algo.publish)]))
    """
    length, version, refused = answer(platform, NEWER, body)
    assert length == len("s3cret!")
    assert version["semantic_version"] == "1.0.0"
    assert refused


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_a_stranger_is_refused_everything(platform: RunningPlatform, version: str) -> None:
    name, user = fresh("Hidden"), fresh("stranger")
    answer(platform, NEWER, f'print(json.dumps(client.algo("admin/{name}").create({{}}, {{}})))')
    assert platform.trivet("accounts", "create", user).returncode == 0
    made = platform.trivet("keys", "create", "--account", user, "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)["key"]
    body = f"""
    algo = client.algo("admin/{name}")
    said = [refused(algo.compile), refused(algo.info), refused(algo.create, {{}}, {{}})]
    # where publishing fails, the older generation gives back what it was answered
    said.append(refused(algo.publish) if {version == NEWER} else quietly(algo.publish).status_code == 404)
    said.append(refused(lambda: client.algo("admin/{name}").pipe("x").result))
    print(json.dumps([said, algo.exists() if hasattr(algo, "exists") else False]))
    """
    said, exists = answer(platform, version, body, key)
    assert exists is False
    assert all(said)
