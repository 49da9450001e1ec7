"""The README's table of keys, made from the one table of actions: `python -m tests.readme_keys` rewrites it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tui.actions import ACTIONS, Action, spoken_keys

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->\n"


def table() -> str:
    """The Markdown table, its lines ended."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (("key", "what it does"), ("---", "---"), *_rows()))


def _rows() -> Iterator[tuple[str, str]]:
    for action in ACTIONS:
        if action.id == "tenant(1)":
            yield "`1` to `9`", "Show that tenant of the strip."
        elif not action.id.startswith("tenant("):
            yield _keys(action), action.help


def _keys(action: Action) -> str:
    return " ".join(f"`{key}`" for key in spoken_keys(action).split(", "))


def between_marks(text: str) -> str:
    """What stands between the marks now; empty where the end mark is missing."""
    after = text.split(BEGIN, 1)[1]
    return after.split(END, 1)[0].strip() if END in after else ""


def rewritten(text: str) -> str:
    """The README with the table in its place."""
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1] if END in rest else rest
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def main() -> None:
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
