"""What every reader of Graph's delta queries must know of their answers. facts/domain.md 2.7."""

from __future__ import annotations

import httpx

from tui.model.text import clean
from tui.sources.decode import JsonObject
from tui.sources.errors import Gone, SourceError

VERSION = "/v1.0/"
LONGEST_ID = 100
_START_OVER = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired", "directory_invaliddeltatoken"})


def means_start_over(error: SourceError) -> bool:
    """Whether a token is refused because it is no longer good: 410, or any 40x whose code says so."""
    return isinstance(error, Gone) or error.code.casefold() in _START_OVER


def path_below_root(link: object) -> str | None:
    """Path and query of a link below the API's root, so that it can only ever be asked of the configured host; None
    where it leads elsewhere."""
    try:
        path = httpx.URL(link).raw_path.decode("ascii") if isinstance(link, str) else ""
    except (httpx.InvalidURL, ValueError):
        path = ""
    start = path.find(VERSION)
    return path[start:] if start >= 0 else None


def plain_id(item: JsonObject) -> str | None:
    """An id that is plain printable text, as all real ones are."""
    id = item.get("id")
    return id if isinstance(id, str) and 0 < len(id) <= LONGEST_ID and id == clean(id) else None
