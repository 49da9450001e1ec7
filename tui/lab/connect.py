"""Entra Connect: cycles that carry on-premises objects and password hashes into the tenant, and the ways they fail.

Rules: facts/domain.md 5.1 to 5.5; duplicate attributes: 2.6 and 5.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from tui.lab.connect_mapping import GRAPH_KINDS, credential_hashes, entra_id, entra_properties, fallback_name
from tui.lab.connector_space import ConnectorSpace, ExportError, Quarantined
from tui.lab.onprem import AdObject, OnPremises
from tui.lab.refusals import refusal
from tui.lab.scenario import ConnectFault
from tui.lab.tenant import Tenant
from tui.model.states import ObjectType
from tui.model.text import rfc3339

PIECE = 40
RUNS_KEPT = 50
ADDRESSED = ("user", "group", "contact")
SUCCESS = "success"
WITH_ERRORS = "completed-export-errors"
TOO_MANY_DELETES = "stopped-deletion-threshold-exceeded"


class Effect(Struct, frozen=True):
    """What a fault does: a cycle ends with `result` (None: no cycle begins); `passwords`: hashes flow on."""

    result: str | None
    passwords: bool


EFFECTS = {
    ConnectFault.PERMISSIONS: Effect("access-denied", passwords=False),
    ConnectFault.CREDENTIALS: Effect("no-start-credentials", passwords=False),
    ConnectFault.ENTRA_AUTHENTICATION: Effect("stopped-extension-dll-exception", passwords=False),
    ConnectFault.SCHEDULER_SUSPENDED: Effect(None, passwords=True),
    ConnectFault.STAGING_MODE: Effect(SUCCESS, passwords=False),
    ConnectFault.SERVICE_STOPPED: Effect(None, passwords=False),
    ConnectFault.OU_FILTER: Effect(TOO_MANY_DELETES, passwords=True),
}


class CycleRun(Struct, frozen=True, kw_only=True):
    """One finished cycle. `changed`: objects exported; `failed`: objects that Entra ID refused."""

    started: datetime
    result: str
    changed: int = 0
    failed: int = 0


def nothing_hinders() -> None:
    return None


class Connect:
    """One sync server. `now` is the lab's time; what it keeps survives in `space`.

    `hindrance`: what keeps it from reading the on-premises directory at present, as a fault would.
    """

    def __init__(
        self,
        directory: OnPremises,
        tenant: Tenant,
        space: ConnectorSpace,
        now: Callable[[], datetime],
        hindrance: Callable[[], Effect | None] = nothing_hinders,
    ) -> None:
        self._directory = directory
        self._tenant = tenant
        self._space = space
        self._now = now
        self._hindrance = hindrance
        self.runs: deque[CycleRun] = deque(maxlen=RUNS_KEPT)

    @property
    def space(self) -> ConnectorSpace:
        return self._space

    @property
    def fault(self) -> ConnectFault | None:
        word = self._space.setting("fault")
        return ConnectFault(word) if word else None

    @property
    def fault_since(self) -> datetime | None:
        return self._space.moment("fault_since")

    @property
    def last_result(self) -> str:
        """The result of the newest cycle that began; empty where none did."""
        return str(self._space.setting("last_result", ""))

    @property
    def failing_since(self) -> datetime | None:
        """When the first of the cycles that failed in a row began; None after a good one."""
        return self._space.moment("failing_since")

    @property
    def last_success(self) -> datetime | None:
        return self._space.moment("last_success")

    @property
    def last_password_success(self) -> datetime | None:
        return self._space.moment("last_password_success")

    def break_down(self, fault: ConnectFault) -> None:
        self._space.keep("fault", fault)
        self._space.keep_moment("fault_since", self._now())

    def repair(self) -> None:
        """Settings and permissions are right again; objects that a filter took away come back in full."""
        if self.fault is ConnectFault.OU_FILTER:
            self._space.keep("cookie", 0)
        self._space.keep("fault", None)
        self._space.keep_moment("fault_since", None)

    # Cycles

    def first_export(self, found: Sequence[AdObject]) -> Iterator[None]:
        """The first full cycle, into an empty tenant: there is nobody yet to conflict with.

        The objects are there at once; the pieces that are returned bring memberships and hashes.
        """
        at = rfc3339(self._now()) or ""
        with self._tenant.transaction():
            for kind, graph_kind in GRAPH_KINDS.items():
                self._tenant.upsert_many(graph_kind, (_new_object(item, at) for item in found if item.kind is kind))
        self.adopt()
        return self._in_pieces(found, self._export_rest_of_new)

    def adopt(self) -> None:
        """Take the tenant as it stands for exported: a good cycle and a good password cycle ended now."""
        self.skip()
        self._succeed(CycleRun(started=self._now(), result=SUCCESS))
        self.password_cycle()

    def skip(self) -> None:
        """Let the next cycle bring only what changes from now on."""
        self._space.keep("cookie", self._directory.highest_usn)
        self._space.keep("password_cookie", self._directory.highest_usn)

    def cycle(self) -> Iterator[None]:
        """One delta cycle, in pieces: imports what changed on premises and exports it. Run it to its end."""
        effect = self._effect()
        if effect is not None and effect.result is None:
            return
        started = self._now()
        changes = self._staged()
        if effect is not None and not self._harmless_filter(changes):
            self._fail(CycleRun(started=started, result=effect.result or ""))
        elif self._too_many_deletes(changes):
            self._fail(CycleRun(started=started, result=TOO_MANY_DELETES))
        else:
            cookie = self._directory.highest_usn
            yield from self._export(changes, rfc3339(started) or "")
            self._space.keep("cookie", cookie)
            self._succeed(self._summary(started, len(changes)))

    def password_cycle(self) -> None:
        """Carry the hashes of new passwords over; where that works, the tenant notes the time."""
        effect = self._effect()
        if effect is not None and not effect.passwords:
            return
        cookie, newest = self._space.setting("password_cookie", 0), self._directory.highest_usn
        with self._tenant.transaction():
            if newest > cookie:
                for found in self._directory.passwords_since(cookie):
                    self._export_password(found)
                self._space.keep("password_cookie", newest)
            self._space.keep_moment("last_password_success", self._now())
            self._tenant.set_organization(onPremisesLastPasswordSyncDateTime=self._now())

    def lift_quarantines(self) -> Iterator[None]:
        """The tenant's hourly look at values that became free: the first object that waits for one gets it."""
        at = rfc3339(self._now()) or ""
        waiting = (self._directory.by_anchor(anchor) for anchor in self._space.waiting_for_freed())
        yield from self._export([found for found in waiting if found is not None], at)

    # Parts of a cycle

    def _effect(self) -> Effect | None:
        """What is wrong now; None where all is well."""
        return EFFECTS[self.fault] if self.fault else self._hindrance()

    def _staged(self) -> list[AdObject]:
        """What waits for export: changed objects, and those that failed last time; deletions first, groups last."""
        changes = self._directory.changed_since(self._space.setting("cookie", 0))
        known = {item.anchor for item in changes}
        retried = (self._directory.by_anchor(error.anchor) for error in self._space.errors())
        changes += [item for item in retried if item is not None and item.anchor not in known]
        if self.fault is ConnectFault.OU_FILTER:
            changes = [replace(item, deleted=True) for item in self._directory.all(ObjectType.USERS)]
        return sorted(changes, key=lambda item: (not item.deleted, item.kind is ObjectType.GROUPS))

    def _harmless_filter(self, changes: Sequence[AdObject]) -> bool:
        return self.fault is ConnectFault.OU_FILTER and not self._too_many_deletes(changes)

    def _too_many_deletes(self, changes: Iterable[AdObject]) -> bool:
        threshold = self._tenant.synchronization_settings().get("deletionThreshold")
        return threshold is not None and sum(item.deleted for item in changes) > threshold

    def _export(self, changes: Sequence[AdObject], at: str) -> Iterator[None]:
        """Members come last: a group may be a member of one that is exported before it."""
        yield from self._in_pieces(changes, lambda found: self._export_one(found, at))
        yield from self._in_pieces(filter(_has_members, changes), lambda found: self._export_members(found, new=False))

    def _in_pieces(self, objects: Iterable[AdObject], work: Callable[[AdObject], None]) -> Iterator[None]:
        remaining = iter(objects)
        while piece := list(islice(remaining, PIECE)):
            with self._tenant.transaction():
                for found in piece:
                    work(found)
            yield

    def _export_one(self, found: AdObject, at: str) -> None:
        kind, entra = GRAPH_KINDS[found.kind], entra_id(found.anchor)
        before = self._tenant.get(kind, entra)
        if found.deleted:
            self._remove(kind, found, before)
        elif found.defect:
            self._space.record(refusal(found, self._directory, self._now()))
        else:
            properties, quarantined = self._without_conflicts(found, entra, at)
            self._write(kind, entra, before, properties)
            self._space.set_quarantines(found.anchor, quarantined)
            self._space.forget(found.anchor)
            if before is None and found.kind is ObjectType.USERS:
                self._export_password(found)

    def _remove(self, kind: str, found: AdObject, before: dict[str, Any] | None) -> None:
        self._space.forget(found.anchor)
        self._space.set_quarantines(found.anchor, [])
        if before is not None:
            self._space.free(_unique_values(before))
            self._tenant.soft_delete(kind, before["id"])

    def _write(self, kind: str, entra: str, before: dict[str, Any] | None, properties: dict[str, Any]) -> None:
        if before is None:
            self._restore(kind, entra)
        else:
            self._space.free(_unique_values(before) - _unique_values(properties))
        self._tenant.upsert(kind, properties, id=entra)

    def _restore(self, kind: str, entra: str) -> None:
        try:
            self._tenant.restore(kind, entra)
        except KeyError:
            return

    def _export_rest_of_new(self, found: AdObject) -> None:
        """What is not a property: members of groups, and the password hash of a user."""
        if found.kind is ObjectType.GROUPS:
            self._export_members(found, new=True)
        elif found.kind is ObjectType.USERS:
            self._export_password(found)

    def _export_members(self, found: AdObject, *, new: bool) -> None:
        group = entra_id(found.anchor)
        wanted = {entra_id(anchor) for anchor in found.members}
        present = set() if new else set(self._tenant.members(group))
        for member in sorted(present - wanted):
            self._tenant.remove_member(group, member)
        for member in sorted(wanted - present):
            with suppress(KeyError):  # a member that is not in the tenant: its export failed
                self._tenant.add_member(group, member)

    def _export_password(self, found: AdObject) -> None:
        entra = entra_id(found.anchor)
        if self._tenant.get("user", entra) is not None:
            self._tenant.set_credentials(entra, credential_hashes(found))

    # Duplicate attributes

    def _without_conflicts(self, found: AdObject, entra: str, at: str) -> tuple[dict[str, Any], list[Quarantined]]:
        """The properties to write, and what of them another object holds already and is therefore left out."""
        properties = entra_properties(found, at)
        quarantined = [*self._taken_addresses(found, entra, properties), *self._taken_name(found, entra, properties)]
        since = {(item.attribute, item.value): item.since for item in self._space.quarantines_of(found.anchor)}
        quarantined = [
            structs.replace(item, since=since.get((item.attribute, item.value), item.since)) for item in quarantined
        ]
        if found.kind is not ObjectType.DEVICES:
            properties["onPremisesProvisioningErrors"] = [provisioning_error(item) for item in quarantined]
        return properties, quarantined

    def _taken_addresses(self, found: AdObject, entra: str, properties: dict[str, Any]) -> Iterator[Quarantined]:
        addresses = properties.get("proxyAddresses") or []
        taken = [address for address in addresses if self._held_by_other("proxyAddresses", address, entra)]
        if taken:
            properties["proxyAddresses"] = [address for address in addresses if address not in taken]
        for address in taken:
            yield Quarantined(found.anchor, found.kind, "ProxyAddresses", address.casefold(), self._now())

    def _taken_name(self, found: AdObject, entra: str, properties: dict[str, Any]) -> Iterator[Quarantined]:
        name = properties.get("userPrincipalName")
        if name and self._held_by_other("userPrincipalName", name, entra):
            properties["userPrincipalName"] = fallback_name(name, entra)
            yield Quarantined(found.anchor, found.kind, "UserPrincipalName", name.casefold(), self._now())

    def _held_by_other(self, name: str, value: str, entra: str) -> bool:
        return any(holder["id"] != entra for kind in ADDRESSED for holder in self._tenant.find(kind, name, value))

    # Ends of a cycle

    def _summary(self, started: datetime, changed: int) -> CycleRun:
        failed = sum(self._space.error_counts().values())
        return CycleRun(started=started, result=WITH_ERRORS if failed else SUCCESS, changed=changed, failed=failed)

    def _succeed(self, run: CycleRun) -> None:
        self._finish(run)
        self._space.keep_moment("failing_since", None)
        self._space.keep_moment("last_success", run.started)
        self._tenant.set_organization(onPremisesSyncEnabled=True, onPremisesLastSyncDateTime=run.started)

    def _fail(self, run: CycleRun) -> None:
        self._finish(run)
        self._space.keep_moment("failing_since", self.failing_since or run.started)

    def _finish(self, run: CycleRun) -> None:
        self.runs.append(run)
        self._space.keep("last_result", run.result)
        self._space.keep_moment("last_run", run.started)


def provisioning_error(item: Quarantined) -> dict[str, str | None]:
    """The mark that a quarantined attribute leaves on the object (facts/domain.md 2.6)."""
    return {
        "category": "PropertyConflict",
        "occurredDateTime": rfc3339(item.since),
        "propertyCausingError": item.attribute,
        "value": item.value,
    }


def _new_object(found: AdObject, at: str) -> dict[str, Any]:
    return {"id": entra_id(found.anchor), "createdDateTime": at, **entra_properties(found, at)}


def _has_members(found: AdObject) -> bool:
    return found.kind is ObjectType.GROUPS and not found.deleted and not found.defect


def _unique_values(properties: dict[str, Any]) -> set[str]:
    name = properties.get("userPrincipalName")
    return {str(value).casefold() for value in (*(properties.get("proxyAddresses") or ()), *([name] if name else ()))}


__all__ = ["EFFECTS", "SUCCESS", "TOO_MANY_DELETES", "WITH_ERRORS", "Connect", "CycleRun", "ExportError"]
