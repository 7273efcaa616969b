"""Buckets (S3, or what speaks as it): which one is meant, who asks, and boto3's client for it."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from trivet.runpod.error import InputError, RunPodError
from trivet.sdk.errors import ConfigurationError

ENVIRONMENT = ("BUCKET_ENDPOINT_URL", "BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY")
AT_ONCE = 4
"""Files, or parts of one, that go at a time."""
HINT = 'Give {"endpointUrl": …, "accessId": …, "accessSecret": …}.'
_LINK_HOLDS = 7 * 24 * 3600
"""Seconds; the longest that S3 allows."""
_PART = 8 * 1024 * 1024
"""Bytes; larger files go in parts of this size, which S3 wants to be 5 MiB at least."""
_GLOBAL = "us-east-1"
_REGION = re.compile(r"(?!s3)[a-z]+(?:\d+|(?:-[a-z]+)*-[a-z0-9]+)")
"""``nyc3``, ``eu-west-1``, ``us-gov-west-1``, ``fr-par``."""


class BucketCredentialsError(InputError, KeyError):
    """What was given for a bucket does not name one."""


class MissingLibraryError(RunPodError, ConfigurationError, ImportError):
    """A package that this needs is not installed."""

    default_code = "missing_library"


class Place(NamedTuple):
    """Where a bucket is, and who asks."""

    endpoint: str
    key_id: str
    secret: str
    bucket: str = ""

    def __repr__(self) -> str:
        return f"Place({self.endpoint!r}, {self.bucket!r})"


def extract_region_from_url(endpoint_url: str) -> str | None:
    """The region that a bucket's URL names, or None: ``eu-west-1`` of ``https://s3.eu-west-1.amazonaws.com``.

    Args:
        endpoint_url: the URL.
    """
    from urllib.parse import urlsplit

    labels = (urlsplit(endpoint_url).hostname or "").split(".")
    before = [label for label in labels[:-2] if label != "dualstack"]
    if not before or labels[-1].isdecimal() or labels[-2] == "cloudflarestorage":
        return None  # Cloudflare has an account there, and one region for all
    if labels[-2] == "amazonaws" and "s3" not in before[:-1]:
        return None  # its global endpoint, perhaps behind a bucket's name
    region = before[-1].removeprefix("s3api-")  # RunPod's own volumes
    return region if _REGION.fullmatch(region) else None


def chosen(given: Mapping[str, str] | None) -> Place | None:
    """The bucket that an argument names, or else the environment; None where neither does.

    Args:
        given: ``endpointUrl``, ``accessId``, ``accessSecret``, perhaps ``bucketName``.

    Raises:
        BucketCredentialsError: one of the three is missing.
    """
    if given:
        missing = [name for name in ("endpointUrl", "accessId", "accessSecret") if not given.get(name)]
        if missing:
            raise BucketCredentialsError(f"`bucket_creds` has no {' and no '.join(missing)}.", hint=HINT)
        return Place(given["endpointUrl"], given["accessId"], given["accessSecret"], given.get("bucketName") or "")
    endpoint, key_id, secret = (os.environ.get(name, "") for name in ENVIRONMENT)
    return Place(endpoint, key_id, secret) if endpoint and key_id and secret else None


def client_of(place: Place) -> Any:
    """boto3's client for a bucket; the same one for all threads of a process, as it takes a fifth of a second to make.

    Raises:
        MissingLibraryError: boto3 is not installed.
    """
    return _client(place, os.getpid())


@functools.lru_cache(maxsize=8)
def _client(place: Place, process: int) -> Any:  # noqa: ARG001 - part of the key: a fork's connections are its parent's
    from importlib import import_module  # boto3 has no types

    try:
        session, config = import_module("boto3.session"), import_module("botocore.config")
    except ImportError as error:
        raise MissingLibraryError(
            "Uploading to a bucket needs the package boto3.",
            hint="`pip install boto3`; for a worker, a line `boto3` in its requirements.txt.",
        ) from error
    return session.Session().client(
        "s3",
        endpoint_url=place.endpoint,
        aws_access_key_id=place.key_id,
        aws_secret_access_key=place.secret,
        region_name=extract_region_from_url(place.endpoint) or _GLOBAL,
        config=config.Config(
            signature_version="s3v4", retries={"max_attempts": 3, "mode": "standard"},
            connect_timeout=10, read_timeout=60, max_pool_connections=2 * AT_ONCE,
        ),
    )  # fmt: skip


def transfer() -> Any:
    """How files go there: boto3's ``TransferConfig``."""
    from importlib import import_module

    return import_module("boto3.s3.transfer").TransferConfig(
        multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=AT_ONCE
    )


def link_to(client: Any, bucket: str, key: str) -> str:
    """A link by which anybody may read a file, for a week."""
    return str(
        client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_LINK_HOLDS)
    )
