-- Times are microseconds since 1970 in UTC, NULL when not yet. Lists and objects are JSON text.

CREATE TABLE events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: it is the position in the live feed
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor   TEXT NOT NULL,
    message TEXT NOT NULL,
    data    TEXT
) STRICT;
CREATE INDEX events_subject ON events (subject, id);
CREATE INDEX events_at ON events (at);

CREATE TABLE jobs (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- order of queuing
    id          TEXT NOT NULL UNIQUE,
    place       INTEGER, -- in the queue, when it took over that of an interrupted job; else seq
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    label       TEXT NOT NULL,
    params      TEXT,
    status      TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'canceled', 'interrupted')),
    actor       TEXT NOT NULL,
    canceling   INTEGER NOT NULL DEFAULT 0,
    urgent      INTEGER NOT NULL DEFAULT 0,
    attempt     INTEGER NOT NULL DEFAULT 0,
    steps       TEXT,
    progress    TEXT,
    error       TEXT,
    summary     TEXT NOT NULL DEFAULT '',
    retry_of    TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER
) STRICT;
CREATE INDEX jobs_unfinished ON jobs (status, seq) WHERE finished_at IS NULL;
CREATE INDEX jobs_subject ON jobs (subject, seq);
CREATE INDEX jobs_label ON jobs (label, seq);
CREATE INDEX jobs_finished ON jobs (finished_at);

CREATE TABLE job_lines (
    job   INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    level TEXT NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE overlays (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    type       TEXT NOT NULL,
    settings   TEXT NOT NULL,
    system     INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    revision   TEXT NOT NULL, -- '' = never built
    last_job   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE revisions (
    overlay_id   TEXT NOT NULL REFERENCES overlays (id) ON DELETE CASCADE,
    id           TEXT NOT NULL,
    files        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    shared_bytes INTEGER NOT NULL,
    added        INTEGER NOT NULL,
    removed      INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    notes        TEXT,
    annotations  TEXT,
    cache_key    TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (overlay_id, id)
) STRICT;

CREATE TABLE blueprints (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    owner      TEXT NOT NULL,
    arguments  TEXT,
    config     TEXT,
    settings   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE blueprint_overlays (
    blueprint_id TEXT NOT NULL REFERENCES blueprints (id) ON DELETE CASCADE,
    position     INTEGER NOT NULL, -- 0 has the highest precedence
    overlay_id   TEXT NOT NULL REFERENCES overlays (id) ON DELETE RESTRICT,
    PRIMARY KEY (blueprint_id, position)
) STRICT;
CREATE INDEX blueprint_overlays_overlay ON blueprint_overlays (overlay_id);

CREATE TABLE releases (
    id           TEXT PRIMARY KEY,
    version      TEXT NOT NULL,
    current      INTEGER NOT NULL,
    files        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    shared_bytes INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX releases_current ON releases (current) WHERE current = 1;

CREATE TABLE servers (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    owner         TEXT NOT NULL,
    blueprint_id  TEXT NOT NULL REFERENCES blueprints (id) ON DELETE RESTRICT,
    port          INTEGER NOT NULL UNIQUE,
    intent        TEXT NOT NULL CHECK (intent IN ('running', 'stopped')),
    rcon_password TEXT NOT NULL,
    layers        TEXT,
    last_job      TEXT NOT NULL,
    started_at    INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX servers_blueprint ON servers (blueprint_id);
