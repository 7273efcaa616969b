"""Files for a bucket (S3, or what speaks as it): uploaded, and given back as links that hold for a week.

A bucket is named by the argument ``bucket_creds``, or by BUCKET_ENDPOINT_URL, BUCKET_ACCESS_KEY_ID and
BUCKET_SECRET_ACCESS_KEY. Where neither says anything, as on a developer's machine, files are kept in a folder of the working
directory, and their paths are given back. Uploading needs the package boto3; its errors are raised as they are.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivet.runpod.error import InputError
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless.utils._buckets import (
    AT_ONCE,
    ENVIRONMENT,
    HINT,
    BucketCredentialsError,
    MissingLibraryError,
    chosen,
    client_of,
    extract_region_from_url,
    link_to,
    transfer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BucketCredentialsError",
    "MissingLibraryError",
    "bucket_upload",
    "extract_region_from_url",
    "files",
    "get_boto_client",
    "upload_file_to_bucket",
    "upload_image",
    "upload_in_memory_object",
]

IMAGES = "simulated_uploaded"
"""The folder that stands in for a bucket of images."""
FILES = "local_upload"
"""The folder that stands in for any other."""


def get_boto_client(bucket_creds: Mapping[str, str] | None = None) -> tuple[Any, Any]:
    """boto3's client for a bucket, and how files go there; None in place of the client where no bucket is named.

    Args:
        bucket_creds: ``endpointUrl``, ``accessId`` and ``accessSecret``; the environment's where it is not given.

    Raises:
        BucketCredentialsError: one of the three is missing.
        MissingLibraryError: boto3 is not installed.
    """
    place = chosen(bucket_creds)
    if place is None:
        return None, None
    return client_of(place), transfer()


def upload_image(
    job_id: str,
    image_location: str | os.PathLike[str],
    result_index: int = 0,
    results_list: MutableSequence[Any] | None = None,
    bucket_name: str | None = None,
) -> str:
    """Uploads a file under a name of its own below the job's id.

    Args:
        job_id: the job.
        image_location: the file.
        result_index: where the link goes in ``results_list``.
        results_list: is given the link besides.
        bucket_name: the bucket; else that of this month (``MM-YY``).

    Returns:
        A link to it; without a bucket, the path of a copy in the folder ``simulated_uploaded``.

    Raises:
        OSError: the file can't be read.
        MissingLibraryError: boto3 is not installed.
    """
    source = Path(image_location)
    name = _name_of_its_own() + source.suffix
    place = chosen(None)
    if place is None:
        link = _keep(IMAGES, name, source)
    else:
        client, bucket, key = client_of(place), bucket_name or _this_month(), f"{job_id}/{name}"
        with source.open("rb") as content:
            client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=_kind(source))
        link = link_to(client, bucket, key)
    if results_list is not None:
        results_list[result_index] = link
    return link


def files(job_id: str, file_list: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Uploads several files as `upload_image` does, some at a time.

    Args:
        job_id: the job.
        file_list: the files.

    Returns:
        Their links, in the same order.

    Raises:
        OSError: a file can't be read.
        MissingLibraryError: boto3 is not installed.
    """
    from concurrent.futures import ThreadPoolExecutor
    from itertools import repeat

    if not file_list:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(file_list))) as pool:
        return list(pool.map(upload_image, repeat(job_id), file_list))


def bucket_upload(
    job_id: str, file_list: Sequence[str | os.PathLike[str]], bucket_creds: Mapping[str, str]
) -> list[str]:
    """Uploads files, each under its own path below the job's id.

    Args:
        job_id: the job.
        file_list: the files.
        bucket_creds: ``endpointUrl``, ``accessId``, ``accessSecret`` and ``bucketName``.

    Returns:
        Their addresses, in the same order; these are no links for everybody, as the bucket may be private.

    Raises:
        OSError: a file can't be read.
        BucketCredentialsError: one of the four is missing.
        MissingLibraryError: boto3 is not installed.
    """
    place = chosen(bucket_creds or {"endpointUrl": ""})
    if place is None or not place.bucket:
        raise BucketCredentialsError("`bucket_creds` has no bucketName.", hint=HINT[:-2] + ', "bucketName": …}.')
    client, how = client_of(place), transfer()
    addresses: list[str] = []
    for file in file_list:
        key = f"{job_id}/{os.fspath(file).lstrip('/')}"
        client.upload_file(os.fspath(file), place.bucket, key, Config=how)
        addresses.append(f"{place.endpoint.rstrip('/')}/{place.bucket}/{key}")
    return addresses


