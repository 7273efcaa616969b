"""The worker: the program that runs an author's handler, one process per worker.

Started by a runtime as ``python -I -m trivet.worker``. It lives in the author's environment, beside the author's packages,
so it needs nothing but the standard library.
"""
