"""The routes of the native API, as data: from this table come the router, the OpenAPI document and the human pages."""

from __future__ import annotations

from trivet.platform.dialects.native.routes.about import ABOUT
from trivet.platform.dialects.native.routes.accounts import ACCOUNTS
from trivet.platform.dialects.native.routes.calling import CALLING
from trivet.platform.dialects.native.routes.deployments import DEPLOYMENTS
from trivet.platform.dialects.native.routes.endpoints import ENDPOINTS
from trivet.platform.dialects.native.routes.files import FILES
from trivet.platform.dialects.native.routes.jobs import JOBS
from trivet.platform.dialects.native.routes.keys import KEYS
from trivet.platform.dialects.native.routes.organizations import ORGANIZATIONS
from trivet.platform.dialects.native.routes.route import Route
from trivet.platform.dialects.native.routes.secrets import SECRETS
from trivet.platform.dialects.native.routes.webhooks import WEBHOOKS

ROUTES: tuple[Route, ...] = (
    *CALLING,
    *JOBS,
    *WEBHOOKS,
    *ENDPOINTS,
    *DEPLOYMENTS,
    *FILES,
    *ACCOUNTS,
    *KEYS,
    *ORGANIZATIONS,
    *SECRETS,
    *ABOUT,
)
"""Every route of the API, in the order in which they are tried."""
