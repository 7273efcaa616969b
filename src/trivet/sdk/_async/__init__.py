"""The client, written: everything here is asynchronous. ``scripts/unasync.py`` derives `trivet.sdk._sync` from it."""
