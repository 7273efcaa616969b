"""Both ways between the platform's words and Jaqpot's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from trivet.platform.core.accounts import Organization, Principal
from trivet.platform.core.endpoints import Endpoint, Version, Visibility
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.templates import check_extras
from trivet.platform.dialects.jaqpot import schemas
from trivet.platform.dialects.jaqpot.context import FORMAT
from trivet.platform.dialects.jaqpot.people.shapes import organization_name
from trivet.platform.dialects.jaqpot.schemas import FeaturePatch, ModelPatch

MOST_ROWS_SHOWN = 100
"""Rows of an input in any answer: Jaqpot's client can't read a dataset with more."""
_LONGEST_NAME, _LONGEST_DESCRIPTION, _LONGEST_TAGS = 255, 50_000, 1000
_LEAST_TEXT = 3
_LONGEST_REASON = 15_000
_STATUSES: Mapping[JobStatus, str] = {
    JobStatus.QUEUED: "CREATED",
    JobStatus.RUNNING: "EXECUTING",
    JobStatus.SUCCEEDED: "SUCCESS",
    JobStatus.FAILED: "FAILURE",
    JobStatus.CANCELLED: "FAILURE",
    JobStatus.TIMED_OUT: "FAILURE",
}
_AS_IT_CAME: Mapping[str, Any] = {
    "jaqpotpyVersion": str,
    "legacyPredictionService": str,
    "torchConfig": dict[str, Any],
    "scores": schemas.ModelScores,
    "rPbpkConfig": schemas.RPbpkConfig,
    "dockerConfig": schemas.DockerConfig,
}
"""What is shown as its author has sent it, and what it must be: one field of another kind, and no client reads any."""
_NOT_IN_APP_NAMES = re.compile(r"[^a-z0-9]+")
_encode = msgspec.json.Encoder().encode


class Overlay(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What this dialect keeps with an endpoint, over what the version says: texts, and when it was archived (seconds since the
    epoch). ``sharing``: it is meant for organizations, though none is named yet. ``features``: texts of features, by key.
    """

    name: str | None = None
    description: str | None = None
    tags: str | None = None
    task: str | None = None
    archived_at: float | None = None
    sharing: bool = False
    features: dict[str, dict[str, Any]] = {}

    @classmethod
    def of(cls, endpoint: Endpoint) -> Overlay:
        """What is kept with an endpoint."""
        kept = endpoint.extras.get(FORMAT)
        return msgspec.convert(kept, cls, strict=False) if isinstance(kept, Mapping) else cls()

    def having(self, **changes: Any) -> Overlay:
        """The same with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def put(self, endpoint: Endpoint, now: float) -> Endpoint:
        """The endpoint with this kept.

        Raises:
            TooLarge: it is too much to keep.
        """
        extras = check_extras({**endpoint.extras, FORMAT: msgspec.to_builtins(self)})
        return replace(endpoint, extras=extras, updated_at=now)


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as somebody may see it. ``asker`` is None where nobody has shown a key; ``shared_with`` are the organizations that
    the asker may know of.
    """

    endpoint: Endpoint
    version: Version
    overlay: Overlay
    asker: Principal | None
    shared_with: Sequence[Organization]

    @property
    def described(self) -> Mapping[str, Any]:
        """What the model says of itself; nothing where it is a function."""
        return self.version.model or {}

    @property
    def name(self) -> str:
        """What people call it."""
        name = str(self.overlay.name or self.described.get("name") or self.endpoint.full_name)[:_LONGEST_NAME]
        return name if len(name) >= _LEAST_TEXT else self.endpoint.full_name

    @property
    def text(self) -> str | None:
        """What it is about; None where nothing is said that a client could read."""
        said, own = self.overlay.description, self.endpoint.description
        if said is None and self.version.model is not None and own in ("", self.version.description):
            said = self.described.get("description")  # what the endpoint has is made of it, or of the name
        elif said is None:
            said = own or self.version.description
        return said[:_LONGEST_DESCRIPTION] if said and len(said) >= _LEAST_TEXT else None

    @property
    def tags(self) -> str:
        """Its tags, parted by spaces."""
        said = self.overlay.tags if self.overlay.tags is not None else self.described.get("tags") or ""
        return str(said)[:_LONGEST_TAGS]

    @property
    def kind(self) -> str:
        """Jaqpot's word for what it is. What the platform runs and Jaqpot never knew passes for a container."""
        return str(self.described.get("type", "DOCKER"))

    @property
    def visibility(self) -> str:
        """Who may see it, in Jaqpot's words."""
        if self.endpoint.visibility is Visibility.PUBLIC:
            return "PUBLIC"
        shared = self.endpoint.visibility is Visibility.SHARED or self.overlay.sharing
        return "ORG_SHARED" if shared else "PRIVATE"

    def features(self) -> list[dict[str, Any]]:
        """Its features, in order: what it reads, then what it gives. Each one's place, from 1, is its id."""
        pairs = [
            *((feature, "INDEPENDENT") for feature in self.described.get("independentFeatures", ())),
            *((feature, "DEPENDENT") for feature in self.described.get("dependentFeatures", ())),
        ]
        return [self._feature(place, feature, side) for place, (feature, side) in enumerate(pairs, 1)]

    def _feature(self, place: int, feature: Mapping[str, Any], side: str) -> dict[str, Any]:
        said = {**feature, **self.overlay.features.get(feature["key"], {})}
        document = {
            "id": place,
            "key": said["key"],
            "name": said["name"],
            "featureType": feature["featureType"],
            "featureDependency": side,
            "visible": bool(said.get("visible", True)),
            "createdAt": moment(self.version.created_at),
            "updatedAt": moment(self.endpoint.updated_at),
        }
        document |= {name: said[name] for name in ("description", "units", "range") if said.get(name)}
        if said.get("possibleValues"):
            document["possibleValues"] = said["possibleValues"]
        return document


