"""The document of the API itself."""

from __future__ import annotations

from trivet.platform.dialects.native.schemas.document import Document


class About(Document):
    """What answers here."""

    name: str
    version: str
    openapi: str
    docs: str
