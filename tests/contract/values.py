"""Values to store, with every field that may get lost set to something that shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trivet.platform.core.accounts import Account, Organization, Scope
from trivet.platform.core.aliases import Alias, Share
from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.core.deployments import Deployment, DeploymentRequest, DeploymentStep
from trivet.platform.core.endpoints import (
    Endpoint,
    HandlerKind,
    Overrides,
    Version,
    VersionSettings,
    VersionState,
    Visibility,
)
from trivet.platform.core.images import Image
from trivet.platform.core.jobs import EventKind, Job, JobError, JobEvent, JobPolicy, JobStatus, Progress
from trivet.platform.core.keys import ApiKey
from trivet.platform.core.payloads import Payload
from trivet.platform.core.registries import RegistryCredential
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule
from trivet.platform.core.templates import Template


def account(name: str = "bond", **fields: Any) -> Account:
    return Account(f"acc_{name}", name, 1000.25, **fields)


def organization(name: str = "mi6") -> Organization:
    return Organization(f"org_{name}", name, 1001.5)


def key(name: str = "k1", account_id: str = "acc_bond", **fields: Any) -> ApiKey:
    full = ApiKey(
        id=name,
        account_id=account_id,
        label="my laptop ☕",
        scopes=frozenset({Scope.CALL, Scope.READ}),
        secret_hash="ab" * 32,
        created_at=1002.0,
        expires_at=2002.5,
        last_used_at=1500.0,
        revoked_at=1600.0,
        previous_hash="cd" * 32,
        previous_until=1700.0,
    )
    return replace(full, **fields)


def endpoint(name: str = "hello", owner_name: str = "bond", **fields: Any) -> Endpoint:
    full = Endpoint(
        id=f"{owner_name}{name}0".lower(),
        owner_id=f"acc_{owner_name}".lower(),
        owner_name=owner_name,
        name=name,
        created_at=1003.0,
        updated_at=1004.5,
        visibility=Visibility.SHARED,
        shared_with=frozenset({"org_mi6", "org_cia"}),
        scaling=ScalingPolicy(1, 7, 12.5, ScalingRule.REQUEST_COUNT, 4.0),
        description="says hello – politely",
        history=("ver_1", "ver_2"),
        canary=Share("ver_3", 15),
        aliases=(Alias("beta", (Share("ver_1", 99), Share("ver_2", 1))), Alias("prod", (Share("ver_2", 100),))),
        template_id="template0",
        overrides=Overrides(90.0, ("NVIDIA L4", "NVIDIA A40"), ("NVIDIA L40",)),
        extras={"other": {"name": "Hello ☕", "count": 2, "list": [None, 1.5]}},
    )
    return replace(full, **fields)


def version(number: str = "1.0.0", endpoint_id: str = "bondhello0", **fields: Any) -> Version:
    full = Version(
        id=f"ver_{endpoint_id}_{number}",
        endpoint_id=endpoint_id,
        number=number,
        hash="ef" * 32,
        state=VersionState.READY,
        created_at=1005.0,
        created_by="acc_bond",
        kind=HandlerKind.ASYNC_GENERATOR,
        host="decorated",
        handler="hello:hello",
        bundle="bundle",
        environment="environment",
        settings=VersionSettings(
            2,
            60.0,
            3600.0,
            5,
            2**30,
            "L4",
            ("numpy>=2", "pillow"),
            ("TOKEN",),
            ("handler_error", "ConnectionError"),
            1.5,
            86400.0,
            16,
            0.02,
        ),
        description="the first",
        input_schema={"type": "object", "properties": {"ключ": {"type": "string"}, "a": {"minimum": 0.5}}},
        output_schema={"type": "string"},
        deployment_id="dep_1",
        sealed_env=b"\x00sealed\xff",
        model={"name": "☕", "task": "REGRESSION", "scores": None},
    )
    return replace(full, **fields)


def image(name: str = "team/worker:1.0", owner: str = "bond", **fields: Any) -> Image:
    of = version()
    full = Image(
        id=f"img_{owner}_{name}",
        owner_id=f"acc_{owner}",
        owner_name=owner,
        name=name,
        hash=of.hash,
        kind=of.kind,
        host="runpod",
        handler="worker.py",
        bundle="bundle",
        environment="environment",
        settings=of.settings,
        created_at=1003.0,
        updated_at=1004.5,
        scaling=ScalingPolicy(1, 7, 12.5, ScalingRule.REQUEST_COUNT, 4.0),
        description="works – hard",
        input_schema={"type": "object", "properties": {"z": {}, "a": {}}},
        output_schema={"type": "string"},
        deployment_id="dep_1",
    )
    return replace(full, **fields)


def template(name: str = "worker", owner: str = "bond", **fields: Any) -> Template:
    full = Template(
        id=f"tpl{owner}{name}",
        owner_id=f"acc_{owner}",
        owner_name=owner,
        name=name,
        image="team/worker:1.0",
        created_at=1003.0,
        updated_at=1004.5,
        sealed_env=b"\x00sealed\xff",
        extras={"dockerArgs": "", "ports": None, "readme": "# ☕"},
    )
    return replace(full, **fields)


def credential(name: str = "hub", owner: str = "bond", **fields: Any) -> RegistryCredential:
    full = RegistryCredential(f"reg{owner}{name}", f"acc_{owner}", name, "bond", b"\x00sealed\xff", 1003.0)
    return replace(full, **fields)


def collection(name: str = "фото – 1", owner: str = "bond", **fields: Any) -> Collection:
    full = Collection(
        f"col_{owner}_{name}", f"acc_{owner}", owner, name, Space.HOSTED, ReadAcl.ORGANIZATION, 1003.0, 1004.5
    )
    return replace(full, **fields)


def file(name: str = "q ☕.jpg", of: Collection | None = None, **fields: Any) -> File:
    of = of or collection()
    full = File(
        collection_id=of.id,
        name=name,
        size=2**40,
        md5="ab" * 16,
        sha256="cd" * 32,
        content_type="image/jpeg",
        blob=f"{of.id} {name}",
        created_at=1005.0,
        modified_at=1006.5,
        expires_at=2000.25,
    )
    return replace(full, **fields)


def deployment(name: str = "dep_1", **fields: Any) -> Deployment:
    full = Deployment(
        id=name,
        account_id="acc_bond",
        owner_id="org_mi6",
        owner_name="mi6",
        request=DeploymentRequest("hello.tar.gz", "mi6/hello", "1.2.3", "opaque0", 7, (1, 3), 25, "team/worker:1.0"),
        state=VersionState.BUILDING,
        created_at=1006.0,
        hash="01" * 32,
        finished_at=1010.0,
        steps=(DeploymentStep(1006.5, "unpacking"), DeploymentStep(1007.0, "installing …")),
        log="Resolved 3 packages\n",
        error=("build_failed", "it did not build", "mend it"),
        version_ids=("ver_1", "ver_2"),
        image_id="img_1",
    )
    return replace(full, **fields)


def job(place: int = 1, **fields: Any) -> Job:
    """A job that has just been submitted."""
    fresh = Job(
        id=f"job_{place:012x}",
        endpoint_id="bondhello0",
        version_id="ver_1",
        account_id="acc_bond",
        input=Payload.inline(b'{"name":"Bond"}'),
        policy=JobPolicy(60.0, 3600.5, 2),
        created_at=1000.0 + place,
        queued_at=1000.5 + place,
        aside=b"sealed \xff",
        parent_id="job_parent",
        root_id="job_root",
        depth=3,
    )
    return replace(fresh, **fields)


def running(place: int = 1, **fields: Any) -> Job:
    full = job(
        place,
        status=JobStatus.RUNNING,
        attempt=2,
        token="token",
        worker_id="wrk_1",
        started_at=1100.0,
        stop_reason=JobStatus.CANCELLED,
        stop_asked_at=1101.0,
        pieces=3,
        progress=Progress(0.4, "halfway …", b'{"step":4}'),
    )
    return replace(full, **fields)


def ended(place: int = 1, status: JobStatus = JobStatus.FAILED, at: float = 1200.0, **fields: Any) -> Job:
    full = job(
        place,
        status=status,
        attempt=2,
        worker_id="wrk_1",
        started_at=1100.0,
        finished_at=at,
        pieces=3,
        output=Payload.stored("ab" * 16, 2**33, "image/png"),
        error=JobError("handler_error", "it broke ☹", "ValueError", "Traceback …", ("last", "lines"), "mend it"),
    )
    return replace(full, **fields)


def event(seq: int = 1, job_id: str = "job_000000000001", **fields: Any) -> JobEvent:
    full = JobEvent(job_id, seq, 1, EventKind.LOG, 1000.0 + seq, f"line {seq}".encode(), "stdout")
    return replace(full, **fields)
