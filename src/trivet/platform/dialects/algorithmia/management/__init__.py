"""Algorithmia's management API: algorithms made, compiled and published; environments, secrets, users and organizations."""

from trivet.platform.dialects.algorithmia.management.app import AREAS, ManagementApi
from trivet.platform.dialects.algorithmia.management.context import ManagementServices, ManagementSettings

__all__ = ["AREAS", "ManagementApi", "ManagementServices", "ManagementSettings"]
