"""How programs of RunPod's package are told by their environment where they find this platform.

The original package reads these variables, in a worker and in a program that calls. Their URLs are patterns: the worker fills in
``$ID`` (its own id in the first, a job's in the others) and ``$RUNPOD_POD_ID``. What it adds to the query begins with ``&``, so
that each has a query already.
"""

import json
import re
from typing import NamedTuple

POLLING_HOST = "runpod"
"""The kind of host of a program that asks for its jobs over HTTP, as the original package does."""
LINKED_HOST = "runpod_linked"
"""That of one whose `trivet.runpod.serverless.start` takes them from the platform's own link."""
_CLASS = re.compile(r"<class '([^']{1,200})'>")
_OUR_FOLDERS = re.compile(
    r'(?m)^(\s*File ")[^"]*/(?:workers/[^/"]+/code|envs/[0-9a-f]+/lib/[^/"]+/site-packages|runtime/[0-9a-f]+)/'
)
"""How lines of a traceback begin that name files below the data folder, which is nobody's business; the rest is the author's."""
_LONGEST_TEXT = 64 * 1024
"""Characters of an error that are kept: its beginning."""


def caller_variables(url: str, key: str) -> dict[str, str]:
    """What a program that calls finds in its environment.

    Args:
        url: where the platform is found over HTTP.
        key: the API key that it calls with.
    """
    return {
        "RUNPOD_API_KEY": key,
        "RUNPOD_ENDPOINT_BASE_URL": f"{url}/runpod/v2",
        "RUNPOD_API_BASE_URL": f"{url}/runpod",  # its package adds /graphql
    }


def worker_variables(
    url: str, endpoint_id: str, worker_id: str, token: str, *, query: str, ping_interval: float
) -> dict[str, str]:
    """What a worker finds in its environment.

    Args:
        url: where the platform is found over HTTP.
        endpoint_id: whose jobs it asks for.
        worker_id: what it is called.
        token: what it proves itself by: a token of its own, or an API key.
        query: what each URL says besides, as ``name=value``.
        ping_interval: seconds between its signs of life.
    """
    base = f"{url}/runpod/v2/{endpoint_id}"
    return {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?{query}",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?{query}",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?{query}",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?{query}",
        "RUNPOD_AI_API_KEY": token,
        "RUNPOD_POD_ID": worker_id,
        "RUNPOD_ENDPOINT_ID": endpoint_id,
        "RUNPOD_PING_INTERVAL": str(round(ping_interval * 1000)),
    }


class HandlersError(NamedTuple):
    """What a worker says of a handler's failure. ``type`` and ``traceback`` are empty where it was no exception."""

    message: str
    type: str = ""
    traceback: str = ""


def read_error(text: str) -> HandlersError:
    """Reads the ``error`` of a worker's report: of an exception what it was, of anything else the text itself.

    Paths in the traceback lose what lies above the program's own folder, or above a package's.

    Args:
        text: as the worker says it; of an exception that is JSON.
    """
    try:
        told = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("error_type"), str) or "error_message" not in told:
        return HandlersError(_presentable(text))
    match, trace = _CLASS.fullmatch(told["error_type"]), told.get("error_traceback")
    return HandlersError(
        _presentable(str(told["error_message"])),
        _presentable(match[1] if match else told["error_type"]).removeprefix("__main__."),
        _presentable(trace) if isinstance(trace, str) else "",
    )


def _presentable(text: str) -> str:
    """A text that can be stored and shown: without our folders, and without the halves of surrogate pairs that JSON can hold."""
    return _OUR_FOLDERS.sub(r"\1", text[:_LONGEST_TEXT]).encode(errors="replace").decode()
