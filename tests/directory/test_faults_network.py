"""A network that delays, tears, cuts, stalls and garbles what the directory answers: nothing is lost or done twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory.proxy import NONE, Fault, FaultProxy
from tests.directory.samba import SambaDomain
from tests.directory.slapd import Slapd
from tests.directory.sync_life import Life, impatient
from tests.directory.tenant_faults import until

__all__ = ["impatient"]

pytestmark = pytest.mark.usefixtures("impatient")
STRIKES = 4


@pytest.fixture
def proxy(slapd: Slapd) -> Iterator[FaultProxy]:
    with FaultProxy(slapd.address, slapd.port) as proxy:
        yield proxy


@pytest.fixture
def life(slapd: Slapd, proxy: FaultProxy, tmp_path: Path) -> Life:
    return Life(slapd, tmp_path, proxy=proxy)


async def struck(life: Life, proxy: FaultProxy, fault: Fault) -> None:
    """The fault strikes in the middle of writes, is told, and is lifted while the tenant goes on changing."""
    life.change(25)
    await life.writes(proxy, life.random.randrange(1, 1000))
    proxy.fault = fault
    await until(lambda: life.running.situation.problem is not None or bool(life.change(1)), f"{fault} is told")
    await life.directory_trouble()
    life.change()
    proxy.fault = NONE
    await life.in_step()


@pytest.mark.parametrize(
    "kind", ["cut_after", "reset_after", "flip_at", pytest.param("stall_after", marks=pytest.mark.soak)]
)
async def test_an_answer_is_cut_at_any_byte(life: Life, proxy: FaultProxy, kind: str) -> None:
    """Whether the stream ends, is reset, falls silent or is garbled at some byte of what the server answers, the sync
    names the server and goes on once it can."""
    async with life.at_work():
        for _ in range(STRIKES):
            await struck(life, proxy, Fault(**{kind: life.random.randrange(600)}))
    life.compare()


@pytest.mark.parametrize("kind", ["cut_after", "reset_after", pytest.param("stall_after", marks=pytest.mark.soak)])
async def test_writes_whose_answers_are_lost(life: Life, proxy: FaultProxy, kind: str) -> None:
    """What the server did and could not tell is found done, not done again."""
    async with life.at_work():
        for _ in range(STRIKES):
            await struck(life, proxy, Fault(**{kind: 0}))
    life.compare()


async def test_a_server_out_of_reach(life: Life, proxy: FaultProxy) -> None:
    """Refused connections, and ones that nobody answers, are told; afterwards everything arrives."""
    async with life.at_work():
        for fault in (Fault(refuse=True), Fault(mute=True)):
            await life.writes(proxy, 1)
            proxy.fault = fault
            proxy.drop()
            await life.directory_trouble()
            life.change()
            proxy.fault = NONE
            await life.in_step()
    life.compare()


async def test_a_slow_line_in_small_pieces(life: Life, proxy: FaultProxy) -> None:
    """Answers that come late and torn to pieces are answers all the same: nothing is said to be wrong."""
    problems = []
    proxy.fault = Fault(delay_s=0.001, piece=97)
    async with life.at_work():
        life.running._tell = lambda situation: problems.append(situation.problem)
        life.change(40)
        await life.in_step()
    assert set(problems) == {None}
    life.compare()


async def test_a_domain_controller_whose_answers_are_lost(samba_aadds: SambaDomain, tmp_path: Path) -> None:
    """The same with Samba, which finds the doubles by its own rules."""
    with FaultProxy(samba_aadds.address, samba_aadds.port) as proxy:
        life = Life(samba_aadds, tmp_path, proxy=proxy)
        async with life.at_work():
            for _ in range(STRIKES):
                await struck(life, proxy, Fault(reset_after=0))
        life.compare()
