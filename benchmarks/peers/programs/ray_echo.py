"""Ray Serve: one replica. HAProxy or the default proxy in front is chosen by the environment.

Arguments: the port. To be started in a network namespace of its own: see `benchmarks.network`.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 0})
class Bench:
    """Both handlers: a request's body is given back, or pieces."""

    async def __call__(self, request: Request) -> Response:
        """Answers one request."""
        body = await request.json()
        if request.url.path == "/stream":
            return StreamingResponse(_pieces(body["n"]), media_type="text/event-stream")
        return Response(await request.body(), media_type="application/json")


async def _pieces(n: int) -> AsyncIterator[str]:
    for piece in range(n):
        yield f"data: {piece}\n\n"


if __name__ == "__main__":
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        logging_level="error",
        _temp_dir=os.environ["RAY_TMPDIR"],
    )
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False}
    )
    serve.run(Bench.bind(), route_prefix="/")
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()
