"""A tenant that throttles, fails, forgets its tokens and tells its changes badly: the directory is none the worse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.directory import tenant_faults as faults
from tests.directory.slapd import Slapd
from tests.directory.sync_bench import PASSWORD, directory_settings
from tests.directory.sync_config import SYNC_CONFIG
from tests.directory.sync_forks import forks
from tests.directory.sync_life import Life
from tests.directory.tenant_faults import Misbehave, Reordering, refused, serving, until
from tui.sources.errors import Denied
from tui.sync.replicator import Phase
from tui.sync.running import Problem, Trouble

PAGE = 7
CONFIG = SYNC_CONFIG.replace('"echo", "any-token"', '"cat", "{token}"') + "cloud_only = true\nadopt = true\n"


@pytest.fixture
def life(slapd: Slapd, tmp_path: Path) -> Life:
    return Life(slapd, tmp_path, page_size=PAGE)


class Ear:
    """Keeps what was said to be wrong."""

    def __init__(self, life: Life) -> None:
        self.problems: list[Problem] = []
        life.running._tell = lambda situation: self.problems.extend(
            [situation.problem] if situation.problem is not None else ()
        )

    @property
    def words(self) -> str:
        return "\n".join(problem.text for problem in self.problems)


MISHAPS: dict[str, Sequence[Misbehave | None]] = {
    "throttled": [faults.throttled] * 5,
    "throttled for a while": [None, refused(429, "TooManyRequests", retry_after="2")] * 4,
    "throttled for long": [None, refused(429, "TooManyRequests", retry_after="90")],
    "throttled until yesterday": [refused(429, "TooManyRequests", retry_after="Wed, 21 Oct 2015 07:28:00 GMT")] * 4,
    "a burst of errors": [faults.unavailable, refused(500, "x"), refused(502, "x"), refused(504, "x")] * 4,
    "cut off": [faults.cut] * 5,
    "half a page": [None, faults.halved] * 3,
    "told twice": [faults.twice] * 30,
    "empty pages": [faults.empty, None] * 10,
    "token expired": [None, None, faults.expired],
    "token expired again and again": [faults.expired, faults.expired, None, None, faults.expired],
}
UNTOLD = ("told twice", "empty pages", "token expired", "throttled for a while", "throttled until yesterday")


@pytest.mark.parametrize("mishap", MISHAPS)
async def test_whatever_the_tenant_does(life: Life, mishap: str) -> None:
    """During the first sync and in later rounds: it is told as the tenant's, and then everything arrives."""
    async with life.at_work():
        ear = Ear(life)
        for _ in range(2):
            life.face.plan.extend(MISHAPS[mishap])
            await until(lambda: not life.face.plan, f"the tenant is asked again: {ear.words}")
            await life.in_step()
            life.change(40)
        await life.in_step()
    assert {problem.trouble for problem in ear.problems} <= {Trouble.TENANT}
    assert ear.problems or mishap in UNTOLD
    life.compare()


async def test_pages_in_another_order(life: Life) -> None:
    """Pages that come in another order, so that groups come before their members' changes and after, tell the same."""
    life.face.always = Reordering()
    async with life.at_work():
        for _ in range(4):
            life.change(40)
            await life.in_step()
        life.clock.jump(8 * 86400)
        await life.in_step()
    life.compare()


async def test_a_token_that_expires_in_the_middle_of_writes(life: Life) -> None:
    """A full pass in which everything is as it was writes nothing: no entry is made anew, none changes."""
    async with life.at_work():
        await life.in_step()
        before = life.server.find("(objectClass=*)", "*", "+")
        restarts = life.sync.state().restarts
        life.face.plan.append(faults.expired)
        await until(lambda: not life.face.plan, "the tenant is asked")
        await life.in_step()
        assert life.sync.state().restarts == restarts + 1
        assert life.server.find("(objectClass=*)", "*", "+") == before
    life.compare()


async def test_a_full_pass_that_forgets_people(slapd: Slapd, tmp_path: Path) -> None:
    """Where a new reading misses people, nobody is deleted and nobody loses a membership: the brake holds until they
    are told of again, while everything else goes on."""
    life = Life(slapd, tmp_path, page_size=PAGE, deletion_threshold=5)
    async with life.at_work():
        await life.in_step()
        before = synced(life)
        lost = [user["id"] for user in life.tenant.page("user", limit=20)]
        kept = next(user["id"] for user in life.tenant.page("user", limit=100) if user["id"] not in lost)
        life.face.always = faults.forgetting(*lost)
        life.face.plan.append(faults.expired)
        await until(lambda: life.held_deletions is not None, "the brake holds")
        assert life.held_deletions == len(lost)
        life.tenant.upsert("user", {"city": "Held"}, kept)
        await until(lambda: "l: Held" in life.server.find(f"(msDS-aadObjectId={kept})", "l"), "changes go on")
        assert synced(life) == before
        life.face.always = None
        life.face.plan.append(faults.expired)
        await until(lambda: life.held_deletions is None, "all are told of again")
        await life.in_step()
        assert life.sync.state().phase is Phase.CONTINUOUS
        assert synced(life) == before
    life.compare()


def synced(life: Life) -> dict[str, set[str]]:
    """Which entries there are, and who is a member of what."""
    found = life.server.find("(|(msDS-aadObjectId=*)(msDS-AzureADObjectId=*))", "entryUUID", "member")
    records = (record.splitlines() for record in found.split("\n\n") if record.startswith("dn:"))
    return {dn: set(rest) for dn, *rest in records}


async def test_a_sign_in_that_is_refused(slapd: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no token is to be had, the command says so in a line without a secret; once there is one, it goes on."""
    monkeypatch.setenv(PASSWORD, slapd.admin.password)
    life = Life(slapd, tmp_path)
    token, config, directory = tmp_path / "token", tmp_path / "config.toml", directory_settings(slapd)
    async with serving(life.face) as graph, forks(tmp_path / "sync.log") as sync:
        config.write_text(
            CONFIG.format(
                graph=graph, token=token, url=slapd.url, user=directory.bind_user, password=PASSWORD, ca=slapd.ca_file
            )
        )
        await sync.begin(["sync", "--config", config], speed=30.0)
        await until(lambda: "tenant: " in sync.told, "the refusal is told")
        assert life.face.asked == 0
        token.write_text("any-token")
        await until(lambda: not life.differences(), "all is copied")
        token.unlink()
        life.change()
        await until(lambda: not life.differences(), "a token that is good is good until it expires")
        assert await sync.kill() == -9
        assert "any-token" not in sync.told
        assert "Traceback" not in sync.told
    life.compare()


async def test_a_sign_in_that_is_refused_while_it_runs(life: Life) -> None:
    """A token endpoint that refuses in the middle of the first sync costs nothing but time."""
    tokens = Tokens()
    async with life.at_work():
        access = life.sync.replicator._reader._upstream  # type: ignore[attr-defined]
        monkey = pytest.MonkeyPatch()
        with monkey.context() as patched:
            patched.setattr(access._channel.access, "_tokens", tokens)
            problem = await life.trouble()
            assert (problem.trouble, problem.refused) == (Trouble.TENANT, True)
            assert "not this time" in problem.text
            tokens.refuses = False
            await life.in_step()
    life.compare()


class Tokens:
    """Refuses at first."""

    refuses = True

    async def token(self, audience: str, *, refresh: bool = False) -> str:
        if self.refuses:
            raise Denied("not this time: check the account")
        return "any-token"
