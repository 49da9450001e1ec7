"""What a sync would do, without doing it: it works on a copy of its state, and its writes are told, not sent."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from tui.clock import Clock
from tui.ldap.entries import Change, Control, Value
from tui.ldap.values import parent
from tui.model.text import clean
from tui.settings import SyncSettings
from tui.sources.http import Upstream
from tui.sources.ldap_session import DirectorySession
from tui.sync.errors import StateUnusable
from tui.sync.opening import Sync, assemble, open_state
from tui.sync.replicator import Step

_REFERENCES = frozenset({"member", "manager"})
_LONGEST_NAME = 200
_ESCAPED = re.compile(r"\\(.)")


class Action(StrEnum):
    ADD = "add"
    MODIFY = "modify"
    RENAME = "rename"
    DELETE = "delete"
    ADOPT = "adopt"
    MEMBER_ADD = "member-add"
    MEMBER_REMOVE = "member-remove"
    SET_ASIDE = "set-aside"


class PlannedChange(Struct, frozen=True, kw_only=True):
    """`object`: the entry's name. `attributes`: names of what is written, never values. `other`: the member, or the new
    name. `held`: the deletion brake would hold it. `why`: why an object would be set aside. All text is clean."""

    action: Action
    object: str
    attributes: tuple[str, ...] = ()
    other: str = ""
    held: bool = False
    why: str = ""


async def plan(settings: SyncSettings, upstream: Upstream, clock: Clock, *, label: str) -> AsyncIterator[PlannedChange]:
    """Everything that one round would write, in its order, step by step.

    Reads tenant and directory, writes neither, nor the state file. Raises a `SyncRefused` or a `SourceError`.
    """
    recorder = Recorder()
    with _copied(settings.state_file) as db:
        session = DirectorySession(settings.directory, clock, label=label)
        sync = assemble(settings, upstream, clock, session, db, ExitStack(), writes=recorder)
        try:
            async for change in _rounds(sync, recorder):
                yield change
        finally:
            await sync.aclose()


async def _rounds(sync: Sync, recorder: Recorder) -> AsyncIterator[PlannedChange]:
    step = Step.MORE
    while step is Step.MORE:
        step = await sync.step()
        for change in recorder.taken():
            yield change
    fault = sync.replicator.fault
    if step is Step.FAILED and fault is not None:
        raise fault.error
    async for name in sync.replicator.held_names():
        yield PlannedChange(action=Action.DELETE, object=clean(name, _LONGEST_NAME), held=True)
    for failure in sync.state().failures:
        attributes = (failure.attribute,) if failure.attribute else ()
        name = failure.object.name or failure.object.id or ""
        yield PlannedChange(action=Action.SET_ASIDE, object=name, attributes=attributes, why=failure.message or "")


class Recorder:
    """Stands in for the writing half of a `Connection`: everything succeeds, and is noted until it is `taken`."""

    def __init__(self) -> None:
        self._changes: list[PlannedChange] = []

    def taken(self) -> Sequence[PlannedChange]:
        """What was noted since the last call."""
        taken, self._changes = self._changes, []
        return taken

    async def add(
        self, dn: str, attributes: Mapping[str, Sequence[Value]], *, controls: Sequence[Control] = ()
    ) -> None:
        self._note(Action.ADD, dn, tuple(name for name in attributes if name not in ("cn", "objectClass")))

    async def modify(self, dn: str, changes: Sequence[Change], *, controls: Sequence[Control] = ()) -> None:
        written = tuple(change.attribute for change in changes if change.attribute not in _REFERENCES)
        if written:
            self._note(Action.MODIFY, dn, written)
        for change in changes:
            if change.attribute in _REFERENCES:
                action = Action.MEMBER_REMOVE if change.kind == "delete" else Action.MEMBER_ADD
                for value in change.values:
                    self._note(action, dn, (change.attribute,), str(value))

    async def delete(self, dn: str, *, controls: Sequence[Control] = ()) -> None:
        self._note(Action.DELETE, dn)

    async def rename(self, dn: str, rdn: str, *, superior: str | None = None) -> None:
        self._note(Action.RENAME, dn, other=rdn)

    def _note(self, action: Action, dn: str, attributes: tuple[str, ...] = (), other: str = "") -> None:
        change = PlannedChange(action=action, object=_name(dn), attributes=attributes, other=_name(other))
        self._changes.append(change)


def _name(dn: str) -> str:
    """The value of an entry's relative name."""
    value = dn.removesuffix(parent(dn)).rstrip(",").partition("=")[2]
    return clean(_ESCAPED.sub(r"\1", value), _LONGEST_NAME)


@contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    """A throw-away copy of the state file, or a new state where there is none."""
    with tempfile.TemporaryDirectory(prefix="synctop-dry-run-") as folder:
        copy = Path(folder) / "state.db"
        if path.exists():
            _copy(path, copy)
        with closing(open_state(copy)) as db:
            yield db


def _copy(path: Path, copy: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(copy)) as new,
        ):
            old.backup(new)
    except (OSError, sqlite3.Error) as error:
        raise StateUnusable(f"The state file {path} cannot be read ({error}): restore or remove it") from error
    copy.chmod(0o600)
