CREATE TABLE IF NOT EXISTS sync_object (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    generation INTEGER NOT NULL,
    wish TEXT,
    name TEXT,
    credentials TEXT NOT NULL,
    properties TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sync_object_generation ON sync_object (generation);

CREATE TABLE IF NOT EXISTS sync_reference (
    owner TEXT NOT NULL,
    relation TEXT NOT NULL,
    other TEXT NOT NULL,
    kind TEXT NOT NULL,
    held INTEGER NOT NULL,
    applied INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL,
    round INTEGER NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (owner, relation, other)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sync_reference_other ON sync_reference (other);
CREATE INDEX IF NOT EXISTS sync_reference_open ON sync_reference (round) WHERE held AND NOT applied;

CREATE TABLE IF NOT EXISTS sync_work (
    seq INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    relation TEXT NOT NULL DEFAULT '',
    other TEXT NOT NULL DEFAULT '',
    UNIQUE (owner, relation, other)
);

CREATE TABLE IF NOT EXISTS sync_aside (
    owner TEXT NOT NULL,
    relation TEXT NOT NULL DEFAULT '',
    other TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL,
    attribute TEXT,
    value TEXT,
    message TEXT NOT NULL,
    holder TEXT,
    holder_kind TEXT,
    holder_dn TEXT,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    retry_at TEXT NOT NULL,
    PRIMARY KEY (owner, relation, other)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sync_aside_retry ON sync_aside (retry_at);
CREATE INDEX IF NOT EXISTS sync_aside_holder ON sync_aside (holder) WHERE holder IS NOT NULL;

CREATE TABLE IF NOT EXISTS sync_setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sync_deletion (
    owner TEXT PRIMARY KEY
) WITHOUT ROWID;
