"""Times of every style upstreams use are read; what means never is never; nothing crashes the reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sources.moments import LONGEST_INTERVAL_S, interval, means_never, moment, prose_moment

AT = datetime(2018, 9, 18, 16, 47, 57, tzinfo=UTC)
TIMES = st.datetimes(datetime(1602, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - zone added
SCRAPS = st.lists(
    st.sampled_from([*"0123456789-:.+TZtz/()PYMWDHS ", "Tue, ", "Sep", "GMT", "/Date(", "2026-11-22", "٣"]), max_size=20
).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        "2018-09-18T16:47:57Z",
        "2018-09-18T16:47:57.0000000Z",
        "2018-09-18T16:47:57.00",
        "2018-09-18T16:47:57",
        "2018-09-18 16:47:57 UTC",
        "2018-09-18T18:47:57+02:00",
        "2018-09-18T11:17:57-0530",
        "Tue, 18 Sep 2018 16:47:57 GMT",
        "Tue, 18 Sep 2018 18:47:57 +0200",
        "18 Sep 2018 16:47:57",
        "/Date(1537289277000)/",
        " 2018-09-18t16:47:57z ",
    ],
)
def test_one_moment_in_every_style(text: str) -> None:
    """The same moment, however it is written."""
    assert moment(text) == AT


@given(TIMES, st.integers(0, 7))
def test_iso_times_are_read_to_the_microsecond(at: datetime, digits: int) -> None:
    """Any number of fractional digits is right as far as it goes."""
    fraction = f"{at.microsecond:06d}0"[:digits]
    text = at.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{fraction}" if fraction else "") + "Z"
    expected = at.replace(microsecond=int(fraction[:6].ljust(6, "0") or 0))
    assert moment(text) == expected


@given(TIMES)
def test_mail_dates_are_read(at: datetime) -> None:
    """RFC 1123 dates survive the way out and back."""
    assert moment(format_datetime(at, usegmt=True)) == at.replace(microsecond=0)


@given(st.one_of(st.text(max_size=40), SCRAPS, st.integers(), st.none(), st.binary(max_size=8), st.lists(st.text())))
def test_any_input_is_a_sane_time_or_none(value: object) -> None:
    """No date of any upstream crashes the reader, and every time has a zone."""
    found = moment(value)
    assert found is None or (found.tzinfo is UTC and 1601 < found.year < 9999)
    assert not (found is not None and means_never(value))
    prose = prose_moment(value)
    assert prose is None or prose.tzinfo is UTC
    seconds = interval(value)
    assert seconds is None or 0 < seconds <= LONGEST_INTERVAL_S


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+01:00",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "1601-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59-05:00",
        "/Date(-62135596800000)/",
    ],
)
def test_year_one_and_its_kin_mean_never(text: str) -> None:
    """A default date of .NET or Windows is no success two thousand years ago."""
    assert moment(text) is None
    assert means_never(text)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-22", "2026-02-30T00:00:00Z", "2026-11-22T24:01:00Z", "x" * 500, None, 7, True]
)
def test_what_is_no_time_is_none_and_not_never(text: object) -> None:
    """An unreadable time is unknown, which is something else than never."""
    assert moment(text) is None
    assert not means_never(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Synchronized on Tue, 18 Sep 2018 16:47:57 GMT.", AT),
        ("Last backup at 2018-09-18T16:47:57Z, all well", AT),
        ("Never synchronized", None),
        ("on Tue, 18 Sep 0001 16:47:57 GMT", None),
        ("", None),
    ],
)
def test_a_date_within_a_sentence_is_found(text: str, found: datetime | None) -> None:
    """Domain Services puts its dates into prose."""
    assert prose_moment(text) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT2M", 120),
        ("PT40M", 2400),
        ("P1DT2H", 93600),
        ("PT1.5S", 1.5),
        ("PT1,5S", 1.5),
        ("00:02:00", 120),
        ("1.00:00:00", 86400),
        ("P10675199DT2H48M5.4775807S", None),
        ("PT0S", None),
        ("-PT5M", None),
        ("P", None),
        ("PT", None),
        ("24:00:00", None),
        ("soon", None),
        ("", None),
    ],
)
def test_intervals_of_both_styles(text: str, seconds: float | None) -> None:
    """Cloud Sync's interval, and .NET's "never" of ten million days."""
    assert interval(text) == seconds


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=300)))
def test_dotnet_spans_are_read(span: timedelta) -> None:
    """Days, hours, minutes and seconds add up."""
    whole = timedelta(seconds=int(span.total_seconds()))
    hours, rest = divmod(whole.seconds, 3600)
    text = f"{whole.days}.{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    assert interval(text) == whole.total_seconds()
