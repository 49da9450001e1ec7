"""An LDAP v3 client on asyncio: TLS that verifies, time limits that hold, many operations on one connection."""
