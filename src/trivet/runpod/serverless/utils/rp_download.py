"""Files that a job's input names by URL: fetched into the working directory, piece by piece.

URLs lead to public addresses alone (see `trivet.runpod.serverless.utils.rp_ssrf`), over at most five redirects, to files of at
most RUNPOD_MAX_DOWNLOAD_BYTES. No key goes along, but for a name and password in a URL, which go to its own host only.
`trivet.runpod.serverless.utils.rp_cleanup.clean` removes ``job_files``; with ``clean(["jobs"])`` the others, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from trivet.runpod.error import InputError
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless.utils._names import disposition_parameters, suffix
from trivet.runpod.serverless.utils.rp_ssrf import SSRFError, max_download_bytes

__all__ = [
    "DownloadedFile",
    "calculate_chunk_size",
    "download_files_from_urls",
    "extract_disposition_params",
    "file",
    "parse_content_length",
]

_AT_ONCE = 5
_KIB, _MIB = 1024, 1024**2


class DownloadedFile(TypedDict):
    """What `file` gives."""

    file_path: str
    type: str
    original_name: str
    extracted_path: str | None


def download_files_from_urls(job_id: str, urls: str | Sequence[str]) -> list[str | None]:
    """Fetches files into ``jobs/<job_id>/downloaded_files``, some at a time.

    Args:
        job_id: the job.
        urls: one URL, or several.

    Returns:
        Their absolute paths, in the same order; None for each that could not be fetched, and the log says why.

    Raises:
        InputError: the job's id is no name of a folder.
        SSRFError: a URL leads where it may not lead, or to too much.
        OSError: a file can't be written.
    """
    from concurrent.futures import ThreadPoolExecutor
    from itertools import repeat

    if not job_id or job_id in {".", ".."} or any(letter in job_id for letter in "/\\\0"):
        raise InputError(f"{job_id!r} is no name of a folder.", hint="Give the job's id: `job['id']`.")
    wanted = [urls] if isinstance(urls, str) else list(urls)
    folder = Path("jobs", job_id, "downloaded_files").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not wanted:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as pool:
        return list(pool.map(_fetched, wanted, repeat(folder)))


def file(file_url: str) -> DownloadedFile:
    """Fetches a file into ``job_files``; an archive (``.zip``) is unpacked besides.

    Args:
        file_url: where it is.

    Returns:
        ``file_path``, absolute; ``type``, its ending without the dot; ``original_name``; and ``extracted_path``, the folder
        of what was in the archive, or None.

    Raises:
        SSRFError: the URL leads where it may not lead, or to too much; so does an archive that holds too much.
        HTTPError: a server refused it.
        ConnectionFailed: a server could not be reached, or the connection broke.
        TimedOutError: it did not come in time.
        BadArchiveError: the archive is none; also ``zipfile.BadZipFile``.
        OSError: it can't be written.
    """
    from trivet.runpod.serverless.utils._fetching import fetch

    found = fetch(file_url, Path("job_files").absolute())
    kind = suffix(found.name)[1:]
    extracted: Path | None = None
    if kind.lower() == "zip":
        from trivet.runpod.serverless.utils._archives import unpack

        extracted = found.path.with_suffix("")
        try:
            unpack(found.path, extracted, max_download_bytes())
        except BaseException:
            found.path.unlink(missing_ok=True)
            raise
    return {
        "file_path": os.fspath(found.path),
        "type": kind,
        "original_name": found.name,
        "extracted_path": None if extracted is None else os.fspath(extracted),
    }


def calculate_chunk_size(file_size: int) -> int:
    """Bytes to read at a time: 1 KiB for a file below 1 MiB, 1 MiB for one below 1 GiB, else 10 MiB.

    Args:
        file_size: its bytes.
    """
    return _KIB if file_size <= _MIB else _MIB if file_size <= 1024 * _MIB else 10 * _MIB


def parse_content_length(headers: Mapping[str, str]) -> int:
    """Bytes that an answer announces; 0 where it says nothing, or nonsense.

    Args:
        headers: the answer's headers.
    """
    said = next((value for name, value in headers.items() if name.lower() == "content-length"), "").strip()
    return int(said) if said.isascii() and said.isdecimal() else 0


def extract_disposition_params(content_disposition: str) -> dict[str, str]:
    """The parameters of a ``Content-Disposition``: ``{"filename": "a.png"}``.

    Args:
        content_disposition: the header.
    """
    return disposition_parameters(content_disposition)


def _fetched(url: str, folder: Path) -> str | None:
    from trivet.runpod.error import ConnectionFailed, HTTPError, TimedOutError
    from trivet.runpod.serverless.utils._fetching import fetch

    try:
        return os.fspath(fetch(url, folder).path)
    except SSRFError:
        raise
    except (ConnectionFailed, HTTPError, TimedOutError) as error:
        RunPodLogger().error(f"Not fetched: {error.message}")
        return None