def upload_file_to_bucket(  # noqa: PLR0917 - the original's signature
    file_name: str,
    file_location: str | os.PathLike[str],
    bucket_creds: Mapping[str, str] | None = None,
    bucket_name: str | None = None,
    prefix: str | None = None,
    extra_args: dict[str, Any] | None = None,
) -> str:
    """Uploads a file of any size.

    Args:
        file_name: what it is called in the bucket.
        file_location: the file.
        bucket_creds: ``endpointUrl``, ``accessId`` and ``accessSecret``, perhaps ``bucketName``; else the environment's.
        bucket_name: the bucket; else that of ``bucket_creds``, else that of this month (``MM-YY``).
        prefix: stands before the name, with a slash between them.
        extra_args: more for the upload, as boto3's ``ExtraArgs`` has it: ``{"ContentType": "text/plain"}``.

    Returns:
        A link to it; without a bucket, the path of a copy in the folder ``local_upload``.

    Raises:
        OSError: the file can't be read.
        InputError: the name leads out of the folder.
        MissingLibraryError: boto3 is not installed.
    """
    place = chosen(bucket_creds)
    if place is None:
        return _keep(FILES, file_name, Path(file_location))
    client, bucket = client_of(place), bucket_name or place.bucket or _this_month()
    key = f"{prefix}/{file_name}" if prefix else file_name
    client.upload_file(os.fspath(file_location), bucket, key, ExtraArgs=extra_args, Config=transfer())
    return link_to(client, bucket, key)


def upload_in_memory_object(
    file_name: str,
    file_data: bytes,
    bucket_creds: Mapping[str, str] | None = None,
    bucket_name: str | None = None,
    prefix: str | None = None,
) -> str:
    """Uploads bytes as a file.

    Args:
        file_name: what it is called in the bucket.
        file_data: its content.
        bucket_creds: as `upload_file_to_bucket`.
        bucket_name: as there.
        prefix: as there.

    Returns:
        A link to it; without a bucket, the path of a file in the folder ``local_upload``.

    Raises:
        InputError: the name leads out of the folder.
        MissingLibraryError: boto3 is not installed.
    """
    from io import BytesIO

    place = chosen(bucket_creds)
    if place is None:
        return _keep(FILES, file_name, file_data)
    client, bucket = client_of(place), bucket_name or place.bucket or _this_month()
    key = f"{prefix}/{file_name}" if prefix else file_name
    client.upload_fileobj(BytesIO(file_data), bucket, key, Config=transfer())
    return link_to(client, bucket, key)


def _keep(folder: str, name: str, content: Path | bytes) -> str:
    at = Path(folder, name)
    if not Path(os.path.normpath(at)).is_relative_to(folder) or "\0" in name or not Path(name).name:
        raise InputError(
            f"{name!r} is no name of a file below {folder}.", hint="Leave out `..` and slashes at its start."
        )
    at.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        at.write_bytes(content)
    else:
        shutil.copyfile(content, at)
    RunPodLogger().warn(f"No bucket is set ({', '.join(ENVIRONMENT)}): {name} is kept in the folder {folder}.")
    return str(at)


def _name_of_its_own() -> str:
    import uuid

    return str(uuid.uuid4())[:8]


def _this_month() -> str:
    import time

    return time.strftime("%m-%y", time.gmtime())


def _kind(file: Path) -> str:
    import mimetypes

    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
