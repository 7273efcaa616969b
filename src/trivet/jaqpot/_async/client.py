"""Jaqpot's client: models, predictions and their datasets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from trivet.jaqpot import _answers, _requests, _rows, _settings
from trivet.jaqpot.exceptions import ApiValueError, JaqpotApiException
from trivet.sdk._async.channel import AsyncChannel
from trivet.sdk._async.concurrency import map_bounded, offload, sleep
from trivet.sdk._async.transport import AsyncTransport
from trivet.sdk._deadline import Deadline
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._json import JsonObject
from trivet.sdk.errors import InvalidRequestError, TrivetError

if TYPE_CHECKING:
    from logging import Logger

    from trivet.jaqpot.models import Dataset, GetModels200Response, Model
    from trivet.jaqpot.types import ModelSummary, SearchResult
    from trivet.models import Model as OfflineModel

QSARTOOLBOX_CALCULATOR_MODEL_ID = 6
QSARTOOLBOX_MODEL_MODEL_ID = 1837
QSAR_PROFILER_MODEL_ID = 1842
PATIENCE = 600.0
"""Seconds that a synchronous prediction is waited for."""
_AT_ONCE = 4
"""Slices of a long list that are predicted at the same time."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 3.0


class AsyncJaqpotApiClient:
    """The way to the models of one server, under one key. Connections are made when they are needed, and used again.

    The address is ``api_url``; else, with ``base_url``, that site's ``api.`` host; else ``JAQPOT_API_URL``; else Jaqpot's own
    service. May be used by several threads and tasks at once.

    Args:
        base_url: the site.
        api_url: the address of the API; with a Trivet, ``http://HOST:8300/jaqpot``.
        create_logs: also write the log to ``app.log``, ``app.warning.log`` and ``app.error.log``.
        api_key: the key; ``JAQPOT_API_KEY`` where it is not given.
        api_secret: its secret; ``JAQPOT_API_SECRET`` where it is not given.
        timeout: seconds for the answer to one request, on top of what it asks the server to wait.
        verify: a file of certificates (PEM) to trust besides the system's.
        transport: the way to the server, in place of HTTP; for tests.

    Raises:
        ConfigurationError: the key, the secret or the address is missing or can't be used (it is a ValueError, too).
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_url: str | None = None,
        create_logs: bool = False,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        timeout: float = 60.0,
        verify: bool | str | os.PathLike[str] = True,
        transport: AsyncTransport | None = None,
    ) -> None:
        settings = _settings.settle(base_url, api_url, api_key, api_secret, os.environ)
        self._logs = create_logs
        self.base_url = settings.base_url
        self.api_url = settings.api_url
        self._settings = settings
        self._verify = verify
        self._holds = False  # whether the server is known to hold a question until there is an answer
        headers = _requests.headers(settings.key, settings.secret)
        self._channel = AsyncChannel(settings.url, headers, timeout=timeout, verify=verify, transport=transport)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.api_url!r})"

    @property
    def log(self) -> Logger:
        """The log of this module, ``trivet.jaqpot``."""
        from trivet.jaqpot._logs import logger  # `logging` is slow to import, and hardly anybody asks for it

        return logger(files=self._logs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all connections. May be called again; any other call fails afterwards."""
        await self._channel.close()

    # -- models -------------------------------------------------------------------------------------------------------

    async def get_model_by_id(self, model_id: int) -> Model:
        """All that is said of a model.

        Args:
            model_id: its number.

        Raises:
            JaqpotApiException: the server has refused, or no answer came.
        """
        from trivet.jaqpot.models import Model

        return _answers.model_of(Model, await self._ask(_requests.model(model_id)))

    async def get_model_summary(self, model_id: int) -> ModelSummary:
        """The most important things about a model.

        Args:
            model_id: its number.

        Raises:
            JaqpotApiException: the server has refused, or no answer came.
        """
        model = await self.get_model_by_id(model_id)
        return {
            "name": model.name,
            "modelId": model.id,
            "description": model.description,
            "type": model.type,
            "independentFeatures": list(model.independent_features),
            "dependentFeatures": list(model.dependent_features),
        }

    async def get_shared_models(
        self,
        page: int | None = None,
        size: int | None = None,
        sort: str | Iterable[str] | None = None,
        organization_id: int | None = None,
    ) -> GetModels200Response:
        """A page of the models that organizations share.

        Args:
            page: which page, from 0.
            size: how many on a page.
            sort: in which order, for example ``createdAt|desc``; or several such words.
            organization_id: only those of this organization.

        Raises:
            JaqpotApiException: the server has refused, or no answer came.
        """
        from trivet.jaqpot.models import GetModels200Response

        request = _requests.shared_models(page, size, sort, organization_id)
        return _answers.model_of(GetModels200Response, await self._ask(request))

    async def search_models(self, query: str, page: int | None = None, size: int | None = None) -> SearchResult:
        """A page of the public models that words are found in, the best first.

        Args:
            query: the words.
            page: which page, from 0.
            size: how many on a page.

        Raises:
            JaqpotApiException: the server has refused, or no answer came.
        """
        from trivet.jaqpot.models import GetModels200Response

        found = _answers.model_of(GetModels200Response, await self._ask(_requests.search(query, page, size)))
        return cast("SearchResult", found.to_dict())

    async def download_model(
        self, model_id: int, path: str | os.PathLike[str] | None = None, *, threads: int | None = None
    ) -> OfflineModel:
        """A model as one that predicts in this process, with no server: ``model.predict(rows)``.

        Takes ``pip install "trivet[onnx]"``, and ``"trivet[chem]"`` where the model reads molecules. Only a Trivet hands out
        models as bundles.

        Args:
            model_id: its number.
            path: where the bundle is kept, for `trivet.load`; a folder takes it under the model's number. None keeps none.
            threads: how many threads one prediction may use; None is as many as there are processors, up to 4.

        Raises:
            JaqpotApiException: the server has refused, or hands out none.
            TrivetError: the download has failed.
            ModelInvalid: it is damaged, or computes other numbers here than where it was published.
        """
        import tempfile

        from trivet.sdk._async.client import AsyncClient

        await self._ask_well(_requests.model(model_id))  # says in Jaqpot's words what is amiss
        platform = _settings.platform_url(self._settings.url)
        if platform is None:
            raise JaqpotApiException(
                f"{self._settings.url} hands out no models as bundles.",
                code="no_bundles",
                hint="Only a Trivet does; its address ends in /jaqpot. For Jaqpot's own service there is `jaqpotpy`.",
            )
        token = f"{self._settings.key}_{self._settings.secret}"
        with tempfile.TemporaryDirectory(prefix="trivet-model-") as folder:
            try:
                async with AsyncClient(platform, token, verify=self._verify) as client:
                    bundle = await client.models.download(str(model_id), folder if path is None else path)
            except TrivetError as error:
                raise _answers.of_platform(error) from error
            return await offload(_opened, bundle, threads)

    # -- predictions --------------------------------------------------------------------------------------------------

    async def predict_sync(
        self, model_id: int, dataset: Any, *, timeout: float | None = PATIENCE, as_frame: bool = False
    ) -> Any:
        """Predicts, and waits for the result. More than 100 rows go in several predictions, and come back as one list.

        Args:
            model_id: the model's number.
            dataset: a list of rows, each a dictionary by the keys of the model's features; one such row; or a data frame.
            timeout: seconds to wait; None waits as long as it takes.
            as_frame: return a pandas data frame.

        Returns:
            A dictionary for each row, in order; or a data frame.

        Raises:
            BadRequestException: a row is not what the model takes.
            JaqpotPredictionFailureException: the prediction has failed; it says why.
            JaqpotPredictionTimeoutException: it takes longer than ``timeout``.
            JaqpotApiException: the server has refused, or no answer came.
            ApiValueError: the rows can't be sent; nothing was.
        """
        deadline = Deadline(timeout)
        slices = _rows.slices(_rows.read(dataset), _requests.MOST_ROWS)
        if len(slices) == 1:
            result = await self._predicted(_requests.predict(model_id, slices[0].rows), deadline)
        else:
            result = await self._sliced(model_id, slices, deadline)
        return self._shown(result, dataset, as_frame)

    async def predict_async(self, model_id: int, dataset: Any) -> int:
        """Begins a prediction, and returns at once. More than 100 rows are sent as a file of CSV, which a Trivet takes.

        Args:
            model_id: the model's number.
            dataset: the rows, as with `predict_sync`.

        Returns:
            The number of the dataset that it fills, for `get_dataset_by_id`.

        Raises:
            BadRequestException: a row is not what the model takes.
            JaqpotApiException: the server has refused, or no answer came.
            ApiValueError: the rows can't be sent; nothing was.
        """
        rows = _rows.read(dataset)
        if len(rows) > _requests.MOST_ROWS:
            request = _requests.predict_csv(model_id, await offload(_rows.as_csv, rows))
        else:
            request = _requests.predict(model_id, rows)
        return _answers.dataset_number(await self._ask(request))

    async def predict_with_csv_sync(
        self,
        model_id: int,
        csv_path: str | os.PathLike[str],
        *,
        timeout: float | None = PATIENCE,
        as_frame: bool = False,
    ) -> Any:
        """Predicts for the rows of a file of CSV, and waits for the result.

        Args:
            model_id: the model's number.
            csv_path: the file; its first line has the keys of the model's features.
            timeout: seconds to wait; None waits as long as it takes.
            as_frame: return a pandas data frame.

        Returns:
            A dictionary for each row, in order; or a data frame.

        Raises:
            OSError: the file can't be read.
            JaqpotApiException: as with `predict_sync`.
            JaqpotPredictionTimeoutException: it takes longer than ``timeout``.
        """
        data = await offload(Path(csv_path).read_bytes)
        result = await self._predicted(_requests.predict_csv(model_id, data), Deadline(timeout))
        return self._shown(result, None, as_frame)

    async def predict_with_csv_async(self, model_id: int, csv_path: str | os.PathLike[str]) -> int:
        """Begins a prediction for the rows of a file of CSV, and returns at once.

        Args:
            model_id: the model's number.
            csv_path: the file; its first line has the keys of the model's features.

        Returns:
            The number of the dataset that it fills, for `get_dataset_by_id`.

        Raises:
            OSError: the file can't be read.
            JaqpotApiException: the server has refused, or no answer came.
        """
        data = await offload(Path(csv_path).read_bytes)
        return _answers.dataset_number(await self._ask(_requests.predict_csv(model_id, data)))

    async def get_dataset_by_id(self, dataset_id: int) -> Dataset:
        """A dataset: its rows, how its prediction stands, and its result.

        Args:
            dataset_id: its number.

        Raises:
            JaqpotApiException: the server has refused, or no answer came.
        """
        from trivet.jaqpot.models import Dataset

        return _answers.model_of(Dataset, await self._ask(_requests.dataset(dataset_id)))

    async def qsartoolbox_calculator_predict_sync(self, smiles: str, calculator_guid: str) -> Any:
        """What a calculator of QSAR Toolbox says of a structure.

        Args:
            smiles: the structure.
            calculator_guid: the calculator.

        Raises:
            JaqpotApiException: as with `predict_sync`.
        """
        row = {"smiles": smiles, "calculatorGuid": calculator_guid}
        return await self.predict_sync(QSARTOOLBOX_CALCULATOR_MODEL_ID, [row])

    async def qsartoolbox_qsar_model_predict_sync(self, smiles: str, qsar_guid: str) -> Any:
        """What a QSAR model of QSAR Toolbox says of a structure.

        Args:
            smiles: the structure.
            qsar_guid: the model.

        Raises:
            JaqpotApiException: as with `predict_sync`.
        """
        return await self.predict_sync(QSARTOOLBOX_MODEL_MODEL_ID, [{"smiles": smiles, "qsarGuid": qsar_guid}])

    async def qsartoolbox_profiler_predict_sync(self, smiles: str, profiler_guid: str) -> Any:
        """What a profiler of QSAR Toolbox says of a structure.

        Args:
            smiles: the structure.
            profiler_guid: the profiler.

        Raises:
            JaqpotApiException: as with `predict_sync`.
        """
        return await self.predict_sync(QSAR_PROFILER_MODEL_ID, [{"smiles": smiles, "profilerGuid": profiler_guid}])

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _sliced(self, model_id: int, slices: list[_rows.Slice], deadline: Deadline) -> list[Any]:
        async def predicted(part: _rows.Slice) -> list[Any]:
            if part.first > 0 and deadline.passed:
                raise _answers.out_of_time(None)
            return part.counted_on(await self._predicted(_requests.predict(model_id, part.rows), deadline))

        result: list[Any] = []
        outcomes = map_bounded(predicted, slices, concurrency=_AT_ONCE, order=True)
        try:
            async for outcome in outcomes:
                if outcome.error is not None:
                    part = slices[outcome.position]
                    outcome.error.add_note(f"In the rows {part.first} to {part.first + len(part.rows) - 1}.")
                    raise outcome.error
                result += outcome.value
        finally:
            await outcomes.aclose()
        return result

    async def _predicted(self, request: Request, deadline: Deadline) -> list[Any]:
        number = _answers.dataset_number(await self._ask(request, deadline))
        return _answers.result(await self._finished(number, deadline), number)

    async def _finished(self, number: int, deadline: Deadline) -> JsonObject:
        """A dataset once it is final. A server that holds questions answers in that moment; another is asked again."""
        pause = _FIRST_PAUSE
        while True:
            hold = deadline.portion(_requests.LONGEST_HOLD) if self._holds else None
            asked = time.monotonic()
            try:
                found = _answers.document(await self._ask(_requests.dataset(number, hold), deadline))
            except JaqpotApiException as error:
                if deadline.passed and error.status is None:
                    raise _answers.out_of_time(number) from error
                raise
            if _answers.is_final(found):
                return found
            if deadline.passed:
                raise _answers.out_of_time(number)
            if not hold or time.monotonic() - asked < hold / 2:
                await sleep(deadline.portion(pause))
                pause = min(_LONGEST_PAUSE, pause * 2)

    async def _ask(self, request: Request, deadline: Deadline | None = None) -> Response:
        """The answer to a request, whatever its status.

        Raises:
            JaqpotApiException: none came, or this client can't ask any more.
        """
        try:
            answer = await self._channel.send(request, deadline or Deadline(None))
        except TransportError as failure:
            raise _answers.failed(failure, self._settings.url, request.job_id) from failure
        except InvalidRequestError as error:
            raise ApiValueError(error.message, hint=error.hint) from None
        except TrivetError as error:  # this client is closed, or was used before this process was forked
            raise JaqpotApiException(error.message, code=error.code, hint=error.hint) from None
        if answer.is_trivet:
            self._holds = True
        return answer

    async def _ask_well(self, request: Request) -> None:
        """Makes a request whose answer has to be a good one, and is not needed otherwise.

        Raises:
            JaqpotApiException: it was refused, or no answer came.
        """
        _answers.check(await self._ask(request))

    def _shown(self, result: list[Any], dataset: Any, as_frame: bool) -> Any:
        if not as_frame:
            return result
        from trivet.jaqpot._frames import framed

        return framed(result, dataset)


def _opened(bundle: Path, threads: int | None) -> OfflineModel:
    from trivet.models import load

    return load(bundle, threads=threads)
