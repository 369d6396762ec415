-- What games told on their consoles. They go when their server goes, and with age.
CREATE TABLE game_events (
    id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: people page by it
    server_id TEXT NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    player    TEXT NOT NULL,
    steam_id  INTEGER NOT NULL, -- SteamID64, 0 = none
    text      TEXT NOT NULL,
    ambiguous INTEGER NOT NULL
) STRICT;
CREATE INDEX game_events_server ON game_events (server_id, id);
CREATE INDEX game_events_at ON game_events (at);

-- How far each console was read.
CREATE TABLE game_cursors (
    server_id TEXT PRIMARY KEY REFERENCES servers (id) ON DELETE CASCADE,
    cursor    TEXT NOT NULL
) STRICT;
