"""Versions that were built before a setting existed have it at its usual value."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, replace

from tests.contract.conftest import SqliteDriver
from tests.contract.values import account, endpoint, version
from trivet.platform.core.endpoints import VersionSettings

FIRST = ("concurrency", "timeout", "ttl", "max_attempts", "memory", "gpu", "requirements", "secrets")
"""The settings of the first release."""


def test_settings_that_an_old_row_lacks_are_the_usual_ones(sqlite: SqliteDriver) -> None:
    given = version()
    sqlite.write(lambda tx: (tx.accounts.add(account()), tx.endpoints.add(endpoint()), tx.versions.add(given)))
    old = {name: value for name, value in asdict(given.settings).items() if name in FIRST}
    with sqlite3.connect(sqlite.path) as other:
        other.execute("UPDATE versions SET settings = ?", (json.dumps(old),))
    other.close()
    usual = VersionSettings()
    added = {name: getattr(usual, name) for name in asdict(usual) if name not in FIRST}
    (read,) = sqlite.read(lambda tx: tx.versions.all())
    assert read.settings == replace(given.settings, **added)
    assert read.settings.slots == given.settings.concurrency
