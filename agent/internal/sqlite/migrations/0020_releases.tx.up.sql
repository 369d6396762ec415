ALTER TABLE releases ADD COLUMN build TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN annotations TEXT;
ALTER TABLE releases ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held = 0 OR current = 1);

ALTER TABLE servers ADD COLUMN release TEXT NOT NULL DEFAULT ''; -- it stays at; '' = the present one

CREATE TABLE installation ( -- what is known of updates; one row
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at INTEGER,
    newest     TEXT NOT NULL,
    notes      TEXT,
    problem    TEXT NOT NULL,
    hinted_at  INTEGER,
    hinted_by  TEXT NOT NULL
) STRICT;
