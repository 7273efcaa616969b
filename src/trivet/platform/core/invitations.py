"""Invitations: an organization asks somebody in, and that one answers within a week."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from trivet.platform.core.accounts import Account
from trivet.platform.core.errors import BadRequest, Conflict
from trivet.platform.core.ids import is_name
from trivet.platform.core.keys import DAY

LIFETIME = 7 * DAY
"""Seconds in which an invitation can be answered, from when it was made or renewed."""
MOST_AT_ONCE = 10
"""Invitations that one request may make."""
MOST_PENDING = 1000
"""Invitations of one organization that may wait for an answer."""
_ADDRESS = re.compile(r"[^\s@<>\"',;\x00-\x1f\x7f]{1,64}@[^\s@<>\"',;\x00-\x1f\x7f]{1,189}")


class InvitationStatus(StrEnum):
    """What has become of an invitation. One that was never answered in its time stays pending."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An organization's word to one person, who may become a plain member by saying yes.

    ``address`` is whom it is for, in lower case: the e-mail address that an administrator has vouched for, or the name of an
    account that has none. ``id`` is drawn at random: who has it was given it. ``invited_by`` and ``answered_by`` are ids of
    accounts.
    """

    id: str
    organization_id: str
    address: str
    created_at: float
    expires_at: float
    invited_by: str
    status: InvitationStatus = InvitationStatus.PENDING
    answered_by: str | None = None
    answered_at: float | None = None

    def is_open(self, now: float) -> bool:
        """Whether it can be answered at ``now``."""
        return self.status is InvitationStatus.PENDING and now < self.expires_at


def is_address(text: str) -> bool:
    """Whether ``text`` may be an e-mail address: something, one ``@``, something."""
    return _ADDRESS.fullmatch(text) is not None


def address_of(account: Account) -> str:
    """Under which address invitations reach an account, in lower case: its e-mail address, or its name where it has none."""
    return (account.email or account.name).lower()


def check_invitee(text: str) -> str:
    """Whom an invitation is for, as `Invitation` has it.

    Raises:
        BadRequest: it is neither an e-mail address nor the name of an account.
    """
    address = text.strip().lower()
    if not (is_address(address) or is_name(address)):
        raise BadRequest(
            f"{address[:80]!r} is neither an e-mail address nor the name of an account.",
            hint="Write `ada@lab.example`, or `ada` for an account that has no e-mail address.",
        )
    return address


def renewed(invitation: Invitation, now: float) -> Invitation:
    """The invitation with its whole time before it once more.

    Raises:
        BadRequest: it was answered.
    """
    _check_unanswered(invitation)
    return replace(invitation, expires_at=now + LIFETIME)


def answered(invitation: Invitation, account: Account, now: float, *, accepts: bool) -> Invitation:
    """The invitation with an account's answer.

    Args:
        invitation: as it stands.
        account: who answers.
        now: seconds since the epoch.
        accepts: whether the answer is yes.

    Raises:
        BadRequest: it was answered before, its time is over, or it is for somebody else.
    """
    _check_unanswered(invitation)
    if invitation.address != address_of(account):
        raise BadRequest(
            f"This invitation is for {invitation.address!r}, and invitations reach your account as {address_of(account)!r}.",
            hint="Ask to be invited under that, or have an administrator set the e-mail address of your account.",
        )
    if now >= invitation.expires_at:
        raise BadRequest(
            "The time to answer this invitation is over.", hint="Ask an admin of the organization to renew it."
        )
    status = InvitationStatus.ACCEPTED if accepts else InvitationStatus.REJECTED
    return replace(invitation, status=status, answered_by=account.id, answered_at=now)


def check_pending(count: int) -> None:
    """Raises `Conflict` where an organization would have ``count`` invitations waiting, and that is too many."""
    if count > MOST_PENDING:
        raise Conflict(
            f"{MOST_PENDING} invitations of this organization wait for an answer, and more can't.",
            hint="Withdraw some of those that nobody will answer.",
        )


def _check_unanswered(invitation: Invitation) -> None:
    if invitation.status is not InvitationStatus.PENDING:
        raise BadRequest(
            f"This invitation was {invitation.status.value} already.", hint="A new one can be made at any time."
        )
