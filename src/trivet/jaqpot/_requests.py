"""From arguments to requests: pure functions, no network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from trivet._version import __version__
from trivet.jaqpot import _rows
from trivet.jaqpot.exceptions import ApiValueError
from trivet.sdk._http import Request

LONGEST_HOLD = 30.0
"""Seconds for which one question is held."""
MOST_ROWS = 100
"""Rows that one prediction takes, by the wire's rule; longer lists go in several."""
_JSON = ("Content-Type", "application/json")
_ACCEPT = ("Accept", "application/json")


def headers(key: str, secret: str) -> dict[str, str]:
    """What every request says."""
    return {"X-Api-Key": key, "X-Api-Secret": secret, "User-Agent": f"trivet-jaqpot/{__version__}"}


def model(model_id: int) -> Request:
    """All that is said of a model."""
    return Request("GET", f"/v1/models/{_number(model_id, 'model_id')}", (_ACCEPT,))


def shared_models(
    page: int | None, size: int | None, sort: str | Iterable[str] | None, organization_id: int | None
) -> Request:
    """A page of the models that organizations share."""
    orders = [sort] if isinstance(sort, str) else list(sort or ())
    query = [
        *_given(page=page, size=size),
        *(("sort", order) for order in orders),
        *_given(organizationId=organization_id),
    ]
    return Request("GET", _url("/v1/user/shared-models", query), (_ACCEPT,))


def search(query: str, page: int | None, size: int | None) -> Request:
    """A page of the models that words are found in."""
    asked = [("query", _words(query)), *_given(page=page, size=size)]
    return Request("GET", _url("/v1/models/search", asked), (_ACCEPT,))


def dataset(dataset_id: int, hold: float | None = None) -> Request:
    """A dataset.

    Args:
        dataset_id: its number.
        hold: seconds for which the server is to wait for its end; None leaves it to the server.
    """
    number = _number(dataset_id, "dataset_id")
    query = "" if hold is None else f"?wait={hold:.3f}"
    return Request("GET", f"/v1/datasets/{number}{query}", (_ACCEPT,), held=hold or 0.0, job_id=number)


def predict(model_id: int, rows: list[Any]) -> Request:
    """Predict for rows.

    Raises:
        ApiValueError: they can't be sent.
    """
    body = b'{"type":"PREDICTION","entryType":"ARRAY","input":%b}' % _rows.encoded(rows)
    return Request("POST", f"/v1/models/{_number(model_id, 'model_id')}/predict", (_JSON,), body)


def predict_csv(model_id: int, data: bytes) -> Request:
    """Predict for the rows of a file of CSV."""
    import base64

    body = b'{"type":"PREDICTION","inputFile":"%b"}' % base64.b64encode(data)
    return Request("POST", f"/v1/models/{_number(model_id, 'model_id')}/predict/csv", (_JSON,), body)


def _url(path: str, query: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def _given(**values: int | None) -> list[tuple[str, str]]:
    return [(name, _number(value, name)) for name, value in values.items() if value is not None]


def _words(query: object) -> str:
    if not isinstance(query, str):
        raise ApiValueError(f"query is a text, and not {type(query).__name__}.", hint="Give the words to look for.")
    return query


def _number(value: int, name: str) -> str:
    """The digits of a whole number; a text of digits is one, too."""
    text = str(value)
    if isinstance(value, (bool, float)) or not text.isascii() or not text.isdigit():
        raise ApiValueError(
            f"{name}={value!r} is no whole number.", hint=f"Give {name} as an integer, for example 1886."
        )
    return text
