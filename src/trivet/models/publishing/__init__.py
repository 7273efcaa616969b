"""From a fitted scikit-learn estimator to a model folder: converted, described, measured, and tried.

Needs ``pip install "trivet[sklearn]"`` where it runs; what predicts later needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivet.models.publishing.frames import design_table as design_table
    from trivet.models.publishing.writing import Written as Written
    from trivet.models.publishing.writing import write_model as write_model

_HOMES = {"Written": "writing", "design_table": "frames", "write_model": "writing"}

__all__ = ["Written", "design_table", "write_model"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # the next access does not come here
    return value
