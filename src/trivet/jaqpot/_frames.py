"""Results as data frames, for who works with pandas. It is imported here and when it is used, not before."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trivet.jaqpot._rows import METADATA
from trivet.sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from trivet.sdk._json import JsonValue


def framed(result: list[Any], dataset: Any = None) -> Any:
    """A result as a pandas data frame with a row for each row that was sent.

    What was predicted has a column under its key. Beside it, where the server tells them: ``probability.<class>``,
    ``in_domain`` (whether the row is in the model's domain of applicability), ``label`` (the row's own), and ``error`` (why a
    row could not be predicted).

    Args:
        result: the rows of a result.
        dataset: what was sent; a data frame of pandas hands on its index.

    Raises:
        ConfigurationError: pandas is not installed.
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError:
        raise ConfigurationError(
            "A data frame takes pandas, which is not installed here.", hint="pip install pandas, or leave out as_frame."
        ) from None
    index: Any = getattr(dataset, "index", None)
    fits = index is not None and not callable(index) and len(index) == len(result)
    return pandas.DataFrame([flattened(row) for row in result], index=index if fits else None)


def flattened(row: JsonValue) -> dict[str, Any]:
    """One row of a result as names and plain values."""
    if not isinstance(row, dict):
        return {"value": row}
    flat: dict[str, Any] = {key: value for key, value in row.items() if key != METADATA}
    about = row.get(METADATA)
    if not isinstance(about, dict):
        return flat
    probabilities, domain = about.get("probabilities"), about.get("doa")
    if isinstance(probabilities, dict):
        flat.update({f"probability.{label}": value for label, value in probabilities.items()})
    if isinstance(domain, dict):
        flat["in_domain"] = domain.get("majorityVoting")
    if about.get("jaqpotRowLabel") is not None:
        flat["label"] = about["jaqpotRowLabel"]
    if about.get("error"):
        flat["error"] = about["error"]
    return flat
