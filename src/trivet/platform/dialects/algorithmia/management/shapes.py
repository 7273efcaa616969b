"""The documents of algorithms, versions and builds, as Algorithmia's clients read them. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trivet.platform.core.deployments import Deployment
from trivet.platform.core.endpoints import Endpoint, Version, VersionState, Visibility
from trivet.platform.dialects.algorithmia.management.environments import ENVIRONMENT, LANGUAGE
from trivet.platform.dialects.algorithmia.management.identifiers import uuid_of
from trivet.platform.dialects.algorithmia.management.words import words_of
from trivet.platform.wire.times import rfc3339

INTERNAL = {"id": "internal", "provider": "internal", "name": "", "default": True, "enabled": True}
"""The one place that sources lie in: the platform itself."""
_STATUS: Mapping[VersionState, str] = {
    VersionState.BUILDING: "in-progress",
    VersionState.READY: "succeeded",
    VersionState.FAILED: "failed",
}
_GIT_HASH = 40


def git_hash(digest: str) -> str:
    """A source's digest, as long as those that Algorithmia's clients know."""
    return digest[:_GIT_HASH]


def distinct(versions: Sequence[Version]) -> list[Version]:
    """The versions that can be told apart, newest first: a build that was released is shown as its release."""
    ready = [version for version in versions if version.state is VersionState.READY]
    released = {version.hash for version in ready if not version.is_held}
    return [version for version in reversed(ready) if not (version.is_held and version.hash in released)]


def algorithm(
    endpoint: Endpoint,
    version: Version | None = None,
    build: Deployment | None = None,
    *,
    address: str,
    numbers: Mapping[str, str] | None = None,
    with_log: bool = False,
) -> dict[str, Any]:
    """An algorithm, with what is known of one of its versions.

    Args:
        endpoint: the algorithm.
        version: which version; None: it has none yet, or only a build that failed.
        build: the build to tell of, for those who may see it.
        address: the API's.
        numbers: the numbers of releases by the ids of their builds.
        with_log: whether the build's log belongs to it.
    """
    words = words_of(endpoint)
    found: dict[str, Any] = {
        "id": uuid_of(endpoint.id),
        "name": endpoint.name,
        "resource_type": "algorithm",
        "details": _details(endpoint, words),
        "settings": _settings(endpoint, words),
        "source": {"scm": INTERNAL},
    }
    if version is not None:
        found["version_info"] = _version(version, words)
        found["self_link"] = f"{address}/v1/algorithms/{endpoint.full_name}/versions/{git_hash(version.hash)}"
    elif build is not None:
        found["version_info"] = {"git_hash": git_hash(build.hash)}
    if build is not None:
        found["build"] = build_document(build, (numbers or {}).get(build.id))
        output = log_of(build) if with_log else ""
        found["compilation"] = {"successful": build.state is VersionState.READY, "output": output}
    return found


def build_document(build: Deployment, number: str | None) -> dict[str, Any]:
    """A build; ``number`` is that of its release, where it has one."""
    found: dict[str, Any] = {
        "build_id": uuid_of(build.id),
        "status": _STATUS[build.state],
        "commit_sha": git_hash(build.hash),
        "started_at": rfc3339(build.created_at),
        "finished_at": rfc3339(build.finished_at),
        "resource_type": "algorithm_build",
    }
    if number is not None:
        found["version_info"] = {"semantic_version": number}
    return found


def log_of(build: Deployment) -> str:
    """What a build did and printed, and why it failed where it has."""
    lines = [step.text for step in build.steps]
    if build.error is not None and build.error[2]:
        lines.append(build.error[2])
    return "".join(f"{line}\n" for line in [build.log.rstrip("\n"), *lines] if line)


def release_numbers(versions: Sequence[Version]) -> dict[str, str]:
    """The numbers of releases by the ids of the builds that made them."""
    return {v.deployment_id: v.number for v in versions if v.deployment_id is not None and not v.is_held}


def _details(endpoint: Endpoint, words: Mapping[str, Any]) -> dict[str, str]:
    kept = words.get("details", {})
    return {
        "label": kept.get("label") or endpoint.name,
        "tagline": kept.get("tagline", ""),
        "summary": kept.get("summary") or endpoint.description,
    }


def _settings(endpoint: Endpoint, words: Mapping[str, Any]) -> dict[str, Any]:
    kept = words.get("settings", {})
    return {
        "license": "apl",
        "insights_enabled": False,
        "royalty_microcredits": 0,
        "environment": "cpu",
        "package_set": LANGUAGE,
        **kept,
        "algorithm_environment": ENVIRONMENT,
        "language": LANGUAGE,
        "algorithm_callability": "public" if endpoint.visibility is Visibility.PUBLIC else "private",
        # whatever was asked for: this is what holds here
        "source_visibility": "closed",
        "network_access": "full",
        "pipeline_enabled": True,
    }


def _version(version: Version, words: Mapping[str, Any]) -> dict[str, Any]:
    samples = words.get("samples", {})
    number = {} if version.is_held else {"semantic_version": version.number}
    return {
        "git_hash": git_hash(version.hash),
        "version_uuid": uuid_of(version.id),
        **number,
        "release_notes": "" if version.is_held else version.description,
        "sample_input": samples.get("sample_input", ""),
        "sample_output": samples.get("sample_output", ""),
    }
