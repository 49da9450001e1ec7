"""A small on-premises directory with its Connect server and tenant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import pytest

from tests.helpers import START
from tui.lab.connect import Connect
from tui.lab.connector_space import ConnectorSpace
from tui.lab.mishaps import Mishaps
from tui.lab.onprem import OnPremises
from tui.lab.population import population
from tui.lab.tenant import Tenant

TENANT_ID = "0d4f5b16-0c65-4d5b-9c1e-6b2b7f3f7c01"


@dataclass
class Office:
    """`moment` is the time for all of them; tests move it."""

    directory: OnPremises
    tenant: Tenant
    connect: Connect
    mishaps: Mishaps
    moment: datetime = START

    def later(self, **span: float) -> None:
        self.moment += timedelta(**span)

    def cycle(self) -> None:
        for _ in self.connect.cycle():
            pass

    def lift(self) -> None:
        for _ in self.connect.lift_quarantines():
            pass


def make_office(objects: int) -> Office:
    moment: list[Office] = []
    directory, space = OnPremises(now=lambda: moment[0].moment), ConnectorSpace()
    tenant = Tenant(tenant_id=TENANT_ID, display_name="Contoso", now=lambda: moment[0].moment)
    connect = Connect(directory, tenant, space, lambda: moment[0].moment)
    moment.append(Office(directory, tenant, connect, Mishaps(directory, space)))
    found = list(population(Random(1), objects))
    directory.add(found)
    for _ in connect.first_export(found):
        pass
    return moment[0]


@pytest.fixture
def office() -> Iterator[Office]:
    made = make_office(200)
    yield made
    made.tenant.close()
    made.directory.close()
    made.connect.space.close()


@pytest.fixture
def large_office() -> Iterator[Office]:
    """Large enough for a deletion of every user to pass the threshold of 500."""
    made = make_office(700)
    yield made
    made.tenant.close()
    made.directory.close()
    made.connect.space.close()
