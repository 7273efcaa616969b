"""Checks of inputs in another process: the question that is put to it, and its verdict."""

from __future__ import annotations

from typing import Any

import msgspec

from trivet.platform.core.errors import CoreError, FieldError, InvalidInput, InvalidJson
from trivet.platform.core.payloads import Payload
from trivet.platform.wire.schemas import compile_schema


class Question(msgspec.Struct, frozen=True):
    """What is to be checked, but for its bytes: ``size`` of them follow. ``schema`` as `compile_schema` takes it."""

    schema: dict[str, Any] | None
    content_type: str
    size: int


class _Fault(msgspec.Struct, frozen=True):
    path: str
    message: str


class Verdict(msgspec.Struct, frozen=True):
    """What came of it: ``code`` is that of the error, None where the input fits."""

    code: str | None = None
    detail: str = ""
    hint: str = ""
    faults: tuple[_Fault, ...] = ()

    def tell(self) -> None:
        """Raises what the check has raised.

        Raises:
            InvalidInput, InvalidJson: the input does not fit.
            RuntimeError: the check itself went wrong.
        """
        if self.code is None:
            return
        if self.code == InvalidInput.code:
            errors = tuple(FieldError(fault.path, fault.message) for fault in self.faults)
            raise InvalidInput(self.detail, errors=errors, hint=self.hint)
        if self.code == InvalidJson.code:
            raise InvalidJson(self.detail, hint=self.hint)
        raise RuntimeError(f"an input could not be checked: {self.detail}")


def judge(question: Question, data: bytes) -> Verdict:
    """Checks an input. Never raises: whoever has asked is told whatever went wrong."""
    try:
        compile_schema(question.schema)(Payload.inline(data, question.content_type))
    except InvalidInput as error:
        faults = tuple(_Fault(fault.path, fault.message) for fault in error.errors)
        return Verdict(error.code, error.detail, error.hint, faults)
    except CoreError as error:
        return Verdict(error.code, error.detail, error.hint)
    except Exception as error:  # noqa: BLE001 - told in the process that knows the request
        return Verdict(CoreError.code, repr(error))
    return Verdict()


encode = msgspec.json.Encoder().encode
read_question = msgspec.json.Decoder(Question).decode
read_verdict = msgspec.json.Decoder(Verdict).decode
