"""What the client tells: frozen values, named and shaped like the API's documents.

Times are aware `datetime`s in UTC; fields that end in ``_ms`` are milliseconds. `Model.to_dict` gives JSON back.

The names here are imported when they are first used: making so many classes is most of what a client's start would take.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.sdk.models.base import Model, Page
    from trivet.sdk.models.deployments import (
        BuildStep,
        DeployedEndpoint,
        DeployedImage,
        DeploymentFault,
        DeploymentInfo,
        ImageInfo,
    )
    from trivet.sdk.models.endpoints import (
        AliasInfo,
        EndpointInfo,
        HealthInfo,
        Scaling,
        Share,
        VersionHealthInfo,
        VersionInfo,
        WorkerInfo,
    )
    from trivet.sdk.models.files import DataEntry, Deleted
    from trivet.sdk.models.jobs import (
        CancelOutcome,
        Explanation,
        InputFault,
        JobEvent,
        JobFailure,
        JobStatus,
        JobView,
        LogLine,
        Piece,
        Progress,
        StatusChange,
    )
    from trivet.sdk.models.people import AccountInfo, KeyInfo, Me, MemberInfo, NewKey, OrganizationInfo, SecretInfo
    from trivet.sdk.models.server import Readiness
    from trivet.sdk.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookSecret

__all__ = [
    "AccountInfo",
    "AliasInfo",
    "BuildStep",
    "CancelOutcome",
    "DataEntry",
    "Deleted",
    "DeployedEndpoint",
    "DeployedImage",
    "DeploymentFault",
    "DeploymentInfo",
    "EndpointInfo",
    "Explanation",
    "HealthInfo",
    "ImageInfo",
    "InputFault",
    "JobEvent",
    "JobFailure",
    "JobStatus",
    "JobView",
    "KeyInfo",
    "LogLine",
    "Me",
    "MemberInfo",
    "Model",
    "NewKey",
    "OrganizationInfo",
    "Page",
    "Piece",
    "Progress",
    "Readiness",
    "Scaling",
    "SecretInfo",
    "Share",
    "StatusChange",
    "VersionHealthInfo",
    "VersionInfo",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookSecret",
    "WorkerInfo",
]

_HOMES = {
    "base": ("Model", "Page"),
    "deployments": ("BuildStep", "DeployedEndpoint", "DeployedImage", "DeploymentFault", "DeploymentInfo", "ImageInfo"),
    "endpoints": (
        "AliasInfo",
        "EndpointInfo",
        "HealthInfo",
        "Scaling",
        "Share",
        "VersionHealthInfo",
        "VersionInfo",
        "WorkerInfo",
    ),
    "files": ("DataEntry", "Deleted"),
    "jobs": (
        "CancelOutcome",
        "Explanation",
        "InputFault",
        "JobEvent",
        "JobFailure",
        "JobStatus",
        "JobView",
        "LogLine",
        "Piece",
        "Progress",
        "StatusChange",
    ),
    "people": ("AccountInfo", "KeyInfo", "Me", "MemberInfo", "NewKey", "OrganizationInfo", "SecretInfo"),
    "server": ("Readiness",),
    "webhooks": ("WebhookAttempt", "WebhookDelivery", "WebhookSecret"),
}
"""Which names each module has."""


def __getattr__(name: str) -> object:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
