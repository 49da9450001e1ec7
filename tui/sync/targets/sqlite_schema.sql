CREATE TABLE IF NOT EXISTS domain_entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    object_id TEXT UNIQUE,
    kind TEXT NOT NULL,
    dn TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    upn_key TEXT UNIQUE,
    attributes TEXT NOT NULL,
    credentials TEXT NOT NULL,
    created TEXT NOT NULL,
    changed TEXT NOT NULL,
    usn INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS domain_entry_kind ON domain_entry (kind, object_id);

CREATE TABLE IF NOT EXISTS domain_reference (
    owner INTEGER NOT NULL,
    relation TEXT NOT NULL,
    other INTEGER NOT NULL,
    PRIMARY KEY (owner, relation, other)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS domain_reference_other ON domain_reference (other);

CREATE TABLE IF NOT EXISTS domain_clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    usn INTEGER NOT NULL,
    changed TEXT
);
INSERT OR IGNORE INTO domain_clock VALUES (1, 0, NULL);
