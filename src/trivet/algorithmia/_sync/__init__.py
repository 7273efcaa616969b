# Generated from ../_async/__init__.py by scripts/unasync.py: change that file, then run the script.
"""One of two halves of the verbs: ``_async`` is written, and ``scripts/unasync.py`` derives ``_sync`` from it."""
