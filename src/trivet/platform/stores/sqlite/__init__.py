"""The store on one SQLite file: one writer with group commit, a few readers beside it."""

from trivet.platform.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
