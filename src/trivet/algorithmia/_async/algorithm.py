"""One algorithm: what its callers do, beside what its owner does."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar, cast, overload

from trivet.algorithmia import _answers, _requests
from trivet.algorithmia._async.conversation import AsyncConversation
from trivet.algorithmia._async.management import AsyncManagement
from trivet.algorithmia._options import OutputType, Reference
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.async_response import Started

Answered = TypeVar("Answered")


class AsyncAlgorithm(AsyncManagement, Generic[Answered]):
    """An algorithm. What it answers with is an `AlgoResponse`, unless `set_options` says otherwise.

    Args:
        client: the way to the server.
        algoRef: its name: ``owner/name`` or ``owner/name/version``, also after ``algo://``.

    Raises:
        InputError: it is no name; also a `ValueError`.
    """

    def __init__(self, client: AsyncConversation, algoRef: str) -> None:
        named = Reference.parse(algoRef)
        self.client = client
        self.path = named.path
        self.username = named.username
        self.algoname = named.algoname
        if named.version is not None:
            self.version = named.version
        self.url = f"/v1/algo/{named.path}"
        self.query_parameters: dict[str, Any] = {}
        self.output_type = OutputType.default

    @overload
    def set_options(
        self,
        timeout: float = 300,
        stdout: bool = False,
        output: Literal[OutputType.default] = OutputType.default,
        **query_parameters: Any,
    ) -> AsyncAlgorithm[AlgoResponse]: ...

    @overload
    def set_options(
        self, timeout: float = 300, stdout: bool = False, *, output: Literal[OutputType.raw], **query_parameters: Any
    ) -> AsyncAlgorithm[str]: ...

    @overload
    def set_options(
        self, timeout: float = 300, stdout: bool = False, *, output: Literal[OutputType.void], **query_parameters: Any
    ) -> AsyncAlgorithm[Started]: ...

    @overload
    def set_options(
        self, timeout: float, stdout: bool, output: OutputType, **query_parameters: Any
    ) -> AsyncAlgorithm[Any]: ...

    def set_options(
        self,
        timeout: float = 300,
        stdout: bool = False,
        output: OutputType = OutputType.default,
        **query_parameters: Any,
    ) -> AsyncAlgorithm[Any]:
        """Sets what holds for every call from now on.

        Args:
            timeout: seconds that a call may take.
            stdout: whether what it prints is told; for its owner only.
            output: in what form it answers.
            query_parameters: options that are handed on as they are.

        Returns:
            This algorithm.
        """
        self.query_parameters = {"timeout": timeout, "stdout": stdout, **query_parameters}
        self.output_type = output
        return self

    async def pipe(self, input1: Any) -> Answered:
        """Calls the algorithm.

        Args:
            input1: text, bytes, or what JSON can hold.

        Returns:
            Its answer: an `AlgoResponse`, or with other options text, or word that it has begun.

        Raises:
            AlgorithmException: it has failed, or can't be called.
            ApiError: no answer came, or none of an algorithm.
        """
        kind = self.output_type
        if kind is not OutputType.default:
            self.query_parameters["output"] = kind.name
        answer = await self.client.send(_requests.pipe(self.url, input1, self.query_parameters))
        if kind is OutputType.raw:
            return cast("Answered", _answers.raw(answer))
        return cast("Answered", _answers.started(answer) if kind is OutputType.void else _answers.piped(answer))
