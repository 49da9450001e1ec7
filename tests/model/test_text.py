"""Foreign text is safe to print, and ages and counts read as words, whatever they are made of."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.model.text import LONGEST_TEXT, clean, count, duration, limit, minute, plural, rfc3339, span

DANGEROUS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
SURROGATES = st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF)
FRAGMENTS = st.sampled_from(
    ["\x1b[2J", "\x1b]52;c;aGk=\x07", "\x1b]8;;http://evil\x1b\\", "\x1bP", "\x9b31m", "\u202e", "\u200b", "\u2028",
     "[bold]", "[/]", "\r\n", "\t", "  ", "e\u0301", "\U0001f468\u200d\U0001f469", "\ue000", "\U000e0041", "\x7f"]
)  # fmt: skip
FOREIGN = st.lists(st.text(max_size=8) | SURROGATES | FRAGMENTS, max_size=12).map("".join)


@given(FOREIGN)
@example("a  b")
@example("é \u200b b")
@example("\u00a0x")
def test_cleaned_text_is_one_harmless_line(text: str) -> None:
    """No name of any object moves the cursor, sets the clipboard, turns the line round or breaks it."""
    shown = clean(text)
    assert not {unicodedata.category(char) for char in shown} & DANGEROUS
    assert shown.isprintable()
    assert shown.split() == (shown.split(" ") if shown else [])
    shown.encode("utf-8")


@given(FOREIGN)
@example("a  b")
@example("é \u200b b")
@example("\u00a0x")
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """The same name compares equal wherever it came in."""
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_plain_text_passes_unchanged(text: str) -> None:
    """An ordinary name stays as it is, brackets and all."""
    assert clean(text) == text


@given(FOREIGN, st.integers(2, 20))
def test_cleaned_text_keeps_to_its_length(text: str, longest: int) -> None:
    """A name of any length fits where it belongs."""
    assert len(clean(text, longest)) <= longest


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller", "Müller"),
        ("Mu\u0308ller", "Müller"),
        ("李小龍", "李小龍"),
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("x\x1b]0;title\x07y", "xy"),
        ("x\x1b]52;c;ZXZpbA==\x1b\\y", "xy"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("two\r\nlines", "two lines"),
        ("a \u200b b", "a b"),
        ("\ud800lone", "lone"),
        ("[link=file:///etc/passwd]x[/link]", "[link=file:///etc/passwd]x[/link]"),
        ("  padded  out  ", "padded out"),
        ("\x00", ""),
    ],
)
def test_known_tricks_are_undone(text: str, shown: str) -> None:
    """Each trick leaves the readable part and nothing else."""
    assert clean(text) == shown


def test_long_text_says_that_it_was_cut() -> None:
    """What is cut off is never silently gone."""
    assert clean("x" * 5000) == "x" * (LONGEST_TEXT - 1) + "…"
    assert clean("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert clean("\x00" * 9000 + "name").endswith("…")


def test_cleaning_a_huge_text_stays_quick() -> None:
    """A name of a hundred megabytes costs no more than its first page."""
    assert clean("\x1b[" * 50_000_000).endswith("…")


@given(st.floats())
def test_durations_fit_their_column(seconds: float) -> None:
    """An age never widens the table it stands in."""
    assert len(duration(seconds)) <= 7


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"), (-5, "0s"), (0, "0s"), (59.9, "59s"), (400, "6m40s"),
        (11220, "3h07m"), (273600, "3d04h"), (9e7, "1041d"),
        (float("inf"), ">99999d"), (float("nan"), "-"), (-float("inf"), "0s"),
    ],
)  # fmt: skip
def test_durations_are_two_units_at_most(seconds: float | None, shown: str) -> None:
    """Ages read at a glance; unknown is not zero."""
    assert duration(seconds) == shown


def test_words_for_people() -> None:
    """Numbers come with their marks and nouns; missing ones do not become zero."""
    assert (count(1204), count(0), count(None)) == ("1,204", "0", "-")
    assert (plural(1, "object"), plural(1204, "object"), plural(2, "entry", "entries")) == (
        "1 object",
        "1,204 objects",
        "2 entries",
    )
    assert [limit(seconds) for seconds in (90, 2700, 10800, 259200)] == ["90s", "45m", "3h", "3d"]
    assert limit(float("inf")) == "-"
    assert span(259200) == "3 days"


def test_times_are_written_in_utc() -> None:
    """Scripts get one form of time, with fractions only where there are any."""
    moment = datetime(2026, 11, 22, 4, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(moment) == "2026-11-22T03:00:00Z"
    assert rfc3339(datetime(2026, 11, 22, 3, 0, 0, 120_000, tzinfo=UTC)) == "2026-11-22T03:00:00.120Z"
    assert rfc3339(None) is None
    assert (minute(moment), minute(None)) == ("2026-11-22 03:00Z", "-")
