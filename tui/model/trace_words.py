"""A trace in words, for the screen and for reports alike: what each side tells, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from tui.model.absence import SIDE_LABELS
from tui.model.failures import label
from tui.model.states import Side
from tui.model.text import duration, plural
from tui.model.trace import Outcome, Sighting, Trace

SIDE_TITLES = {Side.ON_PREMISES: "ON-PREMISES", Side.ENTRA: "ENTRA", Side.MANAGED_DOMAIN: "MANAGED DOMAIN"}


def object_name(trace: Trace) -> str:
    """Kind and name of the object that was found, else what was typed."""
    seen = next((seen for seen in trace.sightings if seen.found), None)
    if seen is None:
        return trace.name
    return f"{seen.object.type} {label(seen.object)}" if seen.object.type else label(seen.object)


def outcome_words(trace: Trace) -> str:
    """What the trace comes to, in one sentence."""
    found = sum(bool(seen.found) for seen in trace.sightings)
    if trace.outcome is Outcome.CONSISTENT:
        return f"The same on {plural(found, 'side')}." if found > 1 else "Found, as it should be."
    if trace.outcome is Outcome.NOT_FOUND:
        return "Not found."
    if trace.outcome is Outcome.DIFFERS:
        differing = plural(len(trace.differences), "attribute") if trace.differences else ""
        lacking = [SIDE_LABELS[seen.side] for seen in trace.sightings if seen.found is False]
        parts = [f"{differing} differ{'s' if len(trace.differences) == 1 else ''}" if differing else ""]
        parts += [f"not {'' if side == 'on-premises' else 'in '}{side}" for side in lacking]
        return f"{_capital(', '.join(part for part in parts if part) or 'something stops it')}."
    asked = [SIDE_LABELS[seen.side] for seen in trace.sightings if seen.found is None]
    return f"Cannot tell: {' and '.join(asked) or 'no side'} could not be asked."


def facts_of(seen: Sighting, now: datetime, told: Callable[[datetime], str]) -> Iterator[tuple[str, str]]:
    """(label, text) of what a side knows, the name first. `told`: how a time is written."""
    ref = seen.object
    yield "name", label(ref)
    yield from (
        (title, text)
        for title, text in (
            ("sign-in", ref.upn),
            ("account", seen.account_name),
            ("dn", ref.dn),
            ("id", ref.id),
            ("anchor", ref.source_anchor),
            ("enabled", None if seen.enabled is None else "yes" if seen.enabled else "no"),
        )
        if text
    )
    for title, moment in (
        ("created", seen.created),
        ("changed", seen.changed),
        ("last sync", seen.last_synced),
        ("password", seen.password_changed),
        ("deleted", seen.deleted),
    ):
        if moment is not None:
            yield title, f"{told(moment)} ({duration((now - moment).total_seconds())} ago)"
    if seen.notes:
        yield "note", "; ".join(seen.notes)


def name_parts(dn: str) -> list[str]:
    """A distinguished name in pieces that a line may end after: its commas that are not escaped stay with them."""
    return [piece for piece in re.split(r"(?<=(?<!\\),)", dn) if piece]


def absence_words(seen: Sighting) -> str:
    """Why a side tells nothing."""
    if seen.found is None:
        return f"Could not be asked: {seen.problem or 'no answer'}"
    return "Not found here."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
