"""Handlers that predict: rows are checked before anything is queued, and what is quick is done when the answer goes out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

import msgspec

from trivet.models.description import ModelDescription
from trivet.models.problems import RowsInvalid
from trivet.models.rows import check
from trivet.models.tables import CsvTable
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version
from trivet.platform.core.errors import BadRequest, CoreError, InvalidJson, TooLarge
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.dialects.jaqpot import schemas
from trivet.platform.dialects.jaqpot.context import Call, JaqpotServices, JaqpotSettings, created
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.dialects.jaqpot.translate import Overlay
from trivet.platform.wire import documents
from trivet.platform.wire.hot import Answer

INVALID_INPUT = "invalid_input"
"""The code of a job whose worker could not read its input."""
_ALL_ROWS_FAILED = "AllRowsFailed"
_MOST_READ_ANEW = 1 << 20
"""Bytes of a body that is looked through for what is no number."""
_PREDICTION, _CHAT = "PREDICTION", "CHAT"


class Predictions:
    """The handlers.

    Args:
        services: what this dialect speaks for.
        settings: what an operator has set.
        lookup: finds models.
    """

    def __init__(self, services: JaqpotServices, settings: JaqpotSettings, lookup: Lookup) -> None:
        self._endpoints = services.endpoints
        self._numbered = services.numbered
        self._settings = settings
        self._lookup = lookup
        self._options = CallOptions(usual_retention=settings.retention)

    async def predict(self, call: Call) -> Answer:
        """Predicts for rows of JSON."""
        return self._answer(call, await self.begun(call))

    async def predict_csv(self, call: Call) -> Answer:
        """Predicts for the rows of a file of CSV."""
        endpoint, version = self._picked(call)
        request = call.document(schemas.CsvRequest)
        _check_type(request.type)
        description = self._lookup.description(version)
        if description is None:
            raise BadRequest(
                f"{endpoint.full_name} is a function and no model, so it has no columns that CSV could be read by.",
                hint="Send rows of JSON: POST …/predict.",
            )
        if len(request.input_file) > self._settings.max_csv:
            raise TooLarge(
                f"inputFile has {len(request.input_file):,} characters; {self._settings.max_csv:,} are taken.",
                limit=self._settings.max_csv,
                hint="Send it in parts, or ask the operator to raise TRIVET_JAQPOT_MAX_CSV.",
            )
        # large files would hold up everybody else
        payload = await asyncio.to_thread(_read_csv, request.input_file, description, self._settings.max_csv_rows)
        view = await self._run(call.principal, endpoint, version, payload)
        error = view.job.error
        if error is not None and error.code == INVALID_INPUT and error.type != _ALL_ROWS_FAILED:
            raise BadRequest(error.message)
        return self._answer(call, view)

    async def begun(self, call: Call) -> JobView:
        """The prediction that a request asks for: ended, or as it stands when its caller has waited long enough.

        Raises:
            BadRequest: the rows do not fit; nothing was queued.
        """
        endpoint, version = self._picked(call)
        try:
            request = call.document(schemas.DatasetRequest)
        except InvalidJson:
            self._name_what_is_no_number(call.body, version)
            raise
        _check_type(request.type)
        if isinstance(request.input, msgspec.UnsetType):
            raise BadRequest("The rows are missing.", hint='Send them as "input": [{"KEY": VALUE, …}, …].')
        data = bytes(request.input)
        rows = documents.decode(data)
        description = self._lookup.description(version)
        if description is None:
            payload = self._function_input(endpoint, version, rows, data)
        else:
            self._check(description, rows)
            payload = Payload.inline(data)
        return await self._run(call.principal, endpoint, version, payload)

    # -- inner --------------------------------------------------------------------------------------------------------

    def _check(self, description: ModelDescription, rows: object) -> None:
        try:
            check(description, rows, limit=self._settings.max_rows)
        except RowsInvalid as error:
            raise BadRequest(_sentence(error)) from None

    def _name_what_is_no_number(self, body: bytes, version: Version) -> None:
        """Python's clients write NaN and Infinity, which are no JSON: here it is said in which cells they stand.

        Raises:
            BadRequest: in these.
        """
        description = self._lookup.description(version)
        if description is None or len(body) > _MOST_READ_ANEW or not (b"NaN" in body or b"Infinity" in body):
            return
        try:
            documents.check_depth(body)
            found = json.loads(body)
        except (ValueError, RecursionError, CoreError):
            return
        if isinstance(found, dict):
            self._check(description, found.get("input"))

    def _picked(self, call: Call) -> tuple[Endpoint, Version]:
        """The model that the path names, and the version whose turn it is."""
        endpoint = self._lookup.used(call, Scope.CALL)
        if Overlay.of(endpoint).archived_at is not None:
            raise BadRequest(
                f"The model {endpoint.model_id} is archived.",
                hint="Its owner can bring it back: POST /v1/models/ID/unarchive.",
            )
        reference = EndpointReference(call.parts["model"], id=endpoint.id)
        return self._endpoints.pick(call.principal, reference)

    async def _run(self, principal: Principal, endpoint: Endpoint, version: Version, payload: Payload) -> JobView:
        # the version that the rows were checked by: another one of a split may have other features
        reference = EndpointReference(endpoint.full_name, id=endpoint.id, version=version.id)
        view = await self._numbered.submit(principal, reference, payload, self._options)
        number = view.job.number
        if number is None or self._settings.wait <= 0:
            return view
        return await self._numbered.get(principal, number, self._settings.wait)

    def _answer(self, call: Call, view: JobView) -> Answer:
        return created(call.address, f"datasets/{view.job.number}")

    def _function_input(self, endpoint: Endpoint, version: Version, rows: Any, data: bytes) -> Payload:
        """What a function is given: its one row where it takes objects, else all of them."""
        most = self._settings.max_rows
        if not isinstance(rows, list) or not 1 <= len(rows) <= most:
            raise BadRequest(f"input must be a list of 1 to {most} rows.")
        if (version.input_schema or {}).get("type") in (None, "array"):
            return Payload.inline(data)
        if len(rows) > 1:
            raise BadRequest(
                f"{endpoint.full_name} is a function that takes one input at a time, and {len(rows)} rows came.",
                hint="Send one row in each prediction.",
            )
        return Payload.inline(bytes(msgspec.json.decode(data, type=list[msgspec.Raw])[0]))


def _check_type(kind: str) -> None:
    if kind == _CHAT:
        raise BadRequest(
            "This platform has no language models, so there is nobody to chat with.",
            hint='Send "type": "PREDICTION" to predict.',
        )
    if kind != _PREDICTION:
        raise BadRequest(f"type={kind[:40]!r} is not known.", hint='Send "type": "PREDICTION".')


def _read_csv(text: str, description: ModelDescription, most_rows: int) -> Payload:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(
            "inputFile is not base64.", hint="Send the bytes of the file, as `base64.b64encode` gives them."
        ) from None
    try:
        CsvTable(data, description, limit=most_rows)
    except RowsInvalid as error:
        raise BadRequest(_sentence(error)) from None
    try:
        data.decode()
    except UnicodeDecodeError:
        return Payload.inline(data, "text/csv; charset=iso-8859-1")
    return Payload.inline(data, "text/csv; charset=utf-8")


def _sentence(error: RowsInvalid) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."
