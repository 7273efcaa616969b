"""The API itself."""

from __future__ import annotations

from trivet.platform.dialects.native.routes.route import Access, Body, Route
from trivet.platform.dialects.native.schemas import about as schemas

ABOUT: tuple[Route, ...] = (
    Route(
        name="about",
        method="GET",
        path="",
        tag="The API",
        summary="Ask what answers here",
        access=Access.PUBLIC,
        response=schemas.About,
    ),
    Route(
        name="openapi",
        method="GET",
        path="/openapi.json",
        tag="The API",
        summary="Get this document",
        access=Access.PUBLIC,
        response=Body.OPENAPI,
    ),
)
