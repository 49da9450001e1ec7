"""Which objects of the tenant belong in the managed domain (facts/domain.md 1.3)."""

from __future__ import annotations

import json

from msgspec import Struct


class Scope(Struct, frozen=True, kw_only=True):
    """Everything by default. `cloud_only`: no users that come from on-premises.

    `groups`: only these groups, by object id, and the users that are their direct members; nested groups are not
    expanded.
    """

    cloud_only: bool = False
    groups: frozenset[str] | None = None

    def to_json(self) -> str:
        """Equal scopes are equal text."""
        return json.dumps([self.cloud_only, None if self.groups is None else sorted(self.groups)])
