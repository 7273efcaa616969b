"""Algorithms of the older form: ``Algorithmia.handler(apply, load).serve()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trivet.algorithmia import _pipe
from trivet.algorithmia.errors import InputError

__all__ = ["Handler"]


class Handler:
    """An algorithm that serves.

    Args:
        apply_func: answers; takes the input, and what ``load_func`` has returned if it takes two.
        load_func: called once, before; takes nothing.

    Raises:
        InputError: a function takes more or less than that.
    """

    def __init__(self, apply_func: Callable[..., Any], load_func: Callable[[], Any]) -> None:
        self.FIFO_PATH = _pipe.PATH
        if _pipe.arity(load_func, 0) > 0:
            raise InputError("load function must not have parameters")
        self._arity = _pipe.arity(apply_func, 1)
        if self._arity not in (1, 2):
            raise InputError(f"apply function may have between 1 and 2 parameters, not {self._arity}")
        self.apply_func = apply_func
        self.load_func = load_func
        self.load_result: Any = None

    def load(self) -> None:
        """Loads, and says that it is done."""
        self.load_result = self.load_func()
        _pipe.say_ready()

    def format_data(self, request: Mapping[str, Any]) -> Any:
        """The input in a request.

        Raises:
            InputError: its kind is unknown.
        """
        return _pipe.input_of(request)

    def format_response(self, response: Any) -> str:
        """A result as the document that answers with it."""
        return _pipe.result(response)

    def write_to_pipe(self, data_string: str) -> None:
        """Answers with a document: on the platform's pipe, or where there is none, on the standard output."""
        _pipe.answer(data_string)

    def serve(self) -> None:
        """Loads, and answers request after request until there are no more."""
        try:
            self.load()
        except Exception as error:  # noqa: BLE001 — the author's code can raise anything
            self.write_to_pipe(_pipe.failure(error))
            return
        for request in _pipe.requests():
            self.write_to_pipe(self._answered(request))

    def _answered(self, request: Mapping[str, Any]) -> str:
        try:
            value = self.format_data(request)
            if self._arity == 2 and self.load_result is not None:
                return self.format_response(self.apply_func(value, self.load_result))
            return self.format_response(self.apply_func(value))
        except Exception as error:  # noqa: BLE001 — the author's code can raise anything
            return _pipe.failure(error)
