"""The verbs, written: everything here is asynchronous. ``scripts/unasync.py`` derives the other half from it."""
