"""What is known about a tenant beside hops, counts and failures, for the JSON document. Null: not known."""

from __future__ import annotations

from typing import Any

from tui.model.facts import ReplicaSet, SyncServer
from tui.model.snapshot import TenantSnapshot
from tui.model.text import rfc3339


def tenant_facts(snapshot: TenantSnapshot) -> dict[str, Any]:
    quota = snapshot.quota
    return {
        "deleted_users": snapshot.deleted_items.value,
        "directory_quota": {"used": quota.used, "total": quota.total} if quota else None,
        "deletion_threshold": snapshot.deletion_threshold,
        "sync_servers": [_server(server) for server in snapshot.servers],
        "managed_domain": {
            "name": snapshot.managed_domain_name or None,
            "sync_scope": snapshot.sync_scope or None,
            "filtered_sync": snapshot.filtered_sync or None,
            "certificate_expires": rfc3339(snapshot.certificate_expires),
            "replica_sets": [_replica_set(replica) for replica in snapshot.replica_sets],
        },
    }


def _server(server: SyncServer) -> dict[str, Any]:
    return {
        "name": server.name,
        "status": server.status or None,
        "client_version": server.client_version or None,
        "last_export": rfc3339(server.last_export),
        "data_as_of": rfc3339(server.data_freshness),
        "staging": server.staging,
    }


def _replica_set(replica: ReplicaSet) -> dict[str, Any]:
    return {
        "id": replica.id,
        "location": replica.location or None,
        "service_status": replica.service_status or None,
        "runs_sync": replica.owns_sync,
        "last_sync": rfc3339(replica.last_sync),
        "last_backup": rfc3339(replica.last_backup),
        "health_evaluated": rfc3339(replica.health_evaluated),
    }
