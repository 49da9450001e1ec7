"""Reading the tenant: users and groups by delta query, one page at a time, from anything Graph-shaped.

facts/domain.md 2.7. Credential hashes are in no Graph: a tenant that has them gives them as `credentialHashes` on users
to whom the sync selects them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from msgspec import Struct

from tui.sources import decode
from tui.sources.decode import JsonObject
from tui.sources.errors import BadAnswer, SourceError
from tui.sources.graph_delta import VERSION, means_start_over, path_below_root, plain_id
from tui.sources.http import Upstream
from tui.sync.mapping import GROUP_PROPERTIES, USER_PROPERTIES
from tui.sync.targets.target import Kind, Relation, Secretive

CREDENTIALS = "credentialHashes"
KINDS: tuple[Kind, ...] = ("user", "group")
_PERMISSIONS = {"user": "User.Read.All", "group": "GroupMember.Read.All"}
_PROPERTIES = {"user": USER_PROPERTIES, "group": GROUP_PROPERTIES}


class ResyncRequired(Exception):
    """The token is no longer good: everything must be read again."""


class Seen(Secretive, frozen=True):
    """An object with the properties that were told, which may be some of them only."""

    id: str
    kind: Kind
    properties: Mapping[str, Any]
    credentials: Mapping[str, str] | None = None


class Vanished(Struct, frozen=True):
    """An object that is deleted, for now or for good."""

    id: str
    kind: Kind


class Referred(Struct, frozen=True):
    """`owner` refers to `other`, or no longer. `kind` is that of `other`, where it was told."""

    owner: str
    relation: Relation
    other: str
    kind: str
    held: bool


class Cleared(Struct, frozen=True):
    """`owner` refers to nothing any more, but for what follows."""

    owner: str
    relation: Relation


Change = Seen | Vanished | Referred | Cleared


class Page(Struct, frozen=True):
    """Changes in the order they were told. `link`: where to go on, now or (`is_last`) in the next round."""

    kind: Kind
    changes: tuple[Change, ...]
    link: str
    is_last: bool
    unreadable: int = 0


def delta_headers(page_size: int) -> dict[str, str]:
    """What the `Upstream` of a `DeltaReader` must send with every request."""
    return {"Prefer": f"odata.maxpagesize={page_size}", "ConsistencyLevel": "eventual"}


class Reader(Protocol):
    """Where the sync learns of the tenant."""

    async def read(self, kind: Kind, link: str | None) -> Page:
        """The page at `link`, or the first of a full round. Raises `ResyncRequired` or a `SourceError`."""
        ...

    async def total(self) -> int | None:
        """How many users and groups there are; None where the tenant does not say."""
        ...


class DeltaReader:
    """Asks one tenant. `credentials`: ask for hashes too, which a real Graph refuses."""

    def __init__(self, upstream: Upstream, *, credentials: bool = True) -> None:
        self._upstream = upstream
        self._credentials = credentials

    async def read(self, kind: Kind, link: str | None) -> Page:
        session = self._upstream.session(needs=_PERMISSIONS[kind])
        try:
            if link is not None:
                answer = await session.get_object(link)
            else:
                answer = await session.get_object(f"{VERSION}{kind}s/delta", {"$select": self._select(kind)})
        except SourceError as error:
            if link is not None and means_start_over(error):
                raise ResyncRequired(str(error)) from error
            raise
        page = page_of(kind, answer)
        if page.link == link and not page.is_last:
            raise BadAnswer("the pages of changes go in a circle")
        return page

    async def total(self) -> int | None:
        session = self._upstream.session(needs=_PERMISSIONS["user"])
        try:
            counts = [decode.count((await session.get_text(f"{VERSION}{kind}s/$count")).strip()) for kind in KINDS]
        except SourceError:
            return None
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def _select(self, kind: Kind) -> str:
        if kind == "group":
            return ",".join(("id", *GROUP_PROPERTIES, "members"))
        return ",".join(("id", *USER_PROPERTIES, "manager", *((CREDENTIALS,) if self._credentials else ())))


def page_of(kind: Kind, answer: JsonObject) -> Page:
    """What an answer of any shape tells. Raises `BadAnswer` where it leads nowhere."""
    following, last = answer.get("@odata.nextLink"), answer.get("@odata.deltaLink")
    link = relative(following or last)
    changes: list[Change] = []
    unreadable = 0
    for item in decode.items(answer):
        id = plain_id(item)
        if id is None:
            unreadable += 1
        else:
            changes.extend(_changes(kind, id, item))
    return Page(kind, tuple(changes), link, is_last=not following, unreadable=unreadable)


def relative(link: Any) -> str:
    """Path and query of a link below the API's root, so that it can only ever be asked of the configured host."""
    path = path_below_root(link)
    if path is None:
        raise BadAnswer("a page of changes ends without a link to go on from")
    return path


def _changes(kind: Kind, id: str, item: JsonObject) -> Iterator[Change]:
    if "@removed" in item:
        yield Vanished(id, kind)
        return
    properties = {name: _plain(item[name]) for name in _PROPERTIES[kind] if name in item}
    yield Seen(id, kind, {**properties, "id": id}, _credentials(item))
    relation: Relation = "manager" if kind == "user" else "member"
    if "manager@delta" in item:
        yield Cleared(id, "manager")
    for other in decode.items(item, f"{'manager' if kind == 'user' else 'members'}@delta"):
        other_id = plain_id(other)
        if other_id is not None:
            other_kind = decode.text(other, "@odata.type").rpartition(".")[2]
            yield Referred(id, relation, other_id, other_kind, held="@removed" not in other)


def _plain(value: Any) -> Any:
    """No deeper than any real property: what lies below a list's or object's items is left out."""
    if isinstance(value, list):
        return [None if isinstance(item, list | dict) else item for item in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if not isinstance(item, list | dict)}
    return value


def _credentials(item: JsonObject) -> dict[str, str] | None:
    """The hashes; None where the answer does not speak of them."""
    if CREDENTIALS not in item:
        return None
    hashes = decode.child(item, CREDENTIALS)
    return {name: value for name, value in hashes.items() if isinstance(value, str)}
