"""Which version of the original this module stands in for; Trivet's own is `trivet.__version__`."""

from __future__ import annotations

__version__ = "1.12.0"


def get_version() -> str:
    """The version of the original package whose names and behaviour are found here."""
    return __version__
