"""Answers of any shape are looked into without a crash, and nothing unclean or of the wrong type comes out."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.graph_answers import ANY_JSON
from tui.sources import decode
from tui.sources.errors import BadAnswer


@given(ANY_JSON)
def test_json_is_parsed_as_it_is(value: Any) -> None:
    """What an upstream says is what is looked at, but for numbers that are none."""
    assert decode.parse(json.dumps(value).encode()) == _without_strange_numbers(value)


def _without_strange_numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_strange_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_strange_numbers(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(st.binary(max_size=200))
def test_any_body_is_a_value_or_a_bad_answer(body: bytes) -> None:
    """No body crashes a poll."""
    try:
        decode.parse(body)
    except BadAnswer as error:
        assert "JSON" in str(error)  # noqa: PT017 - a value is as good


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[" * 100_000, b"\xff\xfe{\x00}\x00"])
def test_what_is_not_json_is_a_bad_answer(body: bytes) -> None:
    """Also when it is nested deeper than any parser goes."""
    with pytest.raises(BadAnswer, match="not JSON"):
        decode.parse(body)


def test_one_bad_value_does_not_cost_the_page() -> None:
    """A lone surrogate, a number of ten thousand digits or a broken byte spoils its own field alone."""
    page = decode.parse_object(
        b'\xef\xbb\xbf{"a": "x\\ud800y", "b": ' + b"9" * 10_000 + b', "c": "\xff", "d": NaN, "e": 1}'
    )
    assert decode.text(page, "a") == "xy"
    assert decode.integer(page, "b") is None
    assert decode.text(page, "c") == "\ufffd"
    assert page["d"] is None
    assert decode.integer(page, "e") == 1


@pytest.mark.parametrize("body", [b"[1]", b"null", b"7", b'"x"', b"true"])
def test_a_page_must_be_an_object(body: bytes) -> None:
    """Anything else is told with what it is."""
    with pytest.raises(BadAnswer, match="where an object was expected"):
        decode.parse_object(body)


@given(ANY_JSON | st.dictionaries(st.sampled_from(["k", "x"]), ANY_JSON))
def test_every_look_into_any_value_has_its_type(value: Any) -> None:
    """No field, of whatever type, makes a reader crash or lets a wrong type through."""
    shown = decode.text(value, "k")
    assert isinstance(shown, str)
    assert shown == "" or shown.isprintable()
    assert decode.text_or_none(value, "k") != ""
    assert all(isinstance(one, str) and (one == "" or one.isprintable()) for one in decode.texts(value, "k"))
    assert decode.boolean(value, "k") in (True, False, None)
    number = decode.integer(value, "k")
    assert number is None or (type(number) is int and abs(number) <= decode.LARGEST_COUNT)
    counted = decode.count(number)
    assert counted is None or counted >= 0
    moment = decode.time(value, "k")
    assert moment is None or moment.tzinfo is not None
    assert isinstance(decode.child(value, "k"), dict)
    assert all(isinstance(one, dict) for one in decode.items(value, "k"))


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), (7.0, 7), ("7", 7), (" -7 ", -7), (True, None), (7.5, None), ("7.5", None), ("", None), ("٣", None),
     (10**12, 10**12), (10**12 + 1, None), (1e300, None), (float("inf"), None), (None, None), ([7], None)],
)  # fmt: skip
def test_whole_numbers_come_in_several_forms(value: Any, number: int | None) -> None:
    """A number as text is a number; a truth value, a fraction or an absurdity is none."""
    assert decode.as_integer(value) == number


def test_a_truth_value_is_not_guessed() -> None:
    """1 and "true" are not true: a switch that cannot be read is unknown."""
    assert [decode.boolean({"k": value}, "k") for value in (True, False, 1, 0, "true", None)] == [
        True, False, None, None, None, None,
    ]  # fmt: skip


def test_a_bare_list_counts_as_items() -> None:
    """Some answers are lists without an envelope; what is not an object is passed over."""
    assert list(decode.items([{"a": 1}, 7, None, {"b": 2}])) == [{"a": 1}, {"b": 2}]
    assert list(decode.items({"value": [{"a": 1}, []]})) == [{"a": 1}]
