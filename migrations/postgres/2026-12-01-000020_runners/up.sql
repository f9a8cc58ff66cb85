-- Programs on other machines that run agents, and which sessions they are assigned.

CREATE TABLE runners (
    name          TEXT   COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 63),
    instance      TEXT    NOT NULL,
    key_id        TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('active', 'draining', 'left')),
    labels        TEXT    NOT NULL,
    offers        TEXT    NOT NULL,
    capacity      BIGINT  NOT NULL CHECK (capacity >= 0),
    protocol      BIGINT  NOT NULL,
    version       TEXT    NOT NULL,
    registered_at BIGINT  NOT NULL,
    seen_at       BIGINT  NOT NULL,
    clock_ahead   BIGINT  NOT NULL
);

CREATE TABLE assignments (
    session_id    UUID    NOT NULL PRIMARY KEY,
    config        TEXT    NOT NULL,
    revision      BIGINT  NOT NULL,
    offer         TEXT    NOT NULL,
    labels        TEXT    NOT NULL,
    settings      TEXT    NOT NULL,
    at_once       BIGINT ,
    prompt        TEXT   ,
    fail_after    BIGINT ,
    requeue       BOOLEAN NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'cancelled', 'started', 'ended')),
    fence         BIGINT  NOT NULL CHECK (fence >= 0),
    runner        TEXT   ,
    instance      TEXT   ,
    leased_until  BIGINT ,
    created_at    BIGINT  NOT NULL
);

-- What is not over, in its order; and what a runner has.
CREATE INDEX assignments_open ON assignments (created_at, session_id) WHERE state IN ('waiting', 'leased');
CREATE INDEX assignments_runner ON assignments (runner, created_at, session_id) WHERE state IN ('leased', 'started');

-- What is done with agents whose runner is gone.
ALTER TABLE provider_configs ADD COLUMN fail_after BIGINT  DEFAULT 600;
ALTER TABLE provider_configs ADD COLUMN requeue BOOLEAN NOT NULL DEFAULT TRUE;
