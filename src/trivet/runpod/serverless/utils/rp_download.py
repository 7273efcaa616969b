"""The original's helpers for downloads are not part of this package: whoever imports them is told what to do instead."""

raise ImportError(
    "trivet.runpod.serverless.utils has no rp_download. "
    "Fetch the files with any HTTP client, or with `trivet.Client().files`.",
    name=__name__,
)
