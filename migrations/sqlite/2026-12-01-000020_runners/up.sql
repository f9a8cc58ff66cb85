-- Programs on other machines that run agents, and which sessions they are assigned.

CREATE TABLE runners (
    name          TEXT    NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 63),
    instance      TEXT    NOT NULL,
    key_id        TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('active', 'draining', 'left')),
    labels        TEXT    NOT NULL,
    offers        TEXT    NOT NULL,
    capacity      INTEGER NOT NULL CHECK (capacity >= 0),
    protocol      INTEGER NOT NULL,
    version       TEXT    NOT NULL,
    registered_at INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL,
    clock_ahead   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments (
    session_id    BLOB    NOT NULL PRIMARY KEY CHECK (length(session_id) = 16),
    config        TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    offer         TEXT    NOT NULL,
    labels        TEXT    NOT NULL,
    settings      TEXT    NOT NULL,
    at_once       INTEGER,
    prompt        TEXT   ,
    fail_after    INTEGER,
    requeue       INTEGER NOT NULL CHECK (requeue IN (0, 1)),
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'cancelled', 'started', 'ended')),
    fence         INTEGER NOT NULL CHECK (fence >= 0),
    runner        TEXT   ,
    instance      TEXT   ,
    leased_until  INTEGER,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is not over, in its order; and what a runner has.
CREATE INDEX assignments_open ON assignments (created_at, session_id) WHERE state IN ('waiting', 'leased');
CREATE INDEX assignments_runner ON assignments (runner, created_at, session_id) WHERE state IN ('leased', 'started');

-- What is done with agents whose runner is gone.
ALTER TABLE provider_configs ADD COLUMN fail_after INTEGER DEFAULT 600;
ALTER TABLE provider_configs ADD COLUMN requeue INTEGER NOT NULL DEFAULT 1 CHECK (requeue IN (0, 1));
