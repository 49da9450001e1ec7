"""Everything that stands in the lab, from the on-premises directory to the managed domain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.clock import Clock
from tui.lab.clock import EventTime, LabClock
from tui.lab.cloud_sync_api import CloudSync
from tui.lab.connect import Connect, nothing_hinders
from tui.lab.connector_space import ConnectorSpace
from tui.lab.identity import DISPLAY_NAME, MANAGED_DOMAIN_NAME, Identity, identity
from tui.lab.managed_domain import ManagedDomain
from tui.lab.mishaps import Mishaps
from tui.lab.onprem import OnPremises
from tui.lab.population import Everyday
from tui.lab.replication import Replication
from tui.lab.scenario import Fault, Scenario
from tui.lab.tenant import Tenant

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tui.lab.directory_import import DirectoryImport

OpenImport = Callable[[OnPremises, Tenant, Clock, Scenario], "DirectoryImport"]

SAVED = "lab"
STORES = ("on-premises", "connect", "tenant", "managed-domain")
AGE_OF_THE_DOMAIN = timedelta(days=40)


class World(Struct, frozen=True, kw_only=True, dict=True):
    """`present` is what its parts take for now; `clock` is the lab's. `faults` befall the outside face alone.

    `directory_import`: fills `directory` where that stands for a real one.
    """

    who: Identity
    seed: int
    faults: tuple[Fault, ...]
    clock: LabClock
    present: EventTime
    directory: OnPremises
    tenant: Tenant
    space: ConnectorSpace
    connect: Connect
    mishaps: Mishaps
    everyday: Everyday
    domain: ManagedDomain
    replication: Replication
    cloud: CloudSync
    directory_import: DirectoryImport | None = None

    @cached_property
    def app(self) -> ASGIApp:
        """What the monitor asks."""
        from tui.lab.faults import Faults

        return Faults(self.plain_app, self.faults, self.clock, self.seed)

    @cached_property
    def plain_app(self) -> ASGIApp:
        """The same without the faults: what hop 2 asks."""
        from tui.lab.api import plain_app

        return plain_app(self)

    def close(self) -> None:
        self.replication.close()
        self.tenant.close()
        self.space.close()
        self.directory.close()


def build(
    scenario: Scenario,
    seed: int,
    clock: LabClock,
    state_dir: Path | None,
    open_import: OpenImport | None = None,
) -> World:
    """An empty world, or the one that `state_dir` keeps. `open_import`: its people come from a real directory."""
    present, who = EventTime(clock), identity(seed)
    directory = OnPremises(_path(state_dir, "on-premises"), now=present.now)
    space = ConnectorSpace(_path(state_dir, "connect"))
    mass = scenario.start.mass
    tenant = Tenant(
        "" if mass and state_dir is None else _path(state_dir, "tenant"),
        tenant_id=who.tenant_id,
        display_name=DISPLAY_NAME,
        now=present.now,
    )
    directory_import = open_import(directory, tenant, clock, scenario) if open_import else None
    world = World(
        who=who,
        seed=seed,
        faults=scenario.faults,
        clock=clock,
        present=present,
        directory=directory,
        tenant=tenant,
        space=space,
        connect=Connect(
            directory, tenant, space, present.now, directory_import.hindrance if directory_import else nothing_hinders
        ),
        mishaps=Mishaps(directory, space),
        everyday=Everyday(directory, seed, scenario.objects),
        domain=ManagedDomain(MANAGED_DOMAIN_NAME, clock.start - AGE_OF_THE_DOMAIN, cloud_only=mass),
        replication=Replication(_path(state_dir, "managed-domain"), lambda: world.plain_app, present, cloud_only=mass),
        cloud=CloudSync(enabled=scenario.start.cloud_sync, opened=clock.start),
        directory_import=directory_import,
    )
    return world


def prepare(state_dir: Path) -> None:
    """Make the directory; where an earlier lab was killed before it had opened, remove what it left."""
    state_dir.mkdir(parents=True, exist_ok=True)
    space = ConnectorSpace(_path(state_dir, "connect"))
    is_whole = space.setting(SAVED) is not None
    space.close()
    if not is_whole:
        for name in STORES:
            for file in state_dir.glob(f"{name}.sqlite*"):
                file.unlink()


def _path(state_dir: Path | None, name: str) -> str:
    return ":memory:" if state_dir is None else str(state_dir / f"{name}.sqlite")
