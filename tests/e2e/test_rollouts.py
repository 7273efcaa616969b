"""A new version takes over step by step: with real workers, through the SDK and the command line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.test_deploying import write

HANDLER = """
import trivet

@trivet.endpoint(workers=(0, 1))
def {name}(x: int = 0) -> str:
    return "{text}"
"""


def deploy(client: trivet.Client, folder: Path, name: str, text: str, canary: int | None = None) -> str:
    """Deploys a handler that answers with ``text``; the number of its version."""
    (deployed,) = client.deploy(write(folder / text, HANDLER.format(name=name, text=text)), canary=canary)
    return deployed.version


def test_a_canary_takes_its_share_is_judged_and_takes_over(client: trivet.Client, tmp_path: Path) -> None:
    name = "admin/stable"
    assert deploy(client, tmp_path, "stable", "old") == "1.0.0"
    assert deploy(client, tmp_path, "stable", "new", canary=40) == "1.1.0"
    answers = Counter(client.endpoint(name).map(range(60)))
    assert set(answers) == {"old", "new"}
    assert answers["old"] > 14  # 36 are to be expected
    health = {number: client.endpoints.version_health(name, number) for number in ("1.0.0", "1.1.0")}
    assert {number: one.jobs["succeeded"] for number, one in health.items()} == {
        "1.0.0": answers["old"],
        "1.1.0": answers["new"],
    }
    assert health["1.1.0"].p50_ms is not None
    promoted = client.endpoints.promote(name)
    assert (promoted.version, promoted.canary) == ("1.1.0", None)
    assert set(client.endpoint(name).map(range(10))) == {"new"}
    client.endpoints.rollback(name)
    assert set(client.endpoint(name).map(range(10))) == {"old"}


def test_a_caller_with_an_affinity_always_gets_the_same_version(client: trivet.Client, tmp_path: Path) -> None:
    deploy(client, tmp_path, "loyal", "old")
    deploy(client, tmp_path, "loyal", "new", canary=50)
    by_user = {user: set(client.endpoint("admin/loyal", affinity=f"user-{user}").map(range(3))) for user in range(30)}
    assert all(len(answers) == 1 for answers in by_user.values())
    assert {answer for answers in by_user.values() for answer in answers} == {"old", "new"}


def test_an_alias_leads_to_a_version_by_every_way_of_calling(
    client: trivet.Client, platform: RunningPlatform, tmp_path: Path
) -> None:
    deploy(client, tmp_path, "named", "old")
    deploy(client, tmp_path, "named", "new")
    client.endpoints.set_alias("admin/named", "prod", "1.0.0")
    prod = client.endpoint("admin/named", version="prod")
    assert (prod.run(), prod.submit().result(timeout=60)) == ("old", "old")
    assert client.endpoint("admin/named").run() == "new"
    assert platform.trivet("call", "admin/named", "--version", "prod").stdout == "old\n"
    client.endpoints.set_alias("admin/named", "prod", {"1.1.0": None})
    assert prod.run() == "new"
    client.endpoints.delete_alias("admin/named", "prod")
    with pytest.raises(trivet.NotFoundError, match="prod"):
        prod.run()
