"""The people of Jaqpot's API: keys, organizations, invitations, users."""

from trivet.platform.dialects.jaqpot.people.app import PeopleApi
from trivet.platform.dialects.jaqpot.people.context import PeopleServices, Summaries

__all__ = ["PeopleApi", "PeopleServices", "Summaries"]
