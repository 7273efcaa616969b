"""The client: Python's way to the native API. The async half is written, the sync half is generated from it."""

from __future__ import annotations

from trivet.sdk._async.client import AsyncClient
from trivet.sdk._async.endpoint import AsyncEndpoint
from trivet.sdk._async.jobs import AsyncJob
from trivet.sdk._async.streams import AsyncStream
from trivet.sdk._sync.client import Client
from trivet.sdk._sync.endpoint import Endpoint
from trivet.sdk._sync.jobs import Job
from trivet.sdk._sync.streams import Stream

__all__ = ["AsyncClient", "AsyncEndpoint", "AsyncJob", "AsyncStream", "Client", "Endpoint", "Job", "Stream"]
