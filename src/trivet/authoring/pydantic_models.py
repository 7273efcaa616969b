"""Pydantic, where the author uses it: never imported by us, only found where the author's module brought it along."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from typing import Any

from trivet.authoring.errors import InvalidInput, pointer


def describes(hint: Any) -> bool:
    """Whether pydantic is the one to say what ``hint`` means: a model, or ``Annotated`` with its kind of metadata."""
    if "pydantic" not in sys.modules:
        return False
    if isinstance(hint, type):
        return hasattr(hint, "model_json_schema") and hasattr(hint, "model_validate")
    if typing.get_origin(hint) is not typing.Annotated:
        return False
    return any(type(each).__module__.partition(".")[0] in ("pydantic", "annotated_types") for each in hint.__metadata__)


def read(hint: Any, template: str, *, output: bool) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """The JSON Schema of ``hint`` (with its ``$defs``), and what makes its values.

    Args:
        hint: one that `describes` accepts.
        template: how references are written, with ``{model}`` for a definition's name.
        output: the schema of what is given, not of what is taken.
    """
    mode = "serialization" if output else "validation"
    if isinstance(hint, type):
        model: Any = hint
        return model.model_json_schema(mode=mode, ref_template=template), _converter(model.model_validate)
    adapter: Any = sys.modules["pydantic"].TypeAdapter(hint)
    return adapter.json_schema(mode=mode, ref_template=template), _converter(adapter.validate_python)


def _converter(validate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    refused: type[Exception] = sys.modules["pydantic"].ValidationError

    def convert(value: Any) -> Any:
        try:
            return validate(value)
        except refused as error:
            (path, message), *others = [_fault(fault) for fault in typing.cast("Any", error).errors()]
            raise InvalidInput(message, path, others=tuple(others)) from None

    return convert


def _fault(fault: dict[str, Any]) -> tuple[str, str]:
    return "".join(pointer(step) for step in fault["loc"]), f"is refused: {fault['msg']}"
