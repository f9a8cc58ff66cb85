-- How long what has ended is kept, and which conversations are in the archive.

-- One row. The rules and the lease are JSON, written as a whole under the lock of the row.
CREATE TABLE retention (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    rules      TEXT    NOT NULL,
    revision   INTEGER NOT NULL CHECK (revision >= 0),
    changed_by TEXT   ,
    changed_at INTEGER,
    lease      TEXT    NOT NULL
) STRICT;

INSERT INTO retention (one, rules, revision, lease) VALUES (1, '{}', 0, '{"holder":null,"until":null}');

-- Sessions whose conversations are in the archive, and how much of them is removed from the tables.
CREATE TABLE archived_sessions (
    session_id       BLOB    NOT NULL PRIMARY KEY CHECK (length(session_id) = 16),
    archived_at      INTEGER NOT NULL,
    object           TEXT    NOT NULL,
    digest           TEXT    NOT NULL CHECK (length(digest) = 64),
    bytes            INTEGER NOT NULL CHECK (bytes >= 0),
    messages         INTEGER NOT NULL CHECK (messages >= 0),
    commands         INTEGER NOT NULL CHECK (commands >= 0),
    manifest         TEXT    NOT NULL,
    removed_messages INTEGER NOT NULL CHECK (removed_messages BETWEEN 0 AND messages),
    removed_commands INTEGER NOT NULL CHECK (removed_commands BETWEEN 0 AND commands)
) STRICT, WITHOUT ROWID;

-- Those of which rows are left. The condition is repeated word for word in `tx/retention.rs`.
CREATE INDEX archived_sessions_unfinished ON archived_sessions (session_id)
    WHERE removed_messages < messages OR removed_commands < commands;

-- What has ended, the earliest first.
CREATE INDEX sessions_ended ON sessions (completed_at, id) WHERE completed_at IS NOT NULL;
