# Generated from ../_async/client.py by scripts/unasync.py: change that file, then run the script.
"""The client: algorithms, files, and what else a platform has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from trivet.algorithmia import _answers, _manifests, _requests, _words
from trivet.algorithmia._answers import Answer
from trivet.algorithmia._places import LOCAL
from trivet.algorithmia._sync.algorithm import Algorithm
from trivet.algorithmia._sync.conversation import Conversation
from trivet.algorithmia._sync.datadirectory import DataDirectory
from trivet.algorithmia._sync.datafile import DataFile
from trivet.algorithmia._sync.local import LocalDataDirectory, LocalDataFile
from trivet.algorithmia._sync.reporting import report
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.errors import AnswerError, InputError
from trivet.algorithmia.util import md5_for_file
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._json import JsonValue
from trivet.sdk._sync.concurrency import offload

ENVIRONMENTS = "/v1/algorithm-environments/edge"


class Client(Conversation):
    """A client of one server under one key. For its arguments see `Conversation`."""

    # -- algorithms and data

    def algo(self, algoRef: str) -> Algorithm[AlgoResponse]:
        """The algorithm of this name.

        Raises:
            InputError: it is no name; also a `ValueError`.
        """
        return Algorithm(self, algoRef)

    def file(self, dataUrl: str) -> DataFile:
        """The file at an address; one of this machine (`LocalDataFile`) after ``file://``."""
        if dataUrl.startswith(LOCAL):  # a type checker takes the usual case
            return cast("DataFile", LocalDataFile(self, dataUrl))
        return DataFile(self, dataUrl)

    def dir(self, dataUrl: str) -> DataDirectory:
        """The directory at an address; one of this machine (`LocalDataDirectory`) after ``file://``."""
        if dataUrl.startswith(LOCAL):
            return cast("DataDirectory", LocalDataDirectory(self, dataUrl))
        return DataDirectory(self, dataUrl)

    def username(self) -> str:
        """The name of the account whose key this is.

        Raises:
            DataApiError: the key does not count.
            AnswerError: the server does not say.
        """
        for each in DataDirectory(self, "").list():
            return each.path
        raise AnswerError("The server does not say whose key this is.")

    def report_insights(self, insights: Mapping[str, Any]) -> Any:
        """Reports figures from inside an algorithm; see `report`."""
        report(insights)

    # -- people

    def create_user(self, requestString: Mapping[str, Any]) -> Any:
        """Makes an account.

        Args:
            requestString: ``username``, ``email``, ``fullname`` …

        Raises:
            AlgorithmException: it was refused.
        """
        return _answers.document(self.send(_requests.post("/v1/users", requestString, {})))

    def get_org_types(self) -> Any:
        """The kinds of organizations: ``id`` and ``name`` of each."""
        return self._told("/v1/organization/types")

    def convert_type_id(self, type: str) -> tuple[str, str]:
        """The id of a kind of organization, and an empty text; or the other way round, with what is wrong."""
        told: JsonValue = self.get_org_types()
        kinds = [kind for kind in told if isinstance(kind, dict) and "id" in kind] if isinstance(told, list) else []
        found = [kind["id"] for kind in kinds if kind.get("name") == type]
        return (str(found[0]), "") if found else ("", "invalid type_id")

    def create_org(self, requestString: Mapping[str, Any]) -> Any:
        """Makes an organization.

        Args:
            requestString: ``org_name``, ``org_label``, ``org_contact_name``, ``org_email``, and ``type_id``, which is the
                name of its kind.

        Raises:
            InputError: there is no such kind.
            AlgorithmException: it was refused.
        """
        return _answers.document(self.send(_requests.post("/v1/organizations", self._typed(requestString), {})))

    def get_org(self, org_name: str) -> Any:
        """What is known of an organization, or the document of an error."""
        return self._told(f"/v1/organizations/{org_name}")

    def edit_org(self, org_name: str, requestString: Mapping[str, Any]) -> Any:
        """Changes an organization; see `create_org`.

        Raises:
            InputError: there is no such kind.
            AlgorithmException: it was refused.
        """
        request = _requests.put_json(f"/v1/organizations/{org_name}", self._typed(requestString))
        return _answers.document_or_answer(self.send(request))

    def invite_to_org(self, orgname: str, username: str) -> Any:
        """Makes an account a member of an organization.

        Raises:
            AlgorithmException: it was refused.
        """
        request = Request("PUT", _requests.path(f"/v1/organizations/{orgname}/members/{username}"), (), b"")
        return _answers.document_or_answer(self.send(request))

    # -- what algorithms are made with

    def scms(self) -> Any:
        """Where code may lie.

        Raises:
            AlgorithmException: it was refused.
        """
        return self.getJsonHelper("/v1/scms")

    def get_supported_languages(self) -> Any:
        """The languages that there are environments for."""
        return self._told(f"{ENVIRONMENTS}/languages")

    def get_environment(self, language: str) -> Any:
        """The environments for a language, or the document of an error."""
        return self._told(f"{ENVIRONMENTS}/languages/{language}/environments")

    def get_template(self, envid: str, dest: str | os.PathLike[str], save_tar: bool = False) -> Any:
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
        offload(_make, folder)
        archive = folder / "template.tar.gz"
        request = _requests.get(f"{ENVIRONMENTS}/environment-specifications/{envid}/template")
        answer = self.open(request)
        if isinstance(answer, Response):
            return _looked_at(answer)
        try:
            with offload(_writable, archive) as file:
                while piece := answer.read():
                    offload(file.write, piece)
            offload(unpack_template, archive, folder)
        except TransportError as failure:
            offload(_forget, archive)
            raise self.no_answer(failure) from failure
        finally:
            answer.close()
        if not save_tar:
            offload(_forget, archive)
        return Answer(Response(answer.status, answer.headers))

    def get_secret_providers(self) -> Any:
        """What keeps secrets.

        Raises:
            AlgorithmException: it was refused.
        """
        return self.getJsonHelper("/v1/secret-provider")

    # -- what went wrong

    def get_organization_errors(self, org_name: str) -> Any:
        """The errors of an organization's algorithms, or the document of an error."""
        return self._told(f"/v1/organizations/{org_name}/errors")

    def get_user_errors(self, user_id: str) -> Any:
        """The errors of an account's algorithms, or the document of an error."""
        return self._told(f"/v1/users/{user_id}/errors")

    def get_algorithm_errors(self, algorithm_id: str) -> Any:
        """The errors of an algorithm.

        Raises:
            AlgorithmException: there is no such algorithm.
        """
        return self.getJsonHelper(f"/v1/algorithms/{algorithm_id}/errors")

    # -- models

    def freeze(self, manifest_path: str | os.PathLike[str], manifest_output_dir: str | os.PathLike[str] = ".") -> None:
        """Writes a manifest of models down with the checksum of each, so that one that was changed is not loaded.

        Args:
            manifest_path: the manifest.
            manifest_output_dir: where ``model_manifest.json.freeze`` comes to.

        Raises:
            InputError: it is no manifest.
            DataApiError: a model can't be had.
        """
        if not offload(Path(manifest_path).is_file):
            print("Expected to find a model_manifest.json file, none was discovered in working directory")  # noqa: T201 — as the original says it
            return
        manifest = offload(_manifests.read, Path(manifest_path))
        sums: dict[str, str] = {}
        for uri in _manifests.sources(manifest):
            path = self.file(uri).getFile(as_path=True)
            sums[uri] = offload(md5_for_file, path)
            if not uri.startswith(LOCAL):
                offload(_forget, Path(path))
        offload(_manifests.write, _manifests.frozen(manifest, sums), Path(manifest_output_dir))

    def _told(self, url: str) -> JsonValue:
        return _looked_at(self.send(_requests.get(url)))

    def _typed(self, about: Mapping[str, Any]) -> dict[str, Any]:
        kind, wrong = self.convert_type_id(about.get("type_id", ""))
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
