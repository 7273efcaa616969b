"""How programs of RunPod's package are told by their environment where they find this platform.

The original package reads these variables, in a worker and in a program that calls. Their URLs are patterns: the worker fills in
``$ID`` (its own id in the first, a job's in the others) and ``$RUNPOD_POD_ID``. What it adds to the query begins with ``&``, so
that each has a query already.
"""

POLLING_HOST = "runpod"
"""The kind of host of a program that asks for its jobs over HTTP, as the original package does."""
LINKED_HOST = "runpod_linked"
"""That of one whose `trivet.runpod.serverless.start` takes them from the platform's own link."""


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
