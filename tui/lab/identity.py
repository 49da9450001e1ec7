"""Who the lab is: ids and names of its invented tenant, servers and Azure resources."""

from __future__ import annotations

import uuid
from random import Random

from msgspec import Struct

DISPLAY_NAME = "Contoso Lab"
MANAGED_DOMAIN_NAME = "aadds.contoso.com"
RESOURCE_GROUP = "identity"
SYNC_SERVER = "SYNC01"
SERVICE_NAME = "AadSyncService-contosolab.onmicrosoft.com"


class Identity(Struct, frozen=True):
    """Made from the seed, so that the same lab has the same ids again."""

    tenant_id: str
    subscription_id: str
    deployment_id: str
    service_id: str
    member_id: str
    cloud_sync_id: str

    @property
    def resource_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{RESOURCE_GROUP}"
            f"/providers/Microsoft.AAD/domainServices/{MANAGED_DOMAIN_NAME}"
        )


def identity(seed: int) -> Identity:
    rng = Random(f"identity {seed}")  # noqa: S311 - the same ids again, not secrecy
    return Identity(*(str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(6)))
