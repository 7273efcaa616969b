# Generated from ../_async/__init__.py by scripts/unasync.py: change that file, then run the script.
"""What talks to a server, written: everything here is asynchronous. ``scripts/unasync.py`` derives `trivet.jaqpot._sync`."""
