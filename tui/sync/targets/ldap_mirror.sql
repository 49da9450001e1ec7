CREATE TABLE IF NOT EXISTS ldap_entry (
    object_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    dn TEXT NOT NULL,
    dn_key TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    upn_key TEXT,
    owned INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    credentials TEXT NOT NULL,
    pass INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS ldap_entry_dn ON ldap_entry (dn_key);
CREATE INDEX IF NOT EXISTS ldap_entry_name ON ldap_entry (name_key);
CREATE INDEX IF NOT EXISTS ldap_entry_upn ON ldap_entry (upn_key) WHERE upn_key IS NOT NULL;

CREATE TABLE IF NOT EXISTS ldap_taken (
    attribute TEXT NOT NULL,
    key TEXT NOT NULL,
    dn TEXT NOT NULL,
    dn_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    pass INTEGER NOT NULL,
    PRIMARY KEY (attribute, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ldap_taken_dn ON ldap_taken (dn_key);

CREATE TABLE IF NOT EXISTS ldap_intent (
    object_id TEXT PRIMARY KEY
) WITHOUT ROWID;
