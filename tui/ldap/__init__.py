"""An LDAP v3 client on asyncio: TLS that verifies, time limits that hold, many operations on one connection.

Against ldap3 in a worker process, on two cores (the rule of facts/ldap.md 3): adds to OpenLDAP over LDAPS 0.7 of the
raw rate of a TLS socket, ldap3 0.06 or less; adds to Samba 0.95 of it, ldap3 0.85; reading seven attributes 4 to 6
times as fast; 4 MB of memory instead of the worker's 35 to 45 MB; a cancelled search ends at the server too.
"""
