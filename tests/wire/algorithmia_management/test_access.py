"""Which keys count, and how they may be sent; who may do what on each route stands in ``algorithmia/test_access_management``."""

from __future__ import annotations

from tests.wire.algorithmia_management.world import Desk, refused
from trivet.platform.services.keys import Keys


def test_keys_count_however_they_are_sent(desk: Desk) -> None:
    token = str(desk.token)
    for header in (token, f"Simple {token}", f"Bearer {token}", f"bearer {token}"):
        assert desk.ask("GET", "/scms", token=None, headers={"authorization": header}).status == 200


def test_a_revoked_key_counts_no_more(desk: Desk) -> None:
    token = desk.world.token("admin")
    keys: Keys = desk.world.keys
    assert desk.ask("GET", "/scms", token=token).status == 200
    desk.world.run(keys.revoke(desk.world.admin, token.key_id))
    assert refused(desk.ask("GET", "/scms", token=token))[:2] == (401, 2002)
