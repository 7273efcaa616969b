"""Handlers that predict: rows are checked before anything is queued, and what is quick is done when the answer goes out."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import replace

import msgspec

from trivet.models import sheets
from trivet.models.description import ModelDescription
from trivet.models.problems import RowsInvalid, TooManyRows
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
from trivet.platform.wire.large import aside

INVALID_INPUT = "invalid_input"
"""The code of a job whose worker could not read its input."""
_ALL_ROWS_FAILED = "AllRowsFailed"
_MOST_READ_ANEW = 1 << 20
"""Bytes of a body that is looked through for what is no number."""
_MOST_VALUES = 1_000_000
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw])
_CHARSETS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16", "latin-1": "iso-8859-1"}
"""Encodings, as a content type calls them."""
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
        self._unchecked = CallOptions(usual_retention=settings.retention)
        self._checked = replace(self._unchecked, is_checked=True)

    async def predict(self, call: Call) -> Answer:
        """Predicts for rows of JSON."""
        return self._answer(call, await self.begun(call))

    async def predict_csv(self, call: Call) -> Answer:
        """Predicts for the rows of a file of CSV."""
        endpoint, version = self._picked(call)
        request = await aside(len(call.body), call.document, schemas.CsvRequest)
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
        text = request.input_file
        payload = await aside(len(text), _read_csv, text, description, self._settings)
        view = await self._run(call.principal, endpoint, version, payload, self._unchecked)
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
        description, limit = self._lookup.description(version), self._settings.max_rows
        data = await aside(len(call.body), _read_rows, call, description, limit)
        if description is not None:
            return await self._run(call.principal, endpoint, version, Payload.inline(data), self._checked)
        payload = _function_input(endpoint, version, data)
        return await self._run(call.principal, endpoint, version, payload, self._unchecked)

    # -- inner --------------------------------------------------------------------------------------------------------

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

    async def _run(
        self, principal: Principal, endpoint: Endpoint, version: Version, payload: Payload, options: CallOptions
    ) -> JobView:
        # the version that the rows were checked by: another one of a split may have other features
        reference = EndpointReference(endpoint.full_name, id=endpoint.id, version=version.id)
        return await self._numbered.run(principal, reference, payload, options, wait=self._settings.wait)

    def _answer(self, call: Call, view: JobView) -> Answer:
        return created(call.address, f"datasets/{view.job.number}")


def _check_type(kind: str) -> None:
    if kind == _CHAT:
        raise BadRequest(
            "This platform has no language models, so there is nobody to chat with.",
            hint='Send "type": "PREDICTION" to predict.',
        )
    if kind != _PREDICTION:
        raise BadRequest(f"type={kind[:40]!r} is not known.", hint='Send "type": "PREDICTION".')


def _read_rows(call: Call, description: ModelDescription | None, most: int) -> bytes:
    """The rows of a request, as they came. Those of a model fit it; what a function makes of its own is not looked at.

    Raises:
        BadRequest: they are none, or do not fit; InvalidJson: the body is no JSON.
    """
    if call.body.count(b",") > _MOST_VALUES:
        raise BadRequest(
            f"The input is more than {_MOST_VALUES:,} values.", hint="Send it in several predictions, or as CSV."
        )
    try:
        request = call.document(schemas.DatasetRequest)
    except InvalidJson:
        if description is not None:
            _name_what_is_no_number(call.body, description, most)
        raise
    _check_type(request.type)
    if isinstance(request.input, msgspec.UnsetType):
        raise BadRequest("The rows are missing.", hint='Send them as "input": [{"KEY": VALUE, …}, …].')
    data = bytes(request.input)
    rows = _rows_in(data)
    count = len(rows)
    if not 1 <= count <= most:  # before anything is made of them
        raise BadRequest(f"input has {count} rows" + (f", the limit is {most}." if count else "."))
    if description is not None:
        _check(description, [documents.decode(bytes(row)) for row in rows], most)
    return data


def _rows_in(data: bytes) -> list[msgspec.Raw]:
    try:
        return _raw_rows.decode(data)
    except msgspec.DecodeError:
        raise BadRequest("input must be a list of rows.", hint="Send one row in a list, too: [{…}].") from None


def _check(description: ModelDescription, rows: object, most: int) -> None:
    try:
        check(description, rows, limit=most)
    except RowsInvalid as error:
        raise BadRequest(_sentence(error)) from None


def _name_what_is_no_number(body: bytes, description: ModelDescription, most: int) -> None:
    """Python's clients write NaN and Infinity, which are no JSON: here it is said in which cells they stand.

    Raises:
        BadRequest: in these.
    """
    if len(body) > _MOST_READ_ANEW or not (b"NaN" in body or b"Infinity" in body):
        return
    try:
        documents.check_depth(body)
        found = json.loads(body)
    except (ValueError, RecursionError, CoreError):
        return
    if isinstance(found, dict):
        _check(description, found.get("input"), most)


def _function_input(endpoint: Endpoint, version: Version, data: bytes) -> Payload:
    """What a function is given: its one row where it takes objects, else all of them."""
    if (version.input_schema or {}).get("type") in (None, "array"):
        return Payload.inline(data)
    rows = _rows_in(data)
    if len(rows) > 1:
        raise BadRequest(
            f"{endpoint.full_name} is a function that takes one input at a time, and {len(rows)} rows came.",
            hint="Send one row in each prediction.",
        )
    return Payload.inline(bytes(rows[0]))


def _read_csv(text: str, description: ModelDescription, settings: JaqpotSettings) -> Payload:
    most = settings.max_output // description.least_result
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(
            "inputFile is not base64.", hint="Send the bytes of the file, as `base64.b64encode` gives them."
        ) from None
    try:
        CsvTable(data, description, limit=min(settings.max_csv_rows, most))
    except TooManyRows as error:
        if settings.max_csv_rows <= most:
            raise BadRequest(_sentence(error), hint="Send the file in parts.") from None
        raise BadRequest(
            f"{_sentence(error)} Their results would have more than {settings.max_output:,} bytes.",
            hint="Send the file in parts, or ask the operator to raise TRIVET_MAX_OUTPUT.",
        ) from None
    except RowsInvalid as error:
        raise BadRequest(_sentence(error)) from None
    return Payload.inline(data, f"text/csv; charset={_CHARSETS[sheets.encoding(data)]}")


def _sentence(error: RowsInvalid) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."
