# Generated from ../_async/__init__.py by scripts/unasync.py: change that file, then run the script.
"""Calls, written: everything here is asynchronous. ``scripts/unasync.py`` derives `trivet.runpod._sync` from it."""
