"""What an algorithm answers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from trivet.algorithmia.async_response import AsyncResponse
from trivet.algorithmia.errors import AlgoException, AlgorithmException, AnswerError, raiseAlgoApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AlgoException", "AlgoResponse", "AlgorithmException", "Metadata"]


class Metadata:
    """What is told beside a result.

    Args:
        metadata: as it came.

    Attributes:
        content_type: ``text``, ``json``, ``binary`` or ``void``.
        duration: seconds that it took.
        stdout: what the algorithm has printed, where that was asked for; else None.
        alerts: what the platform warns of, where it does; else None.
        full_metadata: all of it, as it came.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.content_type: str = metadata["content_type"]
        self.duration: float = metadata["duration"]
        self.stdout: str | None = metadata.get("stdout")
        self.alerts: Any = metadata.get("alerts")
        self.full_metadata = metadata

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def __repr__(self) -> str:
        return f"Metadata(content_type='{self.content_type}',duration={self.duration},stdout={self.stdout})"


class AlgoResponse:
    """A result with what is told beside it.

    Args:
        result: text, bytes, or whatever JSON can hold.
        metadata: what is told beside it.
    """

    def __init__(self, result: Any, metadata: Metadata) -> None:
        self.result = result
        self.metadata = metadata

    def __repr__(self) -> str:
        return f"AlgoResponse(result={self.result},metadata={self.metadata})"

    @staticmethod
    def create_algo_response(response: Mapping[str, Any]) -> AlgoResponse | AsyncResponse:
        """The answer that the server's JSON document holds.

        Raises:
            AlgorithmException: it tells of an error.
            AnswerError: it is none.
        """
        if "error" in response:
            raise raiseAlgoApiError(response)
        if "async_protocol" in response and "request_id" in response:
            return AsyncResponse({"async": response["async_protocol"], **response})
        try:
            metadata = Metadata(response["metadata"])
            kind = metadata.content_type
            if kind == "void":
                return AlgoResponse(None, metadata)
            result = response["result"]
            return AlgoResponse(base64.b64decode(result) if kind == "binary" else result, metadata)
        except (KeyError, TypeError, ValueError) as error:
            raise AnswerError(
                f"The answer is none of an algorithm ({type(error).__name__}: {error}).",
                hint="Check the address, and what stands between this program and it.",
            ) from None
