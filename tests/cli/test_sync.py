"""`synctop sync` as an operator meets it: which tenant, what it says, how it ends, and what it never does."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import GUID
from tests.helpers import ManualClock
from tests.sync.bench import Bench
from tests.sync.situations import full_pass, report, state
from tui import cli, cli_sync
from tui.sources.errors import Denied, SourceError, Unreachable
from tui.sync.dry_run import Action, PlannedChange
from tui.sync.errors import AlreadyRunning, ForeignObjects, StateFailed, StateUnusable
from tui.sync.replicator import Fault, Step, SyncState

TENANT = '[[tenant]]\nname = "{name}"\ntenant_id = "' + GUID + '"\n'
SYNC = """[tenant.sync]
url = "ldaps://dc1.aadds.example"
base_dn = "DC=aadds,DC=example"
bind_user = "sync@aadds.example"
password_env = "SYNC_PASSWORD"
state_file = "state.sqlite"
{more}
"""


class Opened:
    """A sync that was opened: its steps end as the script says, the last one for ever."""

    def __init__(self, *script: Step | Fault | Exception | int) -> None:
        self.replicator = self
        self.fault: Fault | None = None
        self.told: SyncState = state()
        self.allowed: int | None = None
        self.steps = 0
        self.closed = False
        self._script = script or (Step.DONE,)

    async def step(self) -> Step:
        outcome = self._script[min(self.steps, len(self._script) - 1)]
        self.steps += 1
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, signal.Signals):
            os.kill(os.getpid(), outcome)
            return Step.DONE
        self.fault = outcome if isinstance(outcome, Fault) else None
        return Step.FAILED if isinstance(outcome, Fault) else outcome

    def state(self) -> SyncState:
        return self.told

    def allow_deletions(self, count: int) -> None:
        self.allowed = count

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """What the command opens instead of a real directory."""
    made = Opened()

    async def open_directory(*_: object) -> Opened:
        return made

    monkeypatch.setattr(cli_sync, "open_directory", open_directory)
    return made


@pytest.fixture
def sync_config(tmp_path: Path) -> Path:
    return written(tmp_path, TENANT.format(name="contoso") + SYNC.format(more=""))


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def run(path: Path, *words: str) -> int:
    return cli.run(["sync", "--config", str(path), *words])


def scripted(opened: Opened, *script: Any) -> None:
    opened._script = script


# --- Which tenant -----------------------------------------------------------------------------------------------------


def test_a_config_without_a_sync_section_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78, with the section that is missing."""
    assert run(config) == 78
    assert capsys.readouterr().err == (
        "synctop: no [tenant.sync] section for contoso, fabrikam: it says what to write to (README, The sync)\n"
    )


