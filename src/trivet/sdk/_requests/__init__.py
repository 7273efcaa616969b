"""Every request that the client makes, as a value: a module for each noun. The one place that knows the API's URLs; no I/O.

What comes back is read by `trivet.sdk._answers`.
"""
