"""Where a directory keeps what the sync makes, and by which attribute it can be told."""

from __future__ import annotations

from contextlib import aclosing

from msgspec.structs import replace

from tui.model.states import ObjectType, Side
from tui.sources.ldap_counts import Layout
from tui.sources.ldap_filters import any_of, of_type
from tui.sources.ldap_object_id import OBJECT_ID_ATTRIBUTES
from tui.sources.ldap_root import RootDse
from tui.sources.ldap_session import DirectorySession

PEOPLE_OU = "OU=AADDC Users"


async def outline_of(session: DirectorySession, root: RootDse, side: Side) -> Layout:
    """Where to look, without the attributes in use. Raises a `SourceError`."""
    people = root.base if side is Side.ON_PREMISES else await people_of(session, root.base)
    return Layout(kind=root.kind, base=root.base, people=people)


async def layout_of(session: DirectorySession, root: RootDse, side: Side) -> Layout:
    """All of it, by a few searches for one entry each. Raises a `SourceError`."""
    outline = await outline_of(session, root, side)
    if side is Side.ON_PREMISES:
        return outline
    people = outline.people
    used = [name for name in OBJECT_ID_ATTRIBUTES if await _has_any(session, people, any_of((name,)))]
    hidden = not used and people != root.base and await _has_any(session, people, of_type(root.kind, ObjectType.USERS))
    return replace(outline, id_attributes=tuple(used), ids_hidden=hidden)


async def people_of(session: DirectorySession, base: str) -> str:
    """The container of everything that the sync makes (facts/domain.md 1.5); `base` where there is none."""
    people = f"{PEOPLE_OU},{base}"
    async with session.use() as connection:
        found = await connection.read(people, ("1.1",))
    return people if found is not None else base


async def _has_any(session: DirectorySession, base: str, filter: str) -> bool:
    """An empty page is not the end: Active Directory sends one where its search takes long."""
    async with aclosing(session.pages(base, filter, page_size=1)) as pages:  # type: ignore[type-var]
        async for page in pages:
            if page:
                return True
    return False
