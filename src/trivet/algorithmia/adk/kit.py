"""An algorithm of the newer form: on a platform it serves, elsewhere it is tried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from trivet.algorithmia import _pipe
from trivet.algorithmia.adk.modeldata import ModelData
from trivet.algorithmia.errors import ApiError, InputError

if TYPE_CHECKING:
    from trivet.algorithmia.client import Client

__all__ = ["ADK"]
MANIFEST = "model_manifest.json"


class ADK:
    """An algorithm.

    Args:
        apply_func: answers; takes the input, and what ``load_func`` has returned if it takes two.
        load_func: called once, before; takes nothing, or the state of the algorithm (`ModelData`).
        client: by which models are downloaded; None for one of the environment's.

    Raises:
        InputError: ``load_func`` takes more than that.
        ApiError: the manifest of models was changed.
    """

    def __init__(
        self,
        apply_func: Callable[..., Any],
        load_func: Callable[..., Any] | None = None,
        client: Client | None = None,
    ) -> None:
        self.FIFO_PATH = _pipe.PATH
        self.apply_func = apply_func
        self.apply_arity = _pipe.arity(apply_func, 1)
        self.load_func = load_func
        self.load_arity = 0 if load_func is None else _pipe.arity(load_func, 0)
        if self.load_arity not in (0, 1):
            raise InputError("load function expects 0 parameters or 1 parameter to be used to store algorithm state")
        self.is_local = _pipe.is_local()
        self.load_result: Any = None
        self.loading_exception: Exception | None = None
        self.manifest_path = MANIFEST
        self.client = client if client is not None else _client()
        self.model_data = ModelData(self.client, self.manifest_path)

    def load(self) -> None:
        """Loads the models and calls the load function, and says that it is done. What goes wrong is told to every request."""
        try:
            if self.model_data.available():
                self.model_data.initialize()
            if self.load_func is not None:
                self.load_result = self.load_func(self.model_data) if self.load_arity == 1 else self.load_func()
        except Exception as error:  # noqa: BLE001 — the author's code can raise anything
            self.loading_exception = error
        if self.is_local:
            print("loading complete", flush=True)  # noqa: T201 — whoever tries it out wants to see it
        else:
            _pipe.say_ready()

    def apply(self, payload: Any) -> str:
        """The document that answers an input."""
        try:
            if self.apply_arity == 2 and self.load_result is not None:
                return _pipe.result(self.apply_func(payload, self.load_result))
            return _pipe.result(self.apply_func(payload))
        except Exception as error:  # noqa: BLE001 — the author's code can raise anything
            return _pipe.failure(error)

    def write_to_pipe(self, payload: str, pprint: Callable[[str], object] = print) -> None:
        """Answers with a document: on the platform's pipe, or where there is none, by ``pprint``."""
        if self.is_local:
            pprint(payload)
        else:
            _pipe.answer(payload)

    def process_local(self, local_payload: Any, pprint: Callable[[str], object]) -> None:
        """Answers one input by ``pprint``."""
        self.write_to_pipe(self._answered(lambda: local_payload), pprint)

    def init(self, local_payload: Any = None, pprint: Callable[[str], object] = print, mlops: bool = False) -> None:
        """Loads and serves.

        On a platform, requests are answered until there are no more. Elsewhere, one input is answered, or each line of the
        standard input.

        Args:
            local_payload: the input to try it with; not read on a platform.
            pprint: how answers are shown when it is tried out.
            mlops: whether DataRobot's agent is to watch it, which there is none of here.

        Raises:
            ApiError: that agent was asked for.
        """
        if mlops and not self.is_local:
            self.mlops_init()
        self.load()
        if self.is_local and local_payload is not None:
            self.process_local(local_payload, pprint)
            return
        for request in _pipe.requests():
            self.write_to_pipe(self._answered(lambda asked=request: _pipe.input_of(asked)), pprint)  # type: ignore[misc]  # a default binds it

    def mlops_init(self) -> NoReturn:
        """Says that there is no agent.

        Raises:
            ApiError: always.
        """
        raise ApiError(
            "environment is not configured for mlops: there is no agent of DataRobot's here.",
            hint="Leave out `mlops=True`; report figures by `client.report_insights`.",
        )

    def _answered(self, payload: Callable[[], Any]) -> str:
        if self.loading_exception is not None:
            return _pipe.failure(self.loading_exception, _pipe.LOADING_ERROR)
        try:
            value = payload()
        except Exception as error:  # noqa: BLE001 — a request of an unknown kind is told, and the next one answered
            return _pipe.failure(error)
        return self.apply(value)


def _client() -> Client:
    from trivet.algorithmia.client import Client

    return Client()
