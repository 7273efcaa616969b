"""Workers that run algorithms: what they find in their environment beside what every worker finds there."""

from __future__ import annotations

from collections.abc import Mapping

from trivet.platform.core.errors import Unavailable
from trivet.platform.ports.runtime import WorkerSpec

HOST = "algorithm"
"""The kind of host that they are."""


def algorithm_environ(spec: WorkerSpec, environ: Mapping[str, str], url: str, tmp: int) -> dict[str, str]:
    """All that an algorithm's worker knows of its surroundings.

    The published client asks without a key there, so the address that it is given has to prove who asks: the worker adds that for
    each program that it starts (`trivet.protocol.addresses`).

    Args:
        spec: the worker.
        environ: what any worker would find in its place.
        url: where the platform is found over HTTP.
        tmp: bytes that it may keep in its own folders; 0: any number.

    Raises:
        Unavailable: the platform has no such place, and the client would go to the service that it was made for.
    """
    if not url:
        raise Unavailable(
            "An algorithm finds the platform over HTTP, and this platform is not served over HTTP.",
            hint="Start it by `trivet up`.",
        )
    return {
        **environ,
        "ALGORITHMIA_API": f"{url}/algorithmia/w/{spec.worker_id}",
        "TRIVET_ADDRESS_TOKEN": spec.token,
        "TRIVET_ALGORITHM_TMP": str(tmp),
    }
