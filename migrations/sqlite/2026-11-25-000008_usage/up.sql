-- What agents say they have used, summed for each session, each subtree and each mission, and budgets over the sums.

-- The account of a mission is there from its first session on; the others from their first report or budget on.
CREATE TABLE accounts (
    -- `mission`, `session` or `subtree`.
    scope              TEXT    NOT NULL,
    -- The mission's name, or the session's id as text.
    key                TEXT    NOT NULL,
    opened_at          INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL CHECK (input_tokens >= 0),
    output_tokens      INTEGER NOT NULL CHECK (output_tokens >= 0),
    cache_read_tokens  INTEGER NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_tokens INTEGER NOT NULL CHECK (cache_write_tokens >= 0),
    -- Billionths of a US dollar.
    cost               INTEGER NOT NULL CHECK (cost >= 0),
    reports            INTEGER NOT NULL CHECK (reports >= 0),
    priced_reports     INTEGER NOT NULL CHECK (priced_reports BETWEEN 0 AND reports),
    -- Who used something last.
    last_session       BLOB    CHECK (length(last_session) = 16),
    max_cost           INTEGER CHECK (max_cost >= 0),
    max_tokens         INTEGER CHECK (max_tokens >= 0),
    -- When the budget was used up, and whether the pause that follows was asked for.
    exhausted_at       INTEGER,
    enforced           INTEGER NOT NULL CHECK (enforced IN (0, 1)),
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- The conditions are repeated word for word in `tables/accounts.rs`.
CREATE INDEX accounts_missions ON accounts (opened_at DESC, key DESC) WHERE scope = 'mission';
CREATE INDEX accounts_exhausted ON accounts (exhausted_at) WHERE exhausted_at IS NOT NULL AND enforced = 0;

-- Counts the sessions of a mission by status without a look at the table.
CREATE INDEX sessions_mission_status ON sessions (mission_id, status, spawned_at DESC, id DESC)
    WHERE mission_id IS NOT NULL;

INSERT INTO accounts (scope, key, opened_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost,
    reports, priced_reports, enforced)
SELECT 'mission', mission_id, MIN(spawned_at), 0, 0, 0, 0, 0, 0, 0, 0 FROM sessions
    WHERE mission_id IS NOT NULL GROUP BY mission_id;
