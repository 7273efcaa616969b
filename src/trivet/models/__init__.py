"""Predictive models: ONNX graphs with described features, predicted with in the same way by a worker and by a notebook.

A model is a folder (`model.json` beside its graphs) or one bundle file. `load` opens either; nothing here needs a platform.
Imports the standard library alone, and each name when it is first used. What predicts needs `pip install "trivet[onnx]"`,
and `"trivet[chem]"` where a model reads molecules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivet.models.description import ModelDescription as ModelDescription
    from trivet.models.model import Model as Model
    from trivet.models.model import load as load
    from trivet.models.problems import ModelInvalid as ModelInvalid
    from trivet.models.problems import RowsInvalid as RowsInvalid

_HOMES = {
    "Model": "model",
    "ModelDescription": "description",
    "ModelInvalid": "problems",
    "RowsInvalid": "problems",
    "load": "model",
}

__all__ = ["Model", "ModelDescription", "ModelInvalid", "RowsInvalid", "load"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
