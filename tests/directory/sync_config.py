"""The config file of a sync under test, to be formatted; what follows it belongs to [tenant.sync]."""

from __future__ import annotations

SYNC_CONFIG = """
[[tenant]]
name = "contoso"
tenant_id = "00000000-0000-0000-0000-000000000001"
graph_url = "{graph}"
[tenant.auth]
method = "token-command"
command = ["echo", "any-token"]
[tenant.sync]
url = "{url}"
bind_user = "{user}"
password_env = "{password}"
ca_file = "{ca}"
state_file = "sync.db"
interval = 1
"""
