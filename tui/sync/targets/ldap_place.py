"""Where the sync writes: one container of one server, and what can be held there."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from tui.ldap.connection import Connection
from tui.ldap.values import dn_key
from tui.sources.ldap_root import ServerKind
from tui.sources.ldap_session import DirectorySession
from tui.sync.targets.ldap_schema import read_schema
from tui.sync.targets.ldap_shape import Shape, shape_of

DEFAULT_CONTAINER = "OU=AADDC Users"


class Place(Struct, frozen=True, kw_only=True):
    """`base`: of the whole domain, in which account names are unique. `container`: below which the sync writes."""

    connection: Connection
    base: str
    container: str
    shape: Shape

    @property
    def key(self) -> str:
        return dn_key(self.container)


async def find_place(session: DirectorySession, connection: Connection, container: str | None) -> Place:
    """Ask the server what it is. Raises a `SourceError`, an `LdapError` or `SchemaLacks`."""
    root = await session.root()
    schema = await read_schema(connection)
    shape = await asyncio.to_thread(shape_of, schema, is_active_directory=root.kind is ServerKind.ACTIVE_DIRECTORY)
    return Place(
        connection=connection,
        base=root.base,
        container=container or f"{DEFAULT_CONTAINER},{root.base}",
        shape=shape,
    )
