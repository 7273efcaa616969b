"""RunPod's GraphQL API: a real schema, over the services that every dialect speaks to.

The grammar's library is imported at the first request (`engine`), not when the platform starts.
"""

from trivet.platform.dialects.runpod.graph.app import GraphApi

__all__ = ["GraphApi"]
