-- Limits are how many a person may own on each host; -1 is any number.
ALTER TABLE accounts ADD COLUMN max_servers INTEGER NOT NULL DEFAULT -1;
ALTER TABLE accounts ADD COLUMN max_overlays INTEGER NOT NULL DEFAULT -1;
ALTER TABLE accounts ADD COLUMN max_blueprints INTEGER NOT NULL DEFAULT -1;
ALTER TABLE accounts ADD COLUMN totp_secret TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0; -- the last one used: none works twice
ALTER TABLE accounts ADD COLUMN totp_since TIMESTAMP;
ALTER TABLE accounts ADD COLUMN disabled_at TIMESTAMP;
ALTER TABLE accounts ADD COLUMN deleted_at TIMESTAMP; -- the row stays, so that nobody inherits the name

CREATE TABLE recovery_codes (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  hash       TEXT NOT NULL,
  PRIMARY KEY (account_id, hash)
);

-- Who is signed in where. A session counts only while its row is here.
CREATE TABLE sign_ins (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  created_at TIMESTAMP NOT NULL,
  seen_at    TIMESTAMP NOT NULL,
  address    TEXT NOT NULL,
  browser    TEXT NOT NULL
);
CREATE INDEX sign_ins_account ON sign_ins (account_id);

-- One-time links: invitations (account_id 0) and new passwords.
CREATE TABLE links (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  hash           TEXT NOT NULL UNIQUE,
  account_id     INTEGER NOT NULL,
  role           TEXT NOT NULL CHECK (role IN ('admin', 'user')),
  max_servers    INTEGER NOT NULL,
  max_overlays   INTEGER NOT NULL,
  max_blueprints INTEGER NOT NULL,
  note           TEXT NOT NULL,
  created_by     TEXT NOT NULL,
  created_at     TIMESTAMP NOT NULL,
  expires_at     TIMESTAMP NOT NULL
);

CREATE TABLE shares (
  host       TEXT NOT NULL,
  server     TEXT NOT NULL, -- id, which is never used again
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  rights     TEXT NOT NULL,
  given_by   TEXT NOT NULL,
  given_at   TIMESTAMP NOT NULL,
  PRIMARY KEY (host, server, account_id)
);
CREATE INDEX shares_account ON shares (account_id);

CREATE TABLE hosts (
  name       TEXT PRIMARY KEY,
  socket     TEXT NOT NULL,
  url        TEXT NOT NULL,
  token      TEXT NOT NULL,
  pin        TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL
);

-- Tokens that agents could not be told to refuse, to be tried again.
CREATE TABLE revocations (
  host   TEXT NOT NULL,
  owner  TEXT NOT NULL,
  server TEXT NOT NULL, -- id; '' = all tokens of the owner
  PRIMARY KEY (host, owner, server)
);

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      TIMESTAMP NOT NULL,
  actor   TEXT NOT NULL,
  address TEXT NOT NULL,
  action  TEXT NOT NULL,
  host    TEXT NOT NULL,
  target  TEXT NOT NULL,
  status  INTEGER NOT NULL,
  detail  TEXT NOT NULL
);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_at ON audit (at)
