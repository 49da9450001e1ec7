"""The README tells the keys that the program has."""

from __future__ import annotations

from tests.readme_keys import README, between_marks, rewritten, table


def test_the_readme_names_every_key() -> None:
    """Whoever reads the README before starting finds each key as the help screen tells it."""
    assert between_marks(README.read_text(encoding="utf-8")) == table().strip()


def test_rewriting_leaves_the_rest_alone() -> None:
    """Making the table anew changes nothing else in the README."""
    text = README.read_text(encoding="utf-8")
    assert rewritten(text) == text
