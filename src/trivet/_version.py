"""The version of the installed distribution; kept equal to pyproject.toml by a test, so that reading it costs nothing."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
