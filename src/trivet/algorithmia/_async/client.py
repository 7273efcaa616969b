"""The client: algorithms, files, and what else a platform has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from trivet.algorithmia import _answers, _manifests, _requests, _words
from trivet.algorithmia._answers import Answer
from trivet.algorithmia._async.algorithm import AsyncAlgorithm
from trivet.algorithmia._async.conversation import AsyncConversation
from trivet.algorithmia._async.datadirectory import AsyncDataDirectory
from trivet.algorithmia._async.datafile import AsyncDataFile
from trivet.algorithmia._async.local import AsyncLocalDataDirectory, AsyncLocalDataFile
from trivet.algorithmia._async.reporting import report
from trivet.algorithmia._places import LOCAL
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.errors import AnswerError, InputError
from trivet.algorithmia.util import md5_for_file
from trivet.sdk._async.concurrency import offload
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._json import JsonValue

ENVIRONMENTS = "/v1/algorithm-environments/edge"


class AsyncClient(AsyncConversation):
    """A client of one server under one key. For its arguments see `AsyncConversation`."""

    # -- algorithms and data

    def algo(self, algoRef: str) -> AsyncAlgorithm[AlgoResponse]:
        """The algorithm of this name.

        Raises:
            InputError: it is no name; also a `ValueError`.
        """
        return AsyncAlgorithm(self, algoRef)

    def file(self, dataUrl: str) -> AsyncDataFile:
        """The file at an address; one of this machine (`AsyncLocalDataFile`) after ``file://``."""
        if dataUrl.startswith(LOCAL):  # a type checker takes the usual case
            return cast("AsyncDataFile", AsyncLocalDataFile(self, dataUrl))
        return AsyncDataFile(self, dataUrl)

    def dir(self, dataUrl: str) -> AsyncDataDirectory:
        """The directory at an address; one of this machine (`AsyncLocalDataDirectory`) after ``file://``."""
        if dataUrl.startswith(LOCAL):
            return cast("AsyncDataDirectory", AsyncLocalDataDirectory(self, dataUrl))
        return AsyncDataDirectory(self, dataUrl)

    async def username(self) -> str:
        """The name of the account whose key this is.

        Raises:
            DataApiError: the key does not count.
            AnswerError: the server does not say.
        """
        async for each in AsyncDataDirectory(self, "").list():
            return each.path
        raise AnswerError("The server does not say whose key this is.")

    async def report_insights(self, insights: Mapping[str, Any]) -> Any:
        """Reports figures from inside an algorithm; see `report`."""
        await report(insights)

    # -- people

    async def create_user(self, requestString: Mapping[str, Any]) -> Any:
        """Makes an account.

        Args:
            requestString: ``username``, ``email``, ``fullname`` …

        Raises:
            AlgorithmException: it was refused.
        """
        return _answers.document(await self.send(_requests.post("/v1/users", requestString, {})))

    async def get_org_types(self) -> Any:
        """The kinds of organizations: ``id`` and ``name`` of each."""
        return await self._told("/v1/organization/types")

    async def convert_type_id(self, type: str) -> tuple[str, str]:
        """The id of a kind of organization, and an empty text; or the other way round, with what is wrong."""
        told: JsonValue = await self.get_org_types()
        kinds = [kind for kind in told if isinstance(kind, dict) and "id" in kind] if isinstance(told, list) else []
        found = [kind["id"] for kind in kinds if kind.get("name") == type]
        return (str(found[0]), "") if found else ("", "invalid type_id")

    async def create_org(self, requestString: Mapping[str, Any]) -> Any:
        """Makes an organization.

        Args:
            requestString: ``org_name``, ``org_label``, ``org_contact_name``, ``org_email``, and ``type_id``, which is the
                name of its kind.

        Raises:
            InputError: there is no such kind.
            AlgorithmException: it was refused.
        """
        return _answers.document(
            await self.send(_requests.post("/v1/organizations", await self._typed(requestString), {}))
        )

    async def get_org(self, org_name: str) -> Any:
        """What is known of an organization, or the document of an error."""
        return await self._told(f"/v1/organizations/{org_name}")

    async def edit_org(self, org_name: str, requestString: Mapping[str, Any]) -> Any:
        """Changes an organization; see `create_org`.

        Raises:
            InputError: there is no such kind.
            AlgorithmException: it was refused.
        """
        request = _requests.put_json(f"/v1/organizations/{org_name}", await self._typed(requestString))
        return _answers.document_or_answer(await self.send(request))

    async def invite_to_org(self, orgname: str, username: str) -> Any:
        """Makes an account a member of an organization.

        Raises:
            AlgorithmException: it was refused.
        """
        request = Request("PUT", _requests.path(f"/v1/organizations/{orgname}/members/{username}"), (), b"")
        return _answers.document_or_answer(await self.send(request))

    # -- what algorithms are made with

    async def scms(self) -> Any:
        """Where code may lie.

        Raises:
            AlgorithmException: it was refused.
        """
        return await self.getJsonHelper("/v1/scms")

    async def get_supported_languages(self) -> Any:
        """The languages that there are environments for."""
        return await self._told(f"{ENVIRONMENTS}/languages")

    async def get_environment(self, language: str) -> Any:
        """The environments for a language, or the document of an error."""
        return await self._told(f"{ENVIRONMENTS}/languages/{language}/environments")

    async def get_template(self, envid: str, dest: str | os.PathLike[str], save_tar: bool = False) -> Any:
        """Unpacks what an algorithm begins as.

        Args:
            envid: the id of an environment's specification.
            dest: the folder that it comes to; made where it is not there.
            save_tar: whether the archive stays there, too.

        Returns:
            The answer, without its content; or the document of an error, where there is none by this id.

        Raises:
            ApiError: it is no archive, or no answer came.
        """
        from trivet.algorithmia._archives import unpack_template

        folder = Path(dest)
        await offload(_make, folder)
        archive = folder / "template.tar.gz"
        request = _requests.get(f"{ENVIRONMENTS}/environment-specifications/{envid}/template")
        answer = await self.open(request)
        if isinstance(answer, Response):
            return _looked_at(answer)
        try:
            with await offload(_writable, archive) as file:
                while piece := await answer.read():
                    await offload(file.write, piece)
            await offload(unpack_template, archive, folder)
        except TransportError as failure:
            await offload(_forget, archive)
            raise self.no_answer(failure) from failure
        finally:
            await answer.close()
        if not save_tar:
            await offload(_forget, archive)
        return Answer(Response(answer.status, answer.headers))

    async def get_secret_providers(self) -> Any:
        """What keeps secrets.

        Raises:
            AlgorithmException: it was refused.
        """
        return await self.getJsonHelper("/v1/secret-provider")

    # -- what went wrong

    async def get_organization_errors(self, org_name: str) -> Any:
        """The errors of an organization's algorithms, or the document of an error."""
        return await self._told(f"/v1/organizations/{org_name}/errors")

    async def get_user_errors(self, user_id: str) -> Any:
        """The errors of an account's algorithms, or the document of an error."""
        return await self._told(f"/v1/users/{user_id}/errors")

    async def get_algorithm_errors(self, algorithm_id: str) -> Any:
        """The errors of an algorithm.

        Raises:
            AlgorithmException: there is no such algorithm.
        """
        return await self.getJsonHelper(f"/v1/algorithms/{algorithm_id}/errors")

    # -- models

    async def freeze(
        self, manifest_path: str | os.PathLike[str], manifest_output_dir: str | os.PathLike[str] = "."
    ) -> None:
        """Writes a manifest of models down with the checksum of each, so that one that was changed is not loaded.

        Args:
            manifest_path: the manifest.
            manifest_output_dir: where ``model_manifest.json.freeze`` comes to.

        Raises:
            InputError: it is no manifest.
            DataApiError: a model can't be had.
        """
        if not await offload(Path(manifest_path).is_file):
            print("Expected to find a model_manifest.json file, none was discovered in working directory")  # noqa: T201 — as the original says it
            return
        manifest = await offload(_manifests.read, Path(manifest_path))
        sums: dict[str, str] = {}
        for uri in _manifests.sources(manifest):
            path = await self.file(uri).getFile(as_path=True)
            sums[uri] = await offload(md5_for_file, path)
            if not uri.startswith(LOCAL):
                await offload(_forget, Path(path))
        await offload(_manifests.write, _manifests.frozen(manifest, sums), Path(manifest_output_dir))

    async def _told(self, url: str) -> JsonValue:
        return _looked_at(await self.send(_requests.get(url)))

    async def _typed(self, about: Mapping[str, Any]) -> dict[str, Any]:
        kind, wrong = await self.convert_type_id(about.get("type_id", ""))
        if wrong:
            raise InputError(wrong, hint="`type_id` is the name of one of `get_org_types()`.")
        return {**about, "type_id": kind}


def _looked_at(answer: Response) -> JsonValue:
    """The document of an answer, also that of an error, which the log tells of."""
    found = _answers.told(answer)
    if isinstance(found, dict) and "error" in found:
        _words.error_handed_on(str(found["error"]))
    return found


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _writable(path: Path) -> BinaryIO:
    return path.open("wb")


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
