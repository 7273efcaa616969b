"""Calls, written: everything here is asynchronous. ``scripts/unasync.py`` derives `trivet.runpod._sync` from it."""
