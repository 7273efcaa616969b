"""The routes of this dialect, but for those about people: each with its handler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trivet.platform.core.accounts import Scope
from trivet.platform.dialects.jaqpot.context import Handler, JaqpotServices, JaqpotSettings
from trivet.platform.dialects.jaqpot.datasets import Datasets
from trivet.platform.dialects.jaqpot.downloads import Downloads
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.dialects.jaqpot.models import Models
from trivet.platform.dialects.jaqpot.predictions import Predictions
from trivet.platform.dialects.jaqpot.uploads import Uploads

MAX_DOCUMENT = 1 << 20
"""Bytes of a request that changes texts, at most."""
_AROUND = 64 * 1024
"""Bytes of a request around a file in it."""


class Route(NamedTuple):
    """One method of one path below ``/v1``. A name in braces stands for one part of the path.

    ``most``: bytes of a body; None: the handler reads it. ``is_open``: a key is not needed, though one that comes has to count.
    ``has_proof``: the path itself says what one may, and no key is looked at. ``is_held``: the answer may wait for something, and
    is given up where its caller leaves. ``scope``: what a key must be allowed to do, where it is known before the body is read.
    """

    method: str
    path: str
    handler: Handler
    most: int | None = MAX_DOCUMENT
    is_open: bool = False
    has_proof: bool = False
    is_held: bool = False
    scope: Scope | None = None


def routes(services: JaqpotServices, settings: JaqpotSettings, lookup: Lookup) -> Sequence[Route]:
    """All of them. Where two fit a path, the first one counts.

    Args:
        services: what this dialect speaks for.
        settings: what an operator has set.
        lookup: finds models.
    """
    models, uploads = Models(services, lookup), Uploads(services, settings)
    predictions = Predictions(services, settings, lookup)
    datasets = Datasets(services, settings, lookup, predictions)
    downloads = Downloads(services, settings, lookup)
    large = settings.max_upload
    return (
        Route("GET", "models/search", models.search, is_open=True),
        Route("GET", "models/legacy/{model}", models.legacy, is_open=True),
        Route("POST", "models", uploads.create, large, scope=Scope.DEPLOY),
        Route("GET", "models/{model}", models.show, is_open=True),
        Route("DELETE", "models/{model}", models.remove),
        Route("PATCH", "models/{model}/partial", models.change),
        Route("POST", "models/{model}/archive", models.archive),
        Route("POST", "models/{model}/unarchive", models.unarchive),
        Route("PATCH", "models/{model}/features/{feature}", models.change_feature),
        Route("POST", "models/{model}/predict", predictions.predict, settings.max_input, scope=Scope.CALL),
        Route(
            "POST", "models/{model}/predict/csv", predictions.predict_csv, settings.max_csv + _AROUND, scope=Scope.CALL
        ),
        Route("GET", "models/{model}/download/urls", downloads.addresses),
        Route("GET", "downloads/{ticket}/{name}", downloads.fetch, has_proof=True),
        Route("POST", "large-models", uploads.begin, large, scope=Scope.DEPLOY),
        Route("POST", "large-models/{model}/confirm-upload", uploads.confirm),
        Route("PUT", "uploads/{key}", uploads.receive, None, has_proof=True),
        Route("GET", "datasets/{dataset}", datasets.show, is_held=True),
        Route("GET", "datasets/{dataset}/results.csv", datasets.table, is_held=True),
        Route("GET", "user/models", models.own),
        Route("GET", "user/shared-models", models.shared),
        Route("GET", "user/archived-models", models.archived),
        Route("GET", "user/datasets", datasets.own),
        Route("GET", "user/models/{model}/datasets", datasets.of_model),
        Route("POST", "user/models/{model}/datasets", datasets.create, settings.max_input, scope=Scope.CALL),
    )
