"""Handlers that make models: a document with its graph in it, or a document first and the graph behind it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import hashlib
import secrets
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from trivet.models import bundle
from trivet.models.description import parse
from trivet.models.problems import ModelInvalid
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoints import Endpoint, EndpointReference, VersionState, Visibility
from trivet.platform.core.errors import BadRequest, Conflict, NotFound, Unavailable
from trivet.platform.core.templates import free_name
from trivet.platform.dialects.jaqpot.context import (
    VERSION,
    Call,
    JaqpotServices,
    JaqpotSettings,
    created,
    nothing,
    reply,
)
from trivet.platform.dialects.jaqpot.translate import Overlay
from trivet.platform.services.access import require
from trivet.platform.services.pending import PendingModel
from trivet.platform.wire import documents
from trivet.platform.wire.bodies import save_body
from trivet.platform.wire.hot import Answer

_LONGEST_BUILD = 1800.0
"""Seconds that a request waits for its model to be built and checked."""
_GRAPHS = {"rawModel": bundle.MODEL, "rawPreprocessor": bundle.PREPROCESSOR}
_OF_AUTHORS = frozenset(
    {
        *("name", "description", "type", "task", "visibility", "tags", "libraries", "scores", "jaqpotpyVersion"),
        *("independentFeatures", "dependentFeatures", "selectedFeatures", "featurizers", "preprocessors", "doas"),
        *("legacyPredictionService", "torchConfig", "rPbpkConfig", "dockerConfig", *_GRAPHS),
    }
)
"""What authors say of their models. The rest of a document is not looked at: the platform says it, or nobody knows it."""
_MOST_VALUES = 5_000_000


class Uploads:
    """The handlers.

    Args:
        services: what this dialect speaks for.
        settings: what an operator has set.
    """

    def __init__(self, services: JaqpotServices, settings: JaqpotSettings) -> None:
        self._endpoints = services.endpoints
        self._deployments = services.deployments
        self._pending = services.pending
        self._settings = settings
        self._naming: set[tuple[str, str]] = set()
        """Names, with their owners, of models that are being built."""
        services.pending.on_forgotten = self._forgotten

    # -- in one request -----------------------------------------------------------------------------------------------

    async def create(self, call: Call) -> Answer:
        """Makes a model of a document with its graph in it; answered when it can predict."""
        require(call.principal, Scope.DEPLOY)
        document = await asyncio.to_thread(_document, call.body)
        folder = self._new_folder()
        try:
            await asyncio.to_thread(_lay_out, folder, document, needs_graph=True)
            endpoint = await self._built(call.principal, folder, document)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return created(call.address, f"models/{endpoint.model_id}")

    # -- in three -----------------------------------------------------------------------------------------------------

    async def begin(self, call: Call) -> Answer:
        """Takes the document of a model whose graph is large, and says where the graph is to go."""
        require(call.principal, Scope.DEPLOY)
        document = await asyncio.to_thread(_document, call.body)
        pending = await self._pending.begin(call.principal)
        try:
            folder = self._folder(pending)
            folder.mkdir()
            await asyncio.to_thread(_lay_out, folder, document, needs_graph=False)
        except BaseException:
            self._pending.forget(pending)
            raise
        where = f"{call.address}/{VERSION}/uploads/{pending.key}"
        return reply({"modelId": str(pending.number), "uploadUrl": where}, 201)

    async def receive(self, call: Call) -> Answer:
        """Takes the graph of a model. Who knows the address may bring it, until it is confirmed; the newest one counts."""
        pending = self._pending.with_key(call.parts["key"])
        folder = self._folder(pending)
        if call.receive is None:
            raise AssertionError("the route leaves its body to be read here")
        coming = folder / f"{secrets.token_hex(8)}.part"
        await save_body(call.receive, coming, self._settings.max_upload, call.length)
        try:
            self._pending.with_key(pending.key)  # it may have been confirmed, or have ended, while this was on its way
            coming.replace(folder / bundle.MODEL)
        except NotFound:
            coming.unlink(missing_ok=True)
            raise
        return nothing(200)

    async def confirm(self, call: Call) -> Answer:
        """Makes a model of what was brought for it; answered when it can predict."""
        number = call.number("model")
        if number is None:
            raise NotFound.of("upload", call.parts["model"][:40])
        existing = self._endpoints.of_model(number)
        if existing is not None and self._endpoints.manages(call.principal, existing):
            raise Conflict(f"The upload of model {number} is confirmed already.")
        pending = self._pending.get(call.principal, number)
        folder = self._folder(pending)
        if not pending.confirmed and not (folder / bundle.MODEL).is_file():
            raise BadRequest(
                f"The graph of model {number} has not come yet.", hint="PUT it to the uploadUrl first, then confirm."
            )
        self._pending.confirm(call.principal, number)
        try:
            document = await asyncio.to_thread(lambda: _document((folder / bundle.DESCRIPTION).read_bytes()))
            await self._built(call.principal, folder, document, number)
        finally:
            self._pending.forget(pending)
        return nothing(204)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _built(
        self, principal: Principal, folder: Path, document: Mapping[str, Any], number: int | None = None
    ) -> Endpoint:
        """The endpoint that has come of a model folder.

        Raises:
            BadRequest: the model can't be used; in the words of the check that found it out.
        """
        archive = folder / f"{secrets.token_hex(8)}.tar.gz"
        digest = await asyncio.to_thread(_pack, folder, archive)
        with self._named(principal, str(document["name"])) as name:
            request = DeploymentRequest(archive.name, name=f"{principal.account_name}/{name}", model_id=number)
            taken = await self._deployments.submit(principal, request, archive, digest)
            ended = await self._deployments.wait(principal, taken.id, _LONGEST_BUILD)
        endpoint = self._endpoint(ended)
        wanted = document.get("visibility")
        if wanted == "PRIVATE" or wanted is None:
            return endpoint

        def decide(current: Endpoint, now: float) -> Endpoint:
            if wanted == "PUBLIC":
                return replace(current, visibility=Visibility.PUBLIC, updated_at=now)
            return Overlay.of(current).having(sharing=True).put(current, now)

        return await self._endpoints.change(principal, EndpointReference(endpoint.full_name, id=endpoint.id), decide)

    def _endpoint(self, ended: Deployment) -> Endpoint:
        if ended.error is not None:
            _, message, hint = ended.error
            raise BadRequest(message, hint=hint)
        if ended.state is not VersionState.READY:
            raise Unavailable(
                f"The model is still being built after {_LONGEST_BUILD / 60:.0f} minutes (deployment {ended.id}).",
                retry_after=60.0,
                hint="It goes on; GET /v1/user/models lists it when it is there.",
            )
        version = self._endpoints.version(ended.version_ids[0])
        endpoint = None if version is None else self._endpoints.by_id(version.endpoint_id)
        if endpoint is None:
            raise NotFound("The model was deleted as soon as it was made.")
        return endpoint

    @contextmanager
    def _named(self, principal: Principal, wanted: str) -> Iterator[str]:
        """A name for a new endpoint that nobody else is given meanwhile."""
        owner = principal.account_id
        taken = [each.name for each in self._endpoints.all() if each.owner_id == owner]
        name = free_name(wanted, [*taken, *(name for known, name in self._naming if known == owner)])
        self._naming.add((owner, name))
        try:
            yield name
        finally:
            self._naming.discard((owner, name))

    def _new_folder(self) -> Path:
        folder = self._settings.uploads / f"model-{secrets.token_hex(16)}"
        folder.mkdir()
        return folder

    def _folder(self, pending: PendingModel) -> Path:
        return self._settings.uploads / f"model-{pending.key}"

    def _forgotten(self, pending: PendingModel) -> None:
        shutil.rmtree(self._folder(pending), ignore_errors=True)


def _document(body: bytes) -> dict[str, Any]:
    """The document of a model, sound as far as that can be seen without its graphs.

    Raises:
        InvalidJson, BadRequest: it is none.
    """
    if body.count(b",") > _MOST_VALUES:  # before anything is made of them
        raise BadRequest(
            f"The document of the model is more than {_MOST_VALUES:,} values.", hint="Fit its domain to fewer rows."
        )
    parts = documents.decode_as(body, dict[str, msgspec.Raw])
    kept = {name: bytes(part) for name, part in parts.items() if name in _OF_AUTHORS}
    document = {name: documents.decode(part) for name, part in kept.items()}
    try:
        parse(document)
    except ModelInvalid as error:
        text = str(error)
        raise BadRequest(text if text.endswith(".") else f"{text}.") from None
    return document


def _lay_out(folder: Path, document: dict[str, Any], *, needs_graph: bool) -> None:
    """Writes a model folder; the graphs that are in the document are taken out of it."""
    for field, file in _GRAPHS.items():
        text = document.pop(field, None)
        if text:
            (folder / file).write_bytes(_decoded(field, text))
    if needs_graph and not (folder / bundle.MODEL).is_file():
        raise BadRequest(
            "rawModel is missing: the ONNX graph in base64.",
            hint="Send it in the document, or begin with POST /v1/large-models where it is large.",
        )
    (folder / bundle.DESCRIPTION).write_bytes(msgspec.json.encode(document))


def _decoded(field: str, text: object) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise BadRequest(f"{field} is not base64.", hint="Send the bytes of the graph, as `base64.b64encode` gives them.")


def _pack(folder: Path, target: Path) -> str:
    """Packs a model folder; the same bytes for the same files. Returns the SHA-256 in hex."""
    with (
        target.open("xb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=0, mtime=0, filename="") as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in (bundle.DESCRIPTION, *_GRAPHS.values()):
            part = folder / name
            if part.is_file():
                member = tarfile.TarInfo(name)
                member.size, member.mode = part.stat().st_size, 0o644
                with part.open("rb") as data:
                    archive.addfile(member, data)
    with target.open("rb") as packed:
        return hashlib.file_digest(packed, "sha256").hexdigest()
