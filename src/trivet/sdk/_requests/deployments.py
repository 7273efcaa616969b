"""Deployments, and the images that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trivet.sdk._http import Request
from trivet.sdk._requests.parts import API, segment, with_query

if TYPE_CHECKING:
    from trivet.sdk._archive import Archive


def deploy(
    archive: Archive,
    *,
    name: str | None = None,
    version: str | None = None,
    endpoint_id: str | None = None,
    model_id: int | None = None,
    workers: tuple[int, int] | None = None,
    canary: int | None = None,
    held: bool = False,
    image: str | None = None,
    env: Mapping[str, str] | None = None,
    secrets: Sequence[str] | None = None,
) -> Request:
    """Upload an archive to be built and published. Where ``env`` or ``secrets`` are given, they are all that the workers find."""
    variables = b"" if env is None and secrets is None else json.dumps(dict(env or {})).encode()
    query = {
        "filename": archive.filename,
        "name": name,
        "version": version,
        "id": endpoint_id,
        "model_id": model_id,
        "workers": ",".join(map(str, workers)) if workers is not None else None,
        "canary": canary,
        "held": "true" if held else None,
        "image": image,
        "env_bytes": len(variables) or None,
        "secrets": ",".join(secrets) if secrets else None,
    }
    headers = (("Content-Type", "application/gzip"),)
    # values stay out of the URL, which is written into logs
    body = variables + archive.data if variables else archive.data
    return Request("POST", with_query(f"{API}/deployments", query), headers, body)


def deployment(deployment_id: str, *, wait: float = 0.0) -> Request:
    """A deployment's document; with ``wait``, when it is final or after so many seconds."""
    path = f"{API}/deployments/{segment(deployment_id, 'deployment')}"
    return Request("GET", with_query(path, {"wait": wait or None}), held=wait)


def images(*, name: str | None = None, cursor: str | None = None) -> Request:
    """A page of the images that the asker can use."""
    return Request("GET", with_query(f"{API}/images", {"name": name, "cursor": cursor}))


def image_delete(image_id: str) -> Request:
    """Delete an image."""
    return Request("DELETE", f"{API}/images/{segment(image_id, 'image')}")
