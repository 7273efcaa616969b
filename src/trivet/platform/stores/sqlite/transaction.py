"""What a unit of work works with: all repositories on one session."""

from __future__ import annotations

from trivet.platform.stores.sqlite.accounts import SqliteAccounts
from trivet.platform.stores.sqlite.counters import SqliteCounters
from trivet.platform.stores.sqlite.data import SqliteData
from trivet.platform.stores.sqlite.deployments import SqliteDeployments
from trivet.platform.stores.sqlite.endpoints import SqliteEndpoints
from trivet.platform.stores.sqlite.invitations import SqliteInvitations
from trivet.platform.stores.sqlite.jobs import SqliteJobs
from trivet.platform.stores.sqlite.keys import SqliteKeys
from trivet.platform.stores.sqlite.session import Session
from trivet.platform.stores.sqlite.templates import SqliteTemplates
from trivet.platform.stores.sqlite.versions import SqliteVersions
from trivet.platform.stores.sqlite.webhooks import SqliteWebhooks


class SqliteTransaction:
    """A `Transaction`. It keeps nothing itself, so one serves all units of work of its session."""

    def __init__(self, session: Session) -> None:
        self.accounts = SqliteAccounts(session)
        self.keys = SqliteKeys(session)
        self.invitations = SqliteInvitations(session)
        self.endpoints = SqliteEndpoints(session)
        self.versions = SqliteVersions(session)
        self.deployments = SqliteDeployments(session)
        self.templates = SqliteTemplates(session)
        self.data = SqliteData(session)
        self.jobs = SqliteJobs(session)
        self.counters = SqliteCounters(session)
        self.webhooks = SqliteWebhooks(session)
