CREATE TABLE IF NOT EXISTS object (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    synced INTEGER,
    failing INTEGER NOT NULL DEFAULT 0,
    service_failing INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL,
    hashes TEXT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS object_id ON object (kind, id);
CREATE INDEX IF NOT EXISTS object_changed ON object (kind, changed);
CREATE INDEX IF NOT EXISTS object_count ON object (kind, state, synced);
CREATE INDEX IF NOT EXISTS object_failing ON object (kind, id) WHERE failing AND state = 0;
CREATE INDEX IF NOT EXISTS object_service_failing ON object (kind, id) WHERE service_failing AND state = 0;

CREATE TABLE IF NOT EXISTS lookup (
    entry INTEGER PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS member (
    group_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    member_kind TEXT NOT NULL,
    present INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_of ON member (member_id);

CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
