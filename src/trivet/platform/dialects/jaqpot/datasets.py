"""Handlers around datasets: predictions with their rows and their results, looked up by an integer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from trivet.models.features import Feature
from trivet.models.problems import RowsInvalid
from trivet.models.sheets import Sheet, is_blank
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest, Conflict, CoreError, NotFound
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.views import JobView
from trivet.platform.dialects.jaqpot import pages, results, translate
from trivet.platform.dialects.jaqpot.context import (
    Call,
    JaqpotServices,
    JaqpotSettings,
    Streamed,
    reply_with,
    whole,
)
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.dialects.jaqpot.pages import DATASETS_ON_A_PAGE
from trivet.platform.dialects.jaqpot.predictions import Predictions
from trivet.platform.dialects.jaqpot.translate import MOST_ROWS_SHOWN, Overlay
from trivet.platform.wire.answers import NO_SNIFFING, NO_STORING
from trivet.platform.wire.hot import Answer

_LONGEST_HOLD = 30.0
_MOST_ON_A_PAGE = 100
_MOST_SHOWN = 8 << 20
"""Bytes of results on one page; what is longer is to be asked for by itself."""
_NOTHING = b"[]"
_SPACE = b" \t\r\n"
_rows = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class Datasets:
    """The handlers.

    Args:
        services: what this dialect speaks for.
        settings: what an operator has set.
        lookup: finds models.
        predictions: begins predictions.
    """

    def __init__(
        self, services: JaqpotServices, settings: JaqpotSettings, lookup: Lookup, predictions: Predictions
    ) -> None:
        self._endpoints = services.endpoints
        self._jobs = services.jobs
        self._numbered = services.numbered
        self._settings = settings
        self._lookup = lookup
        self._predictions = predictions

    async def show(self, call: Call) -> Answer:
        """One dataset; held for a while where it is not finished, except with ``?wait=0``."""
        view = await self._found(call, self._hold(call))
        return reply_with(await self._document(call.principal, view))

    async def create(self, call: Call) -> Answer:
        """Predicts, and answers with the dataset itself."""
        view = await self._predictions.begun(call)
        return reply_with(await self._document(call.principal, view), 201)

    async def own(self, call: Call) -> Answer:
        """A page of one's own datasets, with rows and results."""
        return await self._page(call, None, is_whole=True)

    async def of_model(self, call: Call) -> Answer:
        """A page of one's own datasets of one model, without rows and results."""
        endpoint = self._lookup.used(call, Scope.READ)
        return await self._page(call, EndpointReference(call.parts["model"], id=endpoint.id), is_whole=False)

    async def table(self, call: Call) -> Streamed:
        """The results of a dataset as a file of CSV."""
        view = await self._found(call, self._hold(call))
        job = view.job
        if job.status is not JobStatus.SUCCEEDED or job.output is None:
            why = "is not finished yet." if not job.is_final else f"has no results: {translate.reason(job)}"
            raise Conflict(f"The dataset {job.number} {why}", hint="GET /v1/datasets/ID says how it stands.")
        result, given = await self._result(job), b"" if not job.input.is_json else await self._jobs.read(job.input)
        sheet = await asyncio.to_thread(results.Sheet.read, result, given)
        disposition = f'attachment; filename="dataset-{job.number}.csv"'.encode()
        headers = ((b"content-type", b"text/csv; charset=utf-8"), (b"content-disposition", disposition))
        return Streamed(200, (*headers, NO_SNIFFING, NO_STORING), results.written(sheet))

    # -- inner --------------------------------------------------------------------------------------------------------

    def _hold(self, call: Call) -> float:
        text = call.first("wait")
        if not text:
            return self._settings.hold
        try:
            seconds = msgspec.convert(text, float, strict=False)
        except msgspec.ValidationError:
            seconds = -1.0
        if not 0 <= seconds <= _LONGEST_HOLD:
            raise BadRequest(f"wait={text[:40]!r} is no number of seconds from 0 to {_LONGEST_HOLD:g}.")
        return seconds

    async def _found(self, call: Call, wait: float) -> JobView:
        principal, text = call.principal, call.parts["dataset"]
        number = whole(text)
        try:
            if number is not None:
                return await self._numbered.get(principal, number, wait)
        except NotFound:
            pass
        kept = self._settings.retention / 86_400
        raise NotFound(
            f"There is no dataset {text[:40]!r}.", hint=f"Datasets are kept for {kept:g} days after they are finished."
        )

    async def _page(self, call: Call, endpoint: EndpointReference | None, *, is_whole: bool) -> Answer:
        part, wanted = pages.part(call, DATASETS_ON_A_PAGE, _MOST_ON_A_PAGE), pages.orders(call)
        found = await self._numbered.page(
            call.principal,
            endpoint=endpoint,
            newest_first=wanted[0][1] if wanted else True,  # numbers are given in the order of time
            offset=part.offset,
            limit=part.size,
        )
        left, documents = _MOST_SHOWN, []
        for view in found.views:
            document = await self._document(call.principal, view, most=left if is_whole else 0)
            left = max(0, left - len(document))
            documents.append(msgspec.Raw(document))
        return reply_with(_encode(translate.page(documents, found.total, part.size, part.number)))

    async def _document(self, principal: Principal, view: JobView, most: int | None = None) -> bytes:
        """The document of a dataset; with ``most``, without rows and result where they have more bytes."""
        job, explained = view.job, ""
        endpoint = self._endpoints.by_id(job.endpoint_id)
        rows, result = _NOTHING, None
        if most is None or job.input.size <= most:
            rows = await self._rows(job)
        if job.output is not None and job.status is JobStatus.SUCCEEDED:
            if most is None or job.output.size <= most:
                result = await self._result(job)
            else:
                result = _NOTHING
                if most:
                    explained = f"The result is too long for a page: GET /v1/datasets/{job.number} has it."
        if not job.is_final:
            explained = await self._explained(principal, job)
        name = None if endpoint is None else view.endpoint_name
        if endpoint is not None and endpoint.model_id is not None:
            name = Overlay.of(endpoint).name or self._name_of(job) or name
        number = None if endpoint is None else endpoint.model_id
        return translate.dataset(job, number, name, rows=rows, result=result, explained=explained)

    def _name_of(self, job: Job) -> str | None:
        version = self._endpoints.version(job.version_id)
        return None if version is None or version.model is None else str(version.model.get("name"))

    async def _explained(self, principal: Principal, job: Job) -> str:
        said = "" if job.progress is None else job.progress.message
        try:
            found = await self._jobs.explain(principal, job.id)
        except CoreError:  # it is for those alone who may read
            return said
        return f"{found.summary} {said}".strip()

    async def _rows(self, job: Job) -> bytes:
        payload = job.input
        data = await self._jobs.read(payload)
        if payload.is_json:
            if data.lstrip(_SPACE)[:1] != b"[":
                return b"[%s]" % data
            rows = _rows.decode(data)
            return data if len(rows) <= MOST_ROWS_SHOWN else _encode(rows[:MOST_ROWS_SHOWN])
        if not payload.content_type.startswith("text/csv"):
            return _NOTHING
        version = self._endpoints.version(job.version_id)
        description = None if version is None else self._lookup.description(version)
        return await asyncio.to_thread(_first_rows, data, () if description is None else description.independent)

    async def _result(self, job: Job) -> bytes:
        """The result as an array, whatever it is: clients take nothing else."""
        output = job.output
        if output is None:
            return _NOTHING
        data = await self._jobs.read(output)
        if not output.is_json:
            text = data.decode("utf-8", "replace") if output.content_type.startswith("text/") else f"{len(data)} bytes"
            return _encode([text])
        return data if data.lstrip(_SPACE)[:1] == b"[" else b"[%s]" % data


def _first_rows(data: bytes, features: Sequence[Feature]) -> bytes:
    """The first rows of a file of CSV, as objects of texts."""
    try:
        sheet = Sheet(data, features)
        _, records = next(sheet.chunks(2 * MOST_ROWS_SHOWN), (0, []))
    except RowsInvalid:  # nothing was predicted for it, and why is said elsewhere
        return _NOTHING
    names = [name.strip() for name in sheet.header]
    filled = [record for record in records if not is_blank(record)]
    rows = [dict(zip(names, map(str.strip, record), strict=False)) for record in filled[:MOST_ROWS_SHOWN]]
    return _encode(rows)
