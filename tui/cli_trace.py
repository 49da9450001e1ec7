"""What `synctop trace` asks and answers: one object on every side of each tenant, within a limit of time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

from msgspec import Struct

from tui.answers import LAB_LIMIT_S, within
from tui.clock import SystemClock
from tui.model.text import clean
from tui.model.trace import Outcome, Trace
from tui.settings import Settings

# Asking a side again by the keys that another one told takes time of its own.
BEYOND_TIMEOUT_S = 90.0
FOUND, STOPPED, UNKNOWN = 0, 1, 3


class Traced(Struct, frozen=True):
    """What became of a name in one tenant."""

    tenant: str
    trace: Trace


class NoAnswer(Exception):
    """Nothing was found out in time. The message is for people."""


def ask_tenants(settings: Settings, name: str) -> tuple[Traced, ...]:
    """Poll every tenant once, for what fails there, and trace `name` in each. Raises `NoAnswer`."""
    return _within(settings.poll.timeout + BEYOND_TIMEOUT_S, settings, name)


def ask_lab(scenario: str | None, seed: int, name: str) -> tuple[Traced, ...]:
    """The same in the embedded lab at the start of its scenario. Raises `NoAnswer`."""
    try:
        return within(LAB_LIMIT_S, _in_lab(scenario, seed, name))
    except TimeoutError:
        raise NoAnswer(f"the lab did not answer within {LAB_LIMIT_S:.0f} seconds") from None


def trace_chunks(traced: Iterable[Traced], form: str) -> Iterator[str]:
    """The text of `trace` in the format `form`: text or json."""
    if form == "json":
        from tui.reports.trace_json import traces_json

        pairs = [(one.tenant, one.trace) for one in traced]
        yield traces_json(pairs, max(trace.at for _, trace in pairs))
        return
    from tui.reports.trace_text import trace_text

    for number, one in enumerate(traced):
        yield "\n" if number else ""
        yield from trace_text(one.tenant, one.trace)


def exit_code(traced: Iterable[Traced]) -> int:
    """0: found and consistent; 1: differs or is stopped somewhere; 3: not found, or it cannot be told."""
    outcomes = {one.trace.outcome for one in traced}
    if Outcome.DIFFERS in outcomes:
        return STOPPED
    if Outcome.UNKNOWN in outcomes or Outcome.CONSISTENT not in outcomes:
        return UNKNOWN
    return FOUND


def _within(seconds: float, settings: Settings, name: str) -> tuple[Traced, ...]:
    try:
        return within(seconds, _in_tenants(settings, name))
    except TimeoutError:
        raise NoAnswer(f"nothing answered within {seconds:.0f} seconds") from None


async def _in_tenants(settings: Settings, name: str) -> tuple[Traced, ...]:
    from tui.service.status import StatusService
    from tui.service.wiring import Wire, monitored

    clock, wire = SystemClock(), Wire(on_device_code=_tell)
    tenants = [monitored(tenant, settings.poll, clock, wire) for tenant in settings.tenants]
    service = StatusService(tenants, settings=settings, clock=clock)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.poll.timeout + BEYOND_TIMEOUT_S / 3):
                await service.poll_once()
        return tuple([Traced(tenant.name, await service.trace(tenant.name, name)) for tenant in tenants])
    finally:
        await service.aclose()


async def _in_lab(scenario: str | None, seed: int, name: str) -> tuple[Traced, ...]:
    from tui.demo import LAB_NAME, lab_service, start_lab

    lab = start_lab(scenario, seed)
    service = lab_service(lab)
    try:
        lab.tick()
        await service.poll_once()
        return (Traced(LAB_NAME, await service.trace(LAB_NAME, name)),)
    finally:
        await service.aclose()
        lab.close()


def _tell(text: str) -> None:
    sys.stderr.write(f"{clean(text)}\n")
