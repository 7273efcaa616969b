"""All that is said to one server: the channel under a key, and the plain verbs over it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, Self

from trivet.algorithmia import _answers, _refusals, _requests, _settings
from trivet.algorithmia._answers import Answer
from trivet.algorithmia.errors import ApiError
from trivet.sdk._async.channel import AsyncChannel
from trivet.sdk._async.concurrency import sleep
from trivet.sdk._async.transport import AsyncStreamed, AsyncTransport, problem
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._retry import Backoff, delay_before_retry
from trivet.sdk.errors import TrivetError


class AsyncConversation:
    """The way to a server. Connections are made when they are needed, and used again.

    May be used by several threads and tasks at once.

    Args:
        apiKey: the key; None for the environment's (``ALGORITHMIA_API_KEY``).
        apiAddress: the server's URL; None for the environment's (``ALGORITHMIA_API``), or the original service.
        caCert: a file of certificates (PEM) to trust besides the system's; None for the environment's
            (``REQUESTS_CA_BUNDLE``).
        bearerToken: a token in place of a key; None for the environment's (``ALGORITHMIA_BEARER_TOKEN``).
        timeout: seconds for an ordinary answer, on top of what the request itself may take.
        transport: the way there, in place of HTTP; for tests.

    Raises:
        InputError: the address is none, or certificates are not to be checked.
    """

    def __init__(
        self,
        apiKey: str | None = None,
        apiAddress: str | None = None,
        caCert: str | os.PathLike[str] | bool | None = None,
        bearerToken: str | None = None,
        *,
        timeout: float = 60.0,
        transport: AsyncTransport | None = None,
    ) -> None:
        from trivet.algorithmia import getApiAddress

        self.apiKey, self.bearerToken = _settings.credential(apiKey, bearerToken)
        self.apiAddress = _settings.address(apiAddress if apiAddress is not None else getApiAddress())
        self.ca_cert = _settings.certificates(caCert, self.apiAddress)
        self.timeout = timeout
        self._transport = transport
        self._backoff = Backoff()
        self._channel: AsyncChannel | None = None
        self._made_for: tuple[Any, ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *ending: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.apiAddress}>"

    # -- requests and answers

    async def send(self, request: Request) -> Response:
        """The answer to a request, whatever its status.

        Raises:
            ConnectionFailed: none came.
            TimedOutError: none came in time.
            InputError: the key, the certificates or the request can't be used.
            ApiError: this client can't ask, as it is closed, or was used before this process was forked.
        """
        try:
            return await self._way().send(request)
        except TransportError as failure:
            raise _refusals.failed(failure, self.apiAddress) from failure
        except TrivetError as error:
            raise _refusals.of_client(error) from None

    async def open(self, request: Request) -> AsyncStreamed | Response:
        """The beginning of a good answer to a question, which the caller closes; or all of an answer that is none.

        Raises:
            ConnectionFailed: none came.
            TimedOutError: none came in time.
        """
        repetition = 0
        while True:
            outcome: Response | TransportError
            try:
                answer = await self._way().open(request)
                if answer.status == 200:
                    return answer
                outcome = await problem(answer)
            except TransportError as failure:
                outcome = failure
            except TrivetError as error:
                raise _refusals.of_client(error) from None
            delay = self.retry_delay(request, outcome, repetition)
            if delay is None:
                if isinstance(outcome, TransportError):
                    raise _refusals.failed(outcome, self.apiAddress) from outcome
                return outcome
            await sleep(delay)
            repetition += 1

    def retry_delay(self, request: Request, outcome: Response | TransportError, repetition: int) -> float | None:
        """Seconds before a request may be made again; None where it must not. See `delay_before_retry`."""
        import random  # not at the top: hardly any request fails, and all programs would pay for it

        chance = random.random()  # noqa: S311 — chance, not a secret
        return delay_before_retry(
            request, outcome, self._backoff, repetition=repetition, chance=chance, now=datetime.now(UTC)
        )

    def no_answer(self, failure: TransportError) -> ApiError:
        """The error for a failure of the network."""
        return _refusals.failed(failure, self.apiAddress)

    async def close(self) -> None:
        """Ends all connections. Nobody has to; what comes after it makes new ones."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    def _way(self) -> AsyncChannel:
        wanted = (self.apiAddress, self.apiKey, self.bearerToken, self.timeout)
        channel = self._channel
        if channel is None or self._made_for != wanted:
            known = _settings.Credential(self.apiKey, self.bearerToken)
            self._channel = channel = AsyncChannel(
                _settings.address(self.apiAddress),
                _settings.headers(known),
                timeout=self.timeout,
                verify=self.ca_cert,
                transport=self._transport,
            )
            self._made_for = wanted
        return channel

    # -- the plain verbs, as the original has them

    async def postJsonHelper(
        self,
        url: str,
        input_object: Any,
        parse_response_as_json: bool = True,
        retry: bool = False,
        **query_parameters: Any,
    ) -> Any:
        """Sends a value, and returns the JSON that is answered, or the answer as it is.

        Args:
            url: the path, from ``/v1`` on.
            input_object: text, bytes, or what JSON can hold.
            parse_response_as_json: whether the answer is JSON.
            retry: whether it is sent once more where it is refused.
            query_parameters: options.

        Raises:
            AlgorithmException: it was refused.
        """
        request = _requests.post(url, input_object, query_parameters, held=_requests.CALL_TIMEOUT)
        answer = await self.send(request)
        if retry and answer.status >= 300:
            answer = await self.send(request)
        if parse_response_as_json:
            return _answers.document(answer)
        if answer.status >= 300:
            raise _refusals.refused(answer, ApiError)
        return Answer(answer)

    async def getHelper(self, url: str, **query_parameters: Any) -> Answer:
        """Asks, and returns the answer as it is."""
        return Answer(await self.send(_requests.get(url, query_parameters)))

    async def getJsonHelper(self, url: str, **query_parameters: Any) -> Any:
        """Asks, and returns the JSON that is answered.

        Raises:
            AlgorithmException: it was refused.
        """
        return _answers.document(await self.send(_requests.get(url, query_parameters)))

    async def patchHelper(self, url: str, params: Any) -> Answer:
        """Changes something, and returns the answer as it is."""
        return Answer(await self.send(_requests.patch(url, params)))

    async def headHelper(self, url: str) -> Answer:
        """Asks for what is known of something, and returns the answer as it is."""
        return Answer(await self.send(_requests.head(url)))

    async def putHelper(self, url: str, data: Any) -> Any:
        """Stores text or bytes, or JSON, and returns the JSON that is answered, or an empty answer as it is.

        Raises:
            AlgorithmException: it was refused.
        """
        if isinstance(data, str | bytes | bytearray):
            request = _requests.put(url, data.encode() if isinstance(data, str) else bytes(data))
        else:
            request = _requests.put_json(url, data)
        return _answers.document_or_answer(await self.send(request))

    async def deleteHelper(self, url: str) -> Any:
        """Takes something away, and returns the JSON that is answered, also that of an error."""
        place, _, force = url.partition("?")
        answer = await self.send(_requests.delete(place, force="force=true" in force))
        return Answer(answer) if answer.status == 204 else _answers.told(answer)
