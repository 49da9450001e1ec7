"""Objects that others made or changed in the directory, while the sync is at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.directory.server import DirectoryServer
from tests.directory.sync_life import Life
from tests.directory.tenant_faults import until
from tests.directory.tenant_life import in_scope


@pytest.fixture(params=["slapd", "samba"])
def server(request: pytest.FixtureRequest) -> DirectoryServer:
    found: DirectoryServer = request.getfixturevalue("slapd" if request.param == "slapd" else "samba_aadds")
    return found


@pytest.fixture
def life(server: DirectoryServer, tmp_path: Path) -> Life:
    return Life(server, tmp_path)


async def test_entries_that_somebody_moved_or_deleted(life: Life) -> None:
    """An entry that was renamed or deleted by hand while the sync is connected is found again, or made again, with the
    next change of its object; the sync does not wait for a restart."""
    async with life.at_work():
        await life.in_step()
        renamed, gone, *_ = (user for user in life.tenant.page("user", limit=50) if in_scope(user))
        people = life.server.people_dn
        life.server.modify(
            f"dn: CN={renamed['mailNickname']},{people}\nchangetype: modrdn\nnewrdn: CN=by hand\ndeleteoldrdn: 1\n\n"
            f"dn: CN={gone['mailNickname']},{people}\nchangetype: delete\n"
        )
        for user in (renamed, gone):
            life.tenant.upsert("user", {"city": "Milano", "mailNickname": f"{user['mailNickname']}x"}, user["id"])
        await until(lambda: life.running.situation.rounds > 0, "a round")
        await life.in_step()
    life.compare()
