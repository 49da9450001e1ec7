"""The whole chain, started in a terminal by the README's own command: a change on premises is seen to travel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.directory.chain import CONFIG, PACKAGES, SYNCTOP
from tests.directory.chain_people import Person, dn_of, people, person_ldif
from tests.directory.compare import entries
from tests.directory.needs import SAMBA_PROGRAMS, need
from tests.directory.samba import TEMPLATES, Kind, SambaDomain
from tests.e2e.terminal import Terminal, missing
from tui.config import load
from tui.settings import DirectorySettings

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

ROOT = Path(__file__).parents[2]
PEOPLE = 24
START_S = 90.0
"""On a machine that never provisioned a domain; else a few seconds."""
TRAVEL_S = 45.0
COMPARED = ("displayname", "givenname", "sn", "department", "mail", "samaccountname")

Objects = Mapping[str, Any]


class Ends(NamedTuple):
    """Both ends of the chain, and the config file of what is between them."""

    terminal: Terminal
    corp: SambaDomain
    aadds: SambaDomain
    config: Path


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """The chain with its monitor on screen."""
    need(*SAMBA_PROGRAMS, root=True)
    kept = tmp_path / "kept"
    command = _readme("chain: run").replace(".venv/bin/python", sys.executable)
    command += f" --people {PEOPLE} --keep {kept}"
    terminal = Terminal(tmp_path, command, 200, 50, {"PYTHONPATH": str(ROOT)})
    try:
        terminal.until("The monitor comes with Enter", START_S)
        terminal.keys("Enter")
        (tenant,) = load(kept / CONFIG).tenants
        assert tenant.on_premises is not None
        assert tenant.managed_domain is not None
        yield Ends(
            terminal, _domain("corp", tenant.on_premises), _domain("aadds", tenant.managed_domain), kept / CONFIG
        )
    finally:
        terminal.kill()


def test_a_change_on_premises_travels_to_the_managed_domain(ends: Ends) -> None:
    """Who is changed, hired, switched off or deleted on premises is so in the managed domain within seconds.

    The monitor shows both ends in step and how long that took, `check` and `trace` agree; leaving it ends everything.
    """
    found = people(PEOPLE)
    ends.terminal.until(_counts("users", PEOPLE + 1), TRAVEL_S)
    _until_in_step(ends)
    _a_day_in_the_office(ends.corp, found)
    _until_in_step(ends)
    held = _users(ends.aadds)
    assert held["a.newcomer@corp.example"]["department"] == ["Support"]
    assert held[_upn(found[1])]["displayname"] == ["Lea Renamed"]
    assert held[_upn(found[4])]["enabled"] is False
    assert _upn(found[5]) not in held
    screen = ends.terminal.until(lambda screen: _counts("users", PEOPLE + 1)(screen) and min(_samples(screen)) >= 1)
    assert all(_seconds(word) <= TRAVEL_S for word in _longest_lags(screen))
    _agree(ends, found)
    ends.terminal.keys("q")
    assert ends.terminal.exit_status() == 0
    assert not _processes(str(ends.config.parent))


def test_the_readme_installs_what_the_chain_needs() -> None:
    """The packages of its first command are those that the second one asks for."""
    assert _readme("chain: packages").endswith(f"install -y --no-install-recommends {PACKAGES}")


def _readme(mark: str) -> str:
    """The command below a mark in the README."""
    found = re.search(rf"<!-- {mark} -->\n```sh\n(.*)\n```", (ROOT / "README.md").read_text())
    assert found is not None
    return found[1]


def _a_day_in_the_office(corp: SambaDomain, found: list[Person]) -> None:
    """One is renamed and moved, one hired into a group, one switched off, one deleted."""
    newcomer = Person("a.newcomer", "Ann", "Newcomer", "Support")
    added = dn_of(newcomer, corp.people_dn)
    moved, off, gone = (dn_of(found[place], corp.people_dn) for place in (1, 4, 5))
    records = (
        f"dn: {moved}\nchangetype: modify\nreplace: displayName\ndisplayName: Lea Renamed\n-\n"
        "replace: department\ndepartment: Moved\n-\n",
        person_ldif(newcomer, corp.people_dn, corp.domain),
        f"dn: CN=Staff,{corp.people_dn}\nchangetype: modify\nadd: member\nmember: {added}\n-\n",
        f"dn: {off}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n-\n",
        f"dn: {gone}\nchangetype: delete\n",
    )
    corp.modify("\n".join(records))


def _agree(ends: Ends, found: list[Person]) -> None:
    """What a script is told is what the screen shows."""
    checked = json.loads(_told("check", "--format", "json", config=ends.config))
    (tenant,) = checked["tenants"]
    assert {hop["hop"]: hop["state"] for hop in tenant["hops"]} == dict.fromkeys(
        ("connect", "password", "domain-services"), "ok"
    )
    (users,) = [row for row in tenant["counts"] if row["type"] == "users"]
    assert [users[side] for side in ("on_premises", "entra_synced", "managed_domain")] == [PEOPLE + 1] * 3
    assert [failure["code"] for failure in tenant["failures"]] == ["PropertyConflict"]
    traced = _told("trace", found[1].login, config=ends.config)
    assert "The same on 3 sides" in traced
    assert traced.count("Lea Renamed") >= 3


def _told(*arguments: str, config: Path) -> str:
    return subprocess.run(
        [*SYNCTOP, *arguments, "--config", str(config)], capture_output=True, text=True, check=False, timeout=60
    ).stdout


def _domain(kind: Kind, settings: DirectorySettings) -> SambaDomain:
    """The running domain of the chain that was started elsewhere."""
    assert settings.ca_file is not None
    return SambaDomain(TEMPLATES[kind], settings.ca_file.parents[1], urlsplit(settings.url).hostname or "")


def _counts(row: str, number: int) -> Callable[[str], bool]:
    """True of a screen that shows the same number on premises, in Entra and in the managed domain."""
    pattern = re.compile(rf"^{row} +{number} +{number} +{number} +0 +{number} +0 ", re.MULTILINE)
    return lambda screen: pattern.search(screen) is not None


def _lag_cells(screen: str) -> list[list[str]]:
    """Median, p95, maximum and number of samples of the last hour, for each hop whose lag is measured."""
    pattern = r"^(?:AD > Entra|Entra > DS) +\S \w+ +\S+ +\S+ +(\S+) +(\S+) +(\S+) +(\d+) "
    return [list(row) for row in re.findall(pattern, screen, re.MULTILINE)]


def _samples(screen: str) -> list[int]:
    """Of both hops; none where one of them shows no figures."""
    cells = _lag_cells(screen)
    return [int(found[3]) for found in cells] if len(cells) == 2 else [0]


def _longest_lags(screen: str) -> list[str]:
    return [cells[2] for cells in _lag_cells(screen)]


def _seconds(word: str) -> float:
    return float(word.removesuffix("s"))


def _until_in_step(ends: Ends) -> None:
    """Fails with what still differs."""
    end = time.monotonic() + TRAVEL_S
    while differing := _differences(*_both(ends)):
        assert time.monotonic() < end, "\n".join(differing)
        time.sleep(0.2)


def _differences(ours: Objects, theirs: Objects) -> list[str]:
    names = sorted(ours.keys() | theirs.keys())
    return [f"{name}: {ours.get(name)} / {theirs.get(name)}" for name in names if ours.get(name) != theirs.get(name)]


def _both(ends: Ends) -> tuple[Objects, Objects]:
    """Everyone of the people's unit, and the groups with their members' names, at both ends."""
    ours = {**_users(ends.corp), **_groups(ends.corp)}
    theirs = {**_users(ends.aadds), **_groups(ends.aadds)}
    theirs.pop("monitor@corp.example", None)
    theirs.pop("AAD DC Administrators", None)
    return ours, theirs


def _users(domain: SambaDomain) -> dict[str, Any]:
    """By sign-in name, which is the same at both ends."""
    return {
        values["userprincipalname"][0]: {
            **{name: values.get(name) for name in COMPARED},
            "enabled": not int(values["useraccountcontrol"][0]) & 2,
        }
        for values in entries(domain)
        if "userprincipalname" in values
    }


def _groups(domain: SambaDomain) -> dict[str, set[str]]:
    return {
        values["samaccountname"][0]: {dn.partition(",")[0] for dn in values.get("member", ())}
        for values in entries(domain)
        if "group" in values["objectclass"]
    }


def _upn(one: Person) -> str:
    return f"{one.login}@corp.example"


def _processes(word: str) -> list[str]:
    """The command lines of living processes that mention `word`; this one's children were waited for."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and path.parent.name != str(os.getpid()) and "tmux" not in line:
            found.append(line)
    return found