# -- models -------------------------------------------------------------------------------------------------------------


def model(shown: Shown, organizations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document of a model.

    Args:
        shown: the model.
        organizations: the whole documents of those that it is shared with.
    """
    said, endpoint, features = shown.described, shown.endpoint, shown.features()
    manages = shown.asker is not None and shown.asker.manages(endpoint.owner_id)
    document: dict[str, Any] = {
        "id": endpoint.model_id,
        "name": shown.name,
        "description": shown.text,
        "type": shown.kind,
        "task": shown.overlay.task or said.get("task", "REGRESSION"),
        "visibility": shown.visibility,
        "tags": shown.tags,
        "libraries": list(said.get("libraries") or ()),
        "independentFeatures": [each for each in features if each["featureDependency"] == "INDEPENDENT"],
        "dependentFeatures": [each for each in features if each["featureDependency"] == "DEPENDENT"],
        "featurizers": [_configured(each) for each in said.get("featurizers") or ()],
        "preprocessors": [_configured(each) for each in said.get("preprocessors") or ()],
        "selectedFeatures": list(said.get("selectedFeatures") or ()),
        "doas": [{"method": each["method"], "data": {}} for each in said.get("doas") or ()],
        "rawModel": "",
        "sharedWithOrganizations": list(organizations),
        "creator": creator(endpoint),
        "canEdit": manages,
        "isAdmin": shown.asker is not None and shown.asker.administers(),
        "archived": shown.overlay.archived_at is not None,
        "createdAt": moment(endpoint.created_at),
        "updatedAt": moment(endpoint.updated_at),
        # not Jaqpot's: how the rest of the platform calls it
        "endpoint": endpoint.full_name,
        "version": shown.version.number,
    }
    document |= {name: said[name] for name, kind in _AS_IT_CAME.items() if _is_readable(said.get(name), kind)}
    if shown.version.model is None:
        document["dockerConfig"] = {"appName": _app_name(endpoint)}
    if shown.overlay.archived_at is not None:
        document["archivedAt"] = moment(shown.overlay.archived_at)
    return document


def summary(shown: Shown) -> dict[str, Any]:
    """The document of a model in a page."""
    endpoint = shown.endpoint
    return {
        "id": endpoint.model_id,
        "name": shown.name,
        "description": shown.text,
        "visibility": shown.visibility,
        "type": shown.kind,
        "sharedWithOrganizations": [{"id": each.number, "name": organization_name(each)} for each in shown.shared_with],
        "creator": creator(endpoint),
        "independentFeaturesLength": len(shown.described.get("independentFeatures") or ()),
        "dependentFeaturesLength": len(shown.described.get("dependentFeatures") or ()),
        "createdAt": moment(endpoint.created_at),
        "updatedAt": moment(endpoint.updated_at),
    }


def creator(endpoint: Endpoint) -> dict[str, Any]:
    """Whose a model is, as a user."""
    return {"id": endpoint.owner_id, "username": endpoint.owner_name}


def page(content: Iterable[object], total: int, size: int, number: int) -> dict[str, Any]:
    """One page of a list.

    Args:
        content: what is on it.
        total: how long the whole list is.
        size: how much a page may hold.
        number: which page it is, from 0.
    """
    return {
        "content": list(content),
        "totalElements": total,
        "totalPages": -(-total // size),
        "pageSize": size,
        "pageNumber": number,
    }


def changed_by(overlay: Overlay, patch: ModelPatch, described: Mapping[str, Any] | None) -> Overlay:
    """What is kept with a model once its owner has changed its texts.

    Args:
        overlay: what was kept before.
        patch: the change.
        described: what the model says of itself; None where it is a function.

    Raises:
        BadRequest: it would have to be another model, or no client could read it.
    """
    if patch.description and len(patch.description) < _LEAST_TEXT:
        raise BadRequest(
            f"description: {patch.description!r} is too short for Jaqpot's clients, which take {_LEAST_TEXT} characters or none."
        )
    if described is not None and patch.task != described.get("task"):
        raise BadRequest(
            f"This model is made for {described.get('task')}; saying {patch.task} would not make it another one.",
            hint="Upload a model that is made for it.",
        )
    return overlay.having(
        name=patch.name,
        task=None if described is not None else patch.task,
        description=overlay.description if patch.description is None else patch.description,
        tags=overlay.tags if patch.tags is None else patch.tags,
    )


def feature_changed_by(feature: Mapping[str, Any], patch: FeaturePatch) -> dict[str, Any]:
    """What is kept with a feature once its owner has changed its texts.

    Args:
        feature: as it is shown now.
        patch: the change.

    Raises:
        BadRequest: the model would have to read other values.
    """
    kind, key = feature["featureType"], feature["key"]
    if patch.feature_type != kind:
        raise BadRequest(
            f"{key} is read as {kind}; saying {patch.feature_type} would not make the model read anything else.",
            hint="Upload the model with another type.",
        )
    kept: dict[str, Any] = {"name": patch.name}
    kept |= {"units": patch.units or "", "range": patch.range or "", "description": patch.description or ""}
    if kind == "CATEGORICAL" and patch.possible_values is not None:
        known = {each["value"] for each in feature.get("possibleValues", ())}
        named = [each.value for each in patch.possible_values]
        if len(named) != len(set(named)) or set(named) != known:
            raise BadRequest(
                f"The values of {key} are {', '.join(sorted(known))}: the model knows these and no others.",
                hint="Give each of them once; their descriptions and their order may change.",
            )
        kept["possibleValues"] = [msgspec.to_builtins(each) for each in patch.possible_values]
    return kept


# -- datasets -----------------------------------------------------------------------------------------------------------


def dataset(
    job: Job, model_id: int | None, model_name: str | None, *, rows: bytes, result: bytes | None, explained: str
) -> bytes:
    """The document of a dataset, with its rows and its result spliced in as they are.

    Args:
        job: the prediction.
        model_id: of the model; None where it was deleted.
        model_name: what the model is called; None where it was deleted.
        rows: an array of at most `MOST_ROWS_SHOWN` rows, as JSON.
        result: an array of result rows, as JSON; None: it is not shown.
        explained: where the prediction stands, in a sentence; empty: nothing to say.
    """
    document: dict[str, Any] = {
        "id": job.number,
        "type": "PREDICTION",
        "entryType": "ARRAY",
        "status": status(job),
        "userId": job.account_id,
        "createdAt": moment(job.created_at),
        "updatedAt": moment(job.finished_at or job.started_at or job.created_at),
        "jobId": job.id,
    }
    if model_id is not None:
        document["modelId"] = model_id
    if model_name is not None:
        document["modelName"] = model_name
    if job.started_at is not None:
        document["executedAt"] = moment(job.started_at)
    if job.finished_at is not None:
        document["executionFinishedAt"] = moment(job.finished_at)
    if job.is_final and job.status is not JobStatus.SUCCEEDED:
        document["failureReason"] = reason(job)
    if explained:
        document["explanation"] = explained
    document["input"] = msgspec.Raw(rows)
    if result is not None:
        document["result"] = msgspec.Raw(result)
    return _encode(document)


def status(job: Job) -> str:
    """Jaqpot's word for where a prediction stands."""
    return _STATUSES[job.status]


def reason(job: Job) -> str:
    """Why a prediction came to nothing, in a sentence."""
    if job.error is not None:
        text = f"{job.error.message[:_LONGEST_REASON]} {job.error.hint}".strip()[:_LONGEST_REASON]
        return text if len(text) >= _LEAST_TEXT else f"The prediction failed: {text or job.error.code}."
    if job.status is JobStatus.CANCELLED:
        return "The prediction was cancelled."
    if job.status is JobStatus.TIMED_OUT:
        return "The prediction took longer than it may."
    return "The prediction failed."


def moment(seconds: float) -> str:
    """A moment, given in seconds since the epoch, as clients read it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _is_readable(said: object, kind: Any) -> bool:
    try:
        msgspec.convert(said, kind)
    except msgspec.ValidationError:
        return False
    return True


def _configured(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": said["name"], "config": dict(said.get("config") or {})}


def _app_name(endpoint: Endpoint) -> str:
    return _NOT_IN_APP_NAMES.sub("-", endpoint.name.lower())[:63].strip("-") or "endpoint"
