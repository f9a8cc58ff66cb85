-- What was wished of one or many sessions, and what became of it at each of them.

CREATE TABLE operations (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    wish          TEXT    NOT NULL,
    scope         TEXT    NOT NULL,
    -- Of a scope of one session or a subtree only.
    scope_session BLOB    CHECK (length(scope_session) = 16),
    -- Of the scope of a mission only.
    scope_mission TEXT,
    actor         TEXT    NOT NULL,
    reason        TEXT,
    requested_at  INTEGER NOT NULL,
    total         INTEGER NOT NULL CHECK (total >= 0),
    open          INTEGER NOT NULL CHECK (open >= 0),
    observed      INTEGER NOT NULL CHECK (observed >= 0),
    ended         INTEGER NOT NULL CHECK (ended >= 0),
    refused       INTEGER NOT NULL CHECK (refused >= 0),
    superseded    INTEGER NOT NULL CHECK (superseded >= 0),
    completed_at  INTEGER,
    -- The counts are kept beside the targets; they cannot part from their sum.
    CHECK (total = open + observed + ended + refused + superseded),
    CHECK ((open = 0) = (completed_at IS NOT NULL))
) STRICT;

CREATE INDEX operations_newest ON operations (requested_at DESC, id DESC);
-- The conditions are repeated word for word in `tables/operations.rs`.
CREATE INDEX operations_open ON operations (requested_at DESC, id DESC) WHERE completed_at IS NULL;
CREATE INDEX operations_completed ON operations (requested_at DESC, id DESC) WHERE completed_at IS NOT NULL;

-- Clustered leaves first, which is the order in which they are read.
CREATE TABLE operation_targets (
    operation_id    BLOB    NOT NULL REFERENCES operations (id),
    depth           INTEGER NOT NULL CHECK (depth >= 0),
    session_id      BLOB    NOT NULL REFERENCES sessions (id),
    wish            TEXT    NOT NULL,
    command_seq     INTEGER CHECK (command_seq > 0),
    requested_at    INTEGER NOT NULL,
    acknowledged_at INTEGER,
    observed_at     INTEGER,
    -- Missing while nothing final is known.
    outcome         TEXT,
    -- How it ended, or why it was refused.
    outcome_detail  TEXT,
    PRIMARY KEY (operation_id, depth DESC, session_id DESC)
) STRICT, WITHOUT ROWID;

-- What a status or a receipt may still move. The condition is repeated word for word in `tables/operations.rs`.
CREATE INDEX operation_targets_open ON operation_targets (session_id, operation_id) WHERE outcome IS NULL;
