"""What talks to a server, written: everything here is asynchronous. ``scripts/unasync.py`` derives `trivet.jaqpot._sync`."""
