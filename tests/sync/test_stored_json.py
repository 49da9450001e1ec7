"""Foreign values in the state file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sync import stored_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(VALUES)
def test_every_value_comes_back(value: Any) -> None:
    """What the tenant told is what is written to the directory."""
    assert stored_json.decode(stored_json.encode(value)) == value


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800", "naïve 😀"])
def test_half_a_surrogate_pair_is_kept(text: str) -> None:
    """A name that no directory can hold is set aside for what it is, not lost."""
    stored = stored_json.encode({"displayName": text})
    stored.encode()
    assert stored_json.decode(stored) == {"displayName": text}
