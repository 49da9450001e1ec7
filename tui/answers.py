"""One question and its answer: poll everything once, within a time limit that nothing can stretch."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Thread
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tui.model.snapshot import Reason, TenantSnapshot, Thresholds
from tui.model.states import ReasonCode, Severity, Verdict
from tui.model.text import limit, rfc3339
from tui.settings import Settings

T = TypeVar("T")

# Of the five seconds beyond the poll timeout that `check` may take, the rest is for starting and printing: 100,000
# failures take one to print. The poll ends by itself a little earlier, with what it knows by then.
BEYOND_TIMEOUT_S = 3.5
# The lab is built first and waits for no network: this only ends what would never end.
LAB_LIMIT_S = 120.0


class Answer(Struct, frozen=True):
    """What was found out about each tenant, and the moment that ages count until."""

    snapshots: tuple[TenantSnapshot, ...]
    at: datetime
    thresholds: Thresholds

    def only(self, names: Sequence[str]) -> Answer:
        """The tenants of these names; all of them where no name is given."""
        kept = tuple(snapshot for snapshot in self.snapshots if not names or snapshot.name in names)
        return replace(self, snapshots=kept)


class Doubt(Struct, frozen=True):
    """Why a list of failures may lack some. `unknown`: nobody knows how many, rather than too many to list."""

    text: str
    unknown: bool


def ask_tenants(settings: Settings) -> Answer:
    """Poll every source of every tenant once."""
    from tui.service.check import poll_once

    seconds = settings.poll.timeout + BEYOND_TIMEOUT_S
    try:
        snapshots = within(seconds, poll_once(settings, on_device_code=_tell))
    except TimeoutError:
        snapshots = tuple(_unanswered(tenant.name, tenant.tenant_id, seconds) for tenant in settings.tenants)
    return _answer(snapshots, settings.thresholds)


def ask_lab(scenario: str | None, seed: int) -> Answer:
    """Poll the embedded lab once."""
    from tui.demo import check_demo

    try:
        snapshots = within(LAB_LIMIT_S, check_demo(scenario=scenario, seed=seed))
    except TimeoutError:
        snapshots = (_unanswered("lab", "", LAB_LIMIT_S),)
    return _answer(snapshots, Thresholds())


def within(seconds: float, poll: Coroutine[object, object, T]) -> T:
    """The result of `poll`, run on a loop in a thread of its own; raises `TimeoutError` after `seconds`.

    The thread is left behind then: it may sit in a name lookup or a blocked loop that nothing can cancel.
    """
    result: Future[T] = Future()
    Thread(target=_work, args=(poll, result), name="poll", daemon=True).start()
    return result.result(timeout=seconds)


def check_chunks(answer: Answer, form: str) -> Iterator[str]:
    """The text of `check` in the format `form`: text or json."""
    if form == "json":
        from tui.reports.json_document import json_chunks

        return json_chunks(answer.snapshots, answer.at)
    from tui.reports.text_line import text_line

    return iter([text_line(answer.snapshots, answer.at, answer.thresholds), "\n"])


def failures_chunks(answer: Answer, form: str, width: int | None) -> Iterator[str]:
    """The text of `failures` in the format `form`: table, csv, json or jsonl."""
    from tui.reports.failures_csv import failures_csv
    from tui.reports.failures_json import failures_json, failures_jsonl
    from tui.reports.failures_table import failures_table

    if form == "csv":
        return failures_csv(answer.snapshots)
    if form == "json":
        return failures_json(answer.snapshots, answer.at)
    return failures_jsonl(answer.snapshots) if form == "jsonl" else failures_table(answer.snapshots, width)


def missing(answer: Answer) -> tuple[Doubt, ...]:
    """What the list of failures may lack, tenant by tenant."""
    return tuple(doubt for snapshot in answer.snapshots for doubt in _doubts(snapshot))


def _tell(text: str) -> None:
    """A request to type a code elsewhere goes beside the answer, not into it."""
    sys.stderr.write(f"{text}\n")


def _doubts(snapshot: TenantSnapshot) -> Iterable[Doubt]:
    from tui.reports.verdicts import failing, unread

    number = failing(snapshot)
    for status in unread(snapshot):
        old = f"; what stands here is of {rfc3339(status.as_of)}" if status.as_of else ""
        yield Doubt(f"{snapshot.name}: {status.source} {status.state}: {status.error or 'no answer'}{old}", True)
    if number is None and not unread(snapshot):
        yield Doubt(f"{snapshot.name}: {_worst_words(snapshot)}", True)
    if snapshot.failures_truncated or (number or 0) > len(snapshot.failures):
        yield Doubt(
            f"{snapshot.name}: {len(snapshot.failures)} of {number or 'more'} failing objects are listed", False
        )


def _worst_words(snapshot: TenantSnapshot) -> str:
    return snapshot.reasons[0].text if snapshot.reasons else "failing objects are not known"


def _answer(snapshots: Sequence[TenantSnapshot], thresholds: Thresholds) -> Answer:
    at = max((snapshot.at for snapshot in snapshots), default=datetime.now(UTC))
    return Answer(tuple(snapshots), at, thresholds)


def _unanswered(name: str, tenant_id: str, seconds: float) -> TenantSnapshot:
    """A tenant of which nothing is known because no answer came in time."""
    reason = Reason(
        code=ReasonCode.SOURCE_ERROR,
        severity=Severity.UNKNOWN,
        hop=None,
        text=f"nothing answered within {limit(seconds)}",
    )
    return TenantSnapshot(
        name=name, tenant_id=tenant_id, at=datetime.now(UTC), verdict=Verdict.UNKNOWN, reasons=(reason,)
    )


def _work(poll: Coroutine[object, object, T], result: Future[T]) -> None:
    async def answer() -> None:
        result.set_result(await poll)  # before the loop closes, which waits for threads that may be stuck

    try:
        asyncio.run(answer())
    except BaseException as error:
        if not result.done():
            result.set_exception(error)
