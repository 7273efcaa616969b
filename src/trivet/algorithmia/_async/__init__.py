"""One of two halves of the verbs: ``_async`` is written, and ``scripts/unasync.py`` derives ``_sync`` from it."""
