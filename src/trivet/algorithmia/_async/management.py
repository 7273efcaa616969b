"""What an algorithm's owner does: make it, build it, publish it, keep its secrets, look at what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivet.algorithmia import _answers, _requests
from trivet.algorithmia._async.conversation import AsyncConversation
from trivet.algorithmia.errors import AlgorithmException, AnswerError, ApiError
from trivet.sdk._http import Request
from trivet.sdk._json import JsonValue

Fields = Mapping[str, Any] | None
"""A part of what describes an algorithm; None leaves it to the server."""


class AsyncManagement:
    """The verbs of an algorithm's owner. Answers are documents, whose fields are keys and attributes."""

    client: AsyncConversation
    username: str
    algoname: str

    async def create(
        self,
        details: Fields = None,
        settings: Fields = None,
        version_info: Fields = None,
        source: Fields = None,
        scmsCredentials: Fields = None,
    ) -> Any:
        """Makes the algorithm.

        Args:
            details: ``label``, ``summary``, ``tagline``.
            settings: ``algorithm_environment``, ``source_visibility``, ``license``, ``network_access``,
                ``pipeline_enabled`` …
            version_info: ``sample_input`` …
            source: where its code lies.
            scmsCredentials: what opens that place.

        Raises:
            AlgorithmException: it was refused.
        """
        about = _requests.creation(
            self.algoname,
            details,
            settings,
            version_info=version_info,
            source=source,
            scmsCredentials=scmsCredentials,
        )
        return await self._post(f"/v1/algorithms/{self.username}", about)

    async def update(
        self,
        details: Fields = None,
        settings: Fields = None,
        version_info: Fields = None,
        source: Fields = None,
        scmsCredentials: Fields = None,
    ) -> Any:
        """Changes what describes the algorithm; arguments as for `create`. What is not given stays as it is.

        Raises:
            AlgorithmException: it was refused.
        """
        parts = {
            "details": details,
            "settings": settings,
            "version_info": version_info,
            "source": source,
            "scmsCredentials": scmsCredentials,
        }
        changes = {name: value for name, value in parts.items() if value}
        return await self._document(_requests.put_json(self._place, changes))

    async def publish(
        self,
        details: Fields = None,
        settings: Fields = None,
        version_info: Fields = None,
        source: Fields = None,
        scmsCredentials: Fields = None,
    ) -> Any:
        """Publishes what was built last as a version; arguments as for `create`.

        Raises:
            AlgorithmException: it was refused.
        """
        parts = {
            "details": details or {},
            "settings": settings or {},
            "version_info": version_info or {},
            "source": source or {},
            "scmsCredentials": scmsCredentials or {},
        }
        return await self._post(f"{self._place}/versions", parts, held=_requests.CALL_TIMEOUT)

    async def compile(self) -> Any:
        """Builds the algorithm from its newest source, and returns when that is done.

        Raises:
            AlgorithmException: it was refused.
        """
        return await self._post(f"{self._place}/compile", {}, held=_requests.BUILD_TIMEOUT)

    async def exists(self) -> bool:
        """Whether there is such an algorithm that this key may see.

        Raises:
            ApiError: the server does not say.
        """
        try:
            await self._get(self._place)
        except AlgorithmException as error:
            if error.status == 404 or "No such algorithm" in str(error.message):
                return False
            if error.status == 403 or "403" in str(error.message):
                raise ApiError(
                    "unable to check exists on algorithms you don't own.", code="forbidden", status=error.status
                ) from error
            raise
        return True

    async def info(self, algo_hash: str | None = None) -> Any:
        """What is known of the algorithm's versions, or of the one that was built from a commit.

        Raises:
            AlgorithmException: there is none.
        """
        return await self._get(f"{self._place}/versions/{algo_hash}" if algo_hash else f"{self._place}/versions")

    async def versions(
        self,
        limit: int | None = None,
        marker: str | None = None,
        published: bool | str | None = None,
        callable: bool | str | None = None,
    ) -> Any:
        """The algorithm's versions, newest first.

        Args:
            limit: how many at most.
            marker: where to go on, from the answer before.
            published: whether only published ones.
            callable: whether only those that everybody may call; or ``"private"``.

        Raises:
            AlgorithmException: there is no such algorithm.
        """
        return await self._get(
            f"{self._place}/versions",
            limit=limit or None,
            marker=marker or None,
            published=_requests.flag(published),
            callable=_requests.flag(callable),
        )

    async def get_builds(self, limit: int = 56, marker: str | None = None) -> Any:
        """The algorithm's builds, newest first: ``limit`` at most, from ``marker`` on.

        Raises:
            AlgorithmException: there is no such algorithm.
        """
        return await self._get(f"{self._place}/builds", limit=limit, marker=marker)

    async def builds(self, limit: int = 56, marker: str | None = None) -> Any:
        """What `get_builds` was called before version 2."""
        return await self.get_builds(limit, marker)

    async def build_logs(self) -> Any:
        """The algorithm's builds, as version 1 asked for them."""
        return await self._get(f"{self._place}/builds")

    async def get_build(self, build_id: str) -> Any:
        """One build; its ``status`` is ``succeeded``, ``failed`` or ``in-progress``.

        Raises:
            AlgorithmException: there is none by this id.
        """
        return await self._get(f"{self._place}/builds/{build_id}")

    async def get_build_logs(self, build_id: str) -> Any:
        """What a build has printed, as ``logs``.

        Raises:
            AlgorithmException: there is none by this id, or it is not done.
        """
        return await self._get(f"{self._place}/builds/{build_id}/logs")

    async def get_scm_status(self) -> Any:
        """Whether the place where the code lies can be reached.

        Raises:
            AlgorithmException: there is no such algorithm.
        """
        return await self._get(f"{self._place}/scm/status")

    async def get_algorithm_id(self) -> str:
        """The algorithm's id.

        Raises:
            AlgorithmException: there is no such algorithm.
        """
        found = await self._get(self._place)
        algorithm_id = found.get("id") if isinstance(found, dict) else None
        if not isinstance(algorithm_id, str):
            raise AnswerError(f"field 'id' not found in response: {found}")
        return algorithm_id

    async def get_secrets(self) -> Any:
        """The algorithm's secrets, without their values.

        Raises:
            AlgorithmException: there is no such algorithm, or it is another's.
        """
        algorithm_id = await self.get_algorithm_id()
        return await self._get(f"/v1/algorithms/{algorithm_id}/secrets")

    async def set_secret(
        self, short_name: str, secret_key: str, secret_value: str, description: str | None = None
    ) -> Any:
        """Keeps a secret for the algorithm, which finds it in its environment.

        Args:
            short_name: its name here.
            secret_key: the variable's name.
            secret_value: the value. It is shown nowhere.
            description: what it is for.

        Raises:
            AlgorithmException: there is no such algorithm, or it is another's.
        """
        algorithm_id = await self.get_algorithm_id()
        providers = await self._get("/v1/secret-provider")
        first = providers[0] if isinstance(providers, list) and providers else None
        if not isinstance(first, dict) or "id" not in first:
            raise AnswerError("The server names no place that keeps secrets.")
        about = _requests.secret(
            algorithm_id,
            str(first["id"]),
            short_name=short_name,
            key=secret_key,
            value=secret_value,
            about=description,
        )
        return await self._post(f"/v1/algorithms/{algorithm_id}/secrets", about)

    @property
    def _place(self) -> str:
        return f"/v1/algorithms/{self.username}/{self.algoname}"

    async def _document(self, request: Request) -> JsonValue:
        return _answers.document(await self.client.send(request))

    async def _get(self, url: str, **parameters: Any) -> JsonValue:
        return await self._document(_requests.get(url, parameters))

    async def _post(self, url: str, value: Any, held: float = 0.0) -> JsonValue:
        return await self._document(_requests.post(url, value, {}, held=held))
