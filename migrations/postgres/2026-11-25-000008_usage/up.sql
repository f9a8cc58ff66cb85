-- What agents say they have used, summed for each session, each subtree and each mission, and budgets over the sums.

-- The account of a mission is there from its first session on; the others from their first report or budget on.
CREATE TABLE accounts (
    -- `mission`, `session` or `subtree`.
    scope              TEXT    COLLATE "C" NOT NULL,
    -- The mission's name, or the session's id as text.
    key                TEXT    COLLATE "C" NOT NULL,
    opened_at          BIGINT  NOT NULL,
    input_tokens       BIGINT  NOT NULL CHECK (input_tokens >= 0),
    output_tokens      BIGINT  NOT NULL CHECK (output_tokens >= 0),
    cache_read_tokens  BIGINT  NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_tokens BIGINT  NOT NULL CHECK (cache_write_tokens >= 0),
    -- Billionths of a US dollar.
    cost               BIGINT  NOT NULL CHECK (cost >= 0),
    reports            BIGINT  NOT NULL CHECK (reports >= 0),
    priced_reports     BIGINT  NOT NULL CHECK (priced_reports BETWEEN 0 AND reports),
    -- Who used something last.
    last_session       UUID,
    max_cost           BIGINT  CHECK (max_cost >= 0),
    max_tokens         BIGINT  CHECK (max_tokens >= 0),
    -- When the budget was used up, and whether the pause that follows was asked for.
    exhausted_at       BIGINT,
    enforced           BOOLEAN NOT NULL,
    PRIMARY KEY (scope, key)
);

-- The conditions are repeated word for word in `tables/accounts.rs`.
CREATE INDEX accounts_missions ON accounts (opened_at DESC, key DESC) WHERE scope = 'mission';
CREATE INDEX accounts_exhausted ON accounts (exhausted_at) WHERE exhausted_at IS NOT NULL AND NOT enforced;

-- Counts the sessions of a mission by status without a look at the table.
CREATE INDEX sessions_mission_status ON sessions (mission_id, status, spawned_at DESC, id DESC)
    WHERE mission_id IS NOT NULL;

INSERT INTO accounts (scope, key, opened_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost,
    reports, priced_reports, enforced)
SELECT 'mission', mission_id, MIN(spawned_at), 0, 0, 0, 0, 0, 0, 0, FALSE FROM sessions
    WHERE mission_id IS NOT NULL GROUP BY mission_id;
