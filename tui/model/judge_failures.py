"""Objects that fail to synchronize, as one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

from tui.model.catalogue import explain
from tui.model.finding import Finding, finding
from tui.model.snapshot import TenantSnapshot
from tui.model.states import HopName, ReasonCode, Severity
from tui.model.text import plural

SAMPLE = 1000  # the newest: enough to tell what most of them are, and cheap with 100,000
SUM_BUCKET = "all"


def failure_findings(snapshot: TenantSnapshot) -> Iterator[Finding]:
    """The number of failing objects; Connect Health's count where only the count could be read."""
    listed = max(snapshot.failures_total, len(snapshot.failures))
    number = listed or _counted(snapshot.error_counts)
    if not number:
        return
    about = explain("object-failures")
    at_least = "At least " if snapshot.failures_truncated else ""
    verb = "fails" if number == 1 else "fail"
    text = f"{at_least}{plural(number, 'object')} {verb} to sync{_mostly(snapshot)}. {about.remedy}"
    if not listed:
        text = f"Connect Health counts {plural(number, 'failing object')}, which could not be listed. {about.remedy}"
    yield finding(ReasonCode.OBJECT_FAILURES, Severity.WARNING, _hop(snapshot), text, about)


def _counted(counts: Mapping[str, int]) -> int:
    buckets = {name.casefold(): number for name, number in counts.items()}
    return max(buckets.pop(SUM_BUCKET, 0), sum(buckets.values()))


def _mostly(snapshot: TenantSnapshot) -> str:
    codes = Counter(failure.code for failure in islice(snapshot.failures, SAMPLE))
    if not codes:
        return ""
    commonest, _ = codes.most_common(1)[0]
    title = explain(commonest).title
    return f" ({title})" if len(codes) == 1 else f" (most often: {title})"


def _hop(snapshot: TenantSnapshot) -> HopName | None:
    hops = {failure.hop for failure in islice(snapshot.failures, SAMPLE)}
    return hops.pop() if len(hops) == 1 else None
