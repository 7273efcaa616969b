"""The kit that algorithms are made with: ``ADK(apply, load).init()``."""

from trivet.algorithmia.adk.kit import ADK

__all__ = ["ADK"]
