"""The original's helpers for caches on volumes are not part of this package: whoever imports them is told what to do instead."""

raise ImportError(
    "trivet.runpod.serverless.utils has no rp_volume_cache. "
    "Load what is to outlast a worker from a folder of your own, before `start`.",
    name=__name__,
)
