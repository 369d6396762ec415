CREATE TABLE tokens (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    owner        TEXT NOT NULL,
    scopes       TEXT,
    servers      TEXT, -- ids; NULL = all
    act          INTEGER NOT NULL,
    hash         TEXT NOT NULL, -- of the secret, which is nowhere
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    UNIQUE (owner, name)
) STRICT;
