CREATE TABLE schedules (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    owner      TEXT NOT NULL,
    enabled    INTEGER NOT NULL,
    reason     TEXT NOT NULL, -- why it was switched off by itself
    definition TEXT NOT NULL, -- trigger, conditions, actions and policies
    last_job   TEXT NOT NULL,
    last_fired INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
