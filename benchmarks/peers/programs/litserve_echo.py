"""LitServe: one API server, one worker process. Arguments: ``echo`` or ``stream``, and the port."""

import sys
from collections.abc import Iterator
from typing import Any

import litserve


class Echo(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        return request["value"]


class Pieces(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Iterator[int]:
        yield from range(request["n"])

    def encode_response(self, output):  # type: ignore[no-untyped-def]  # an annotation would become the web framework's
        for piece in output:
            yield f"data: {piece}\n\n"


if __name__ == "__main__":
    role, port = sys.argv[1], int(sys.argv[2])
    api = Pieces(stream=True) if role == "stream" else Echo()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
