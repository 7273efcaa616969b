"""BentoML: one service with one worker. `bentoml serve` runs it; the port is an argument of that."""

from collections.abc import Iterator
from typing import Any

import bentoml


@bentoml.service(
    workers=1, metrics={"enabled": False}, tracing={"sample_rate": 0.0}, logging={"access": {"enabled": False}}
)
class Bench:
    """Both handlers, as a user would write them."""

    @bentoml.api
    def echo(self, value: Any) -> Any:
        return value

    @bentoml.api
    def stream(self, n: int) -> Iterator[str]:
        for piece in range(n):
            yield f"data: {piece}\n\n"