def test_of_several_tenants_one_must_be_chosen(
    tmp_path: Path, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two syncs in one file are a usage error until --tenant says which; others in the file do not matter."""
    text = "".join(TENANT.format(name=name) + SYNC.format(more="") for name in ("contoso", "fabrikam"))
    path = written(tmp_path, text + TENANT.format(name="third"))
    assert run(path, "--once") == 64
    assert "(contoso, fabrikam): choose one with --tenant" in capsys.readouterr().err
    assert run(path, "--once", "--tenant", "fabrikam") == 0
    assert run(path, "--once", "--tenant", "third") == 78


# --- How one round ends -----------------------------------------------------------------------------------------------


def at_tenant(error: SourceError) -> Fault:
    return Fault(error, at_tenant=True)


def at_directory(error: SourceError) -> Fault:
    return Fault(error, at_tenant=False)


@pytest.mark.parametrize(
    ("outcome", "told", "code", "words"),
    [
        (Step.DONE, state(), 0, "done"),
        (Step.DONE, state(objects_failed=2, failures=(report(),)), 1, "done, 2 objects set aside"),
        (Step.DONE, state(held_deletions=900), 2, "done, 900 deletions held back"),
        (at_tenant(Unreachable("graph: no route")), state(), 3, "tenant: graph: no route"),
        (at_tenant(Denied("graph: 403: grant User.Read.All")), state(), 2, "tenant: graph: 403: grant User.Read.All"),
        (at_directory(Unreachable("dc1:636: refused")), state(), 3, "directory: dc1:636: refused"),
        (at_directory(Denied("dc1:636 refused the sign-in")), state(), 2, "directory: dc1:636 refused the sign-in"),
        (at_directory(StateFailed("disk is full")), state(), 2, "state: disk is full"),
    ],
)
def test_once_ends_with_a_code_and_a_line(
    opened: Opened,
    sync_config: Path,
    capsys: pytest.CaptureFixture[str],
    outcome: Step | Fault,
    told: SyncState,
    code: int,
    words: str,
) -> None:
    """0 done, 1 set aside, 2 held or not possible, 3 unreachable; the last line says why, and stdout stays empty."""
    scripted(opened, outcome)
    opened.told = told
    assert run(sync_config, "--once") == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].endswith(words)
    assert opened.closed


@pytest.mark.parametrize(
    "error",
    [
        ForeignObjects("OU=AADDC Users holds 3 objects that this sync did not make", count=3, names=("a",)),
        AlreadyRunning("Another sync works on the state file"),
        StateUnusable("The state file cannot be opened for writing: Permission denied"),
        sqlite3.DatabaseError("database disk image is malformed"),
    ],
)
def test_what_somebody_must_decide_is_one_line(
    monkeypatch: pytest.MonkeyPatch, sync_config: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """Foreign objects, a second sync, a bad state file: exit 2 and the reason, whether at the start or later."""

    async def refused(*_: object) -> Opened:
        raise error

    monkeypatch.setattr(cli_sync, "open_directory", refused)
    assert run(sync_config) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("synctop: ")
    assert str(error) in line

    async def later(*_: object) -> Opened:
        return Opened(Step.MORE, error)

    monkeypatch.setattr(cli_sync, "open_directory", later)
    assert run(sync_config) == 2
    assert str(error) in capsys.readouterr().err.splitlines()[-1]


def test_allowed_deletions_reach_the_brake(opened: Opened, sync_config: Path) -> None:
    """--allow-deletions lets that many through; without it none."""
    assert run(sync_config, "--once") == 0
    assert opened.allowed is None
    assert run(sync_config, "--once", "--allow-deletions", "700") == 0
    assert opened.allowed == 700
    assert run(sync_config, "--once", "--allow-deletions", "-1") == 64


# --- Going on, and the end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(
    opened: Opened, sync_config: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """The step under way is finished, everything is closed, exit 0; and the handlers are as they were."""
    before = signal.getsignal(number)
    scripted(opened, Step.MORE, number)
    assert run(sync_config) == 0
    assert opened.steps == 2
    assert opened.closed
    assert capsys.readouterr().err.endswith("stopped; the next start goes on from here\n")
    assert signal.getsignal(number) == before


def test_a_single_round_that_was_interrupted_is_not_done(opened: Opened, sync_config: Path) -> None:
    """--once ended by a signal exits 130, for it did not do what it was asked."""
    scripted(opened, signal.SIGTERM, Step.MORE)
    opened.told = full_pass()

    async def more() -> Step:
        os.kill(os.getpid(), signal.SIGTERM)
        return Step.MORE

    opened.step = more  # type: ignore[method-assign]
    assert run(sync_config, "--once") == 130


# --- Publishing -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_it_says_how_to_watch_it(opened: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `listen` the start prints the lines for the monitor's config file; a single round publishes nothing."""
    scripted(opened, signal.SIGTERM)
    address = f"127.0.0.1:{free_port()}"
    path = written(tmp_path, TENANT.format(name="contoso") + SYNC.format(more=f'listen = "{address}"'))
    assert run(path) == 0
    err = capsys.readouterr().err
    assert f'arm_url = "http://{address}"' in err
    assert "subscription_id = " in err
    scripted(opened, Step.DONE)
    assert run(path, "--once") == 0
    assert "arm_url" not in capsys.readouterr().err


def test_a_taken_port_is_one_line(opened: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two syncs cannot publish on one port: exit 78, and nothing was begun."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = written(tmp_path, TENANT.format(name="contoso") + SYNC.format(more=f'listen = "{address}"'))
        assert run(path) == 78
    assert f"listen {address}: cannot listen there" in capsys.readouterr().err
    assert opened.steps == 0
    assert opened.closed


# --- A dry run --------------------------------------------------------------------------------------------------------


PLANNED = (
    PlannedChange(action=Action.ADD, object="Ada", attributes=("sAMAccountName", "mail")),
    PlannedChange(action=Action.MEMBER_ADD, object="Sales", attributes=("member",), other="Ada"),
    PlannedChange(action=Action.DELETE, object="Eve", held=True),
    PlannedChange(action=Action.SET_ASIDE, object="Bob", attributes=("mail",), why="mail is too long"),
)


def plan_of(monkeypatch: pytest.MonkeyPatch, *changes: PlannedChange | Exception) -> None:
    async def planned(*_: object) -> AsyncIterator[PlannedChange]:
        for change in changes:
            if isinstance(change, Exception):
                raise change
            yield change

    monkeypatch.setattr(cli_sync, "planned", planned)


def test_a_dry_run_prints_what_would_change(
    opened: Opened, sync_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each change with what it touches, a sum at the end, exit 0; nothing is opened for writing."""
    plan_of(monkeypatch, *PLANNED)
    assert run(sync_config, "--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        "add            Ada: sAMAccountName, mail",
        "member-add     Sales: Ada",
        "delete (held)  Eve",
        "set-aside      Bob: mail, mail is too long",
        "would be done: 1 add, 1 member-add, 1 set-aside; held back by the deletion brake: 1 deletion;"
        " nothing was written",
    ]
    assert opened.steps == 0


def test_a_dry_run_with_nothing_to_do_says_so(
    sync_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty plan is an answer, not silence."""
    plan_of(monkeypatch)
    assert run(sync_config, "--dry-run") == 0
    assert capsys.readouterr().out == "nothing would change\n"


@pytest.mark.parametrize(
    ("error", "code"), [(Unreachable("dc1: no route"), 3), (Denied("dc1: no"), 2), (AlreadyRunning("another"), 2)]
)
def test_a_dry_run_that_cannot_tell_everything_is_no_answer(
    sync_config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
) -> None:
    """A plan that breaks off ends without a sum and with its own exit code and reason."""
    plan_of(monkeypatch, PLANNED[0], error)
    assert run(sync_config, "--dry-run") == code
    out, err = capsys.readouterr()
    assert "would be done" not in out
    assert str(error) in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_dry_run_that_is_ended_tidies_up(
    sync_config: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Its copy of the state, which holds hashes, does not outlive a signal; exit 130."""
    tidied = []

    async def planned(*_: object) -> AsyncIterator[PlannedChange]:
        try:
            yield PLANNED[0]
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            tidied.append(True)

    monkeypatch.setattr(cli_sync, "planned", planned)
    assert run(sync_config, "--dry-run") == 130
    assert tidied == [True]


# --- For real, but for the directory ----------------------------------------------------------------------------------


@pytest.fixture
def small(clock: ManualClock) -> Iterator[Bench]:
    made = Bench(clock)
    yield made
    made.close()


def test_one_round_over_a_tenant(
    small: Bench, sync_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Users, groups and a name conflict go from the tenant to the domain, and the end says what was set aside."""
    small.group("All", [small.user("ada"), small.user("eve")])
    small.domain.add_local("user", "svc", {"userPrincipalName": ("eve@contoso.com",)})

    async def opened(*_: object) -> SimpleNamespace:
        async def aclose() -> None:
            return None

        return SimpleNamespace(replicator=small.replicator, aclose=aclose)

    monkeypatch.setattr(cli_sync, "open_directory", opened)
    assert run(sync_config, "--once") == 1
    assert small.domain.counts(synced=True) == {"user": 1, "group": 1}
    err = capsys.readouterr().err
    assert "1 object set aside, newest: NameTaken Eve" in err
    assert err.endswith("done, 1 object set aside\n")
