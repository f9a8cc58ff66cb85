-- What was wished of one or many sessions, and what became of it at each of them.

CREATE TABLE operations (
    id            UUID   NOT NULL PRIMARY KEY,
    wish          TEXT   NOT NULL,
    scope         TEXT   NOT NULL,
    -- Of a scope of one session or a subtree only.
    scope_session UUID,
    -- Of the scope of a mission only.
    scope_mission TEXT,
    actor         TEXT   NOT NULL,
    reason        TEXT,
    requested_at  BIGINT NOT NULL,
    total         BIGINT NOT NULL CHECK (total >= 0),
    open          BIGINT NOT NULL CHECK (open >= 0),
    observed      BIGINT NOT NULL CHECK (observed >= 0),
    ended         BIGINT NOT NULL CHECK (ended >= 0),
    refused       BIGINT NOT NULL CHECK (refused >= 0),
    superseded    BIGINT NOT NULL CHECK (superseded >= 0),
    completed_at  BIGINT,
    -- The counts are kept beside the targets; they cannot part from their sum.
    CHECK (total = open + observed + ended + refused + superseded),
    CHECK ((open = 0) = (completed_at IS NOT NULL))
);

CREATE INDEX operations_newest ON operations (requested_at DESC, id DESC);
-- The conditions are repeated word for word in `tables/operations.rs`.
CREATE INDEX operations_open ON operations (requested_at DESC, id DESC) WHERE completed_at IS NULL;
CREATE INDEX operations_completed ON operations (requested_at DESC, id DESC) WHERE completed_at IS NOT NULL;

-- Leaves first, which is the order in which they are read.
CREATE TABLE operation_targets (
    operation_id    UUID   NOT NULL REFERENCES operations (id),
    depth           BIGINT NOT NULL CHECK (depth >= 0),
    session_id      UUID   NOT NULL REFERENCES sessions (id),
    wish            TEXT   NOT NULL,
    command_seq     BIGINT CHECK (command_seq > 0),
    requested_at    BIGINT NOT NULL,
    acknowledged_at BIGINT,
    observed_at     BIGINT,
    -- Missing while nothing final is known.
    outcome         TEXT,
    -- How it ended, or why it was refused.
    outcome_detail  TEXT,
    PRIMARY KEY (operation_id, depth, session_id)
);

-- What a status or a receipt may still move. The condition is repeated word for word in `tables/operation_targets.rs`.
CREATE INDEX operation_targets_open ON operation_targets (session_id, operation_id) WHERE outcome IS NULL;
