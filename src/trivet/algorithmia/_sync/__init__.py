# Generated from ../_async/__init__.py by scripts/unasync.py: change that file, then run the script.
"""The verbs, written: everything here is asynchronous. ``scripts/unasync.py`` derives the other half from it."""
