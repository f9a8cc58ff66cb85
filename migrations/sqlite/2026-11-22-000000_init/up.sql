-- The whole of Flightdeck in one SQLite file.
--
-- Conventions
-- * ids are the 16 bytes of a UUID, moments are microseconds since 1970 in UTC, JSON is text.
-- * Tables are STRICT: a value of another type is refused by SQLite itself.
-- * CHECKs hold shapes (lengths, ranges). Words such as a status are checked when a row is read: a new word must not need
--   a rebuild of a table, which is how SQLite changes a CHECK.

CREATE TABLE sessions (
    id                  BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    parent_id           BLOB    REFERENCES sessions (id) CHECK (parent_id <> id),
    root_id             BLOB    NOT NULL CHECK (length(root_id) = 16),
    status              TEXT    NOT NULL,
    desired_status      TEXT    NOT NULL,
    last_seq            INTEGER NOT NULL CHECK (last_seq >= 0),
    last_command_seq    INTEGER NOT NULL CHECK (last_command_seq >= 0),
    revision            INTEGER NOT NULL CHECK (revision >= 0),
    spawned_at          INTEGER NOT NULL,
    started_at          INTEGER,
    completed_at        INTEGER,
    last_seen_at        INTEGER,
    provider            TEXT    NOT NULL,
    provider_session_id TEXT,
    mission_id          TEXT,
    task_id             TEXT    NOT NULL,
    task_source         TEXT    NOT NULL,
    agent_type          TEXT    NOT NULL,
    status_reason       TEXT,
    gate_profile        TEXT,
    -- The two that can be long stand last: reading what stands before them never follows them to other pages.
    context             TEXT    NOT NULL,
    metadata            TEXT    NOT NULL
) STRICT;

-- Every list is newest first, so every index for a list ends in that order: no page is ever sorted.
CREATE INDEX sessions_newest ON sessions (spawned_at DESC, id DESC);
CREATE INDEX sessions_mission ON sessions (mission_id, spawned_at DESC, id DESC) WHERE mission_id IS NOT NULL;
CREATE INDEX sessions_status ON sessions (status, spawned_at DESC, id DESC);
CREATE INDEX sessions_provider ON sessions (provider, spawned_at DESC, id DESC, status);
-- Walks down the tree without touching the table.
CREATE INDEX sessions_parent ON sessions (parent_id, id);
-- What has not ended: few of many, after a while. A query may use these only where it repeats the condition word for word
-- (`OPEN` in `tables/sessions.rs`; a test holds them together).
CREATE INDEX sessions_open ON sessions (spawned_at DESC, id DESC, status)
    WHERE status NOT IN ('completed', 'failed', 'killed');
CREATE INDEX sessions_open_provider ON sessions (provider, spawned_at DESC, id DESC, status)
    WHERE status NOT IN ('completed', 'failed', 'killed');

-- Clustered by conversation: a page is one run of neighbouring rows.
CREATE TABLE messages (
    session_id BLOB    NOT NULL REFERENCES sessions (id),
    seq        INTEGER NOT NULL CHECK (seq > 0),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    role       TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    metadata   TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

-- The idempotency key of an append.
CREATE UNIQUE INDEX messages_id ON messages (session_id, id);

CREATE TABLE commands (
    session_id     BLOB    NOT NULL REFERENCES sessions (id),
    seq            INTEGER NOT NULL CHECK (seq > 0),
    kind           TEXT    NOT NULL,
    -- Of an inject only.
    message_id     BLOB    CHECK (length(message_id) = 16),
    delivery       TEXT,
    reason         TEXT,
    receipt        TEXT    NOT NULL,
    receipt_reason TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

-- What agents still have to do. The condition is repeated word for word in `tables/commands.rs`.
CREATE INDEX commands_pending ON commands (session_id, seq) WHERE receipt IN ('accepted', 'delivered');

-- AUTOINCREMENT: a place is never given twice, even when the newest events have been removed.
CREATE TABLE feed_events (
    position   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    session_id BLOB    CHECK (length(session_id) = 16),
    at         INTEGER NOT NULL,
    data       TEXT    NOT NULL
) STRICT;

-- No foreign key: an entry may tell of a session that never was.
CREATE TABLE audit_entries (
    seq        INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    -- Exactly what was hashed.
    bytes      BLOB    NOT NULL,
    -- Copied out of the bytes, to find the entry by.
    action     TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    session_id BLOB    CHECK (length(session_id) = 16)
) STRICT;

-- Each ends with seq by itself, for that is the row's own key.
CREATE INDEX audit_entries_session ON audit_entries (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX audit_entries_actor ON audit_entries (actor);
CREATE INDEX audit_entries_action ON audit_entries (action);

CREATE TRIGGER audit_entries_are_not_changed BEFORE UPDATE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: an entry cannot be changed');
END;

CREATE TRIGGER audit_entries_are_not_removed BEFORE DELETE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: an entry cannot be removed');
END;

-- INSERT OR REPLACE removes a row without asking the trigger above.
CREATE TRIGGER audit_entries_are_not_replaced BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: an entry cannot be replaced');
END;

-- The end of the chain, beside the entries, so that a cut-off end is noticed.
CREATE TABLE audit_head (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    seq  INTEGER NOT NULL CHECK (seq >= 0),
    hash BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

INSERT INTO audit_head (only, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head WHEN NEW.seq <> OLD.seq + 1
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: its head moves one entry at a time');
END;

CREATE TRIGGER audit_head_is_not_removed BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: its head cannot be removed');
END;

CREATE TABLE api_keys (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    name        TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    -- No foreign key: a key may be given out before its session registers.
    bound_to    BLOB    CHECK (length(bound_to) = 16),
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER
) STRICT;

CREATE TABLE fleet_state (
    only                INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    kill_switch_engaged INTEGER NOT NULL CHECK (kill_switch_engaged IN (0, 1))
) STRICT;

INSERT INTO fleet_state (only, kill_switch_engaged) VALUES (1, 0);
