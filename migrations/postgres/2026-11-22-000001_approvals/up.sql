-- Permission requests, open and closed. Conventions as in the first migration.

CREATE TABLE approvals (
    id             UUID   NOT NULL PRIMARY KEY,
    session_id     UUID   NOT NULL REFERENCES sessions (id),
    status         TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    -- The words of what may be chosen, with commas between them.
    options        TEXT   NOT NULL,
    opened_at      BIGINT NOT NULL,
    expires_at     BIGINT,
    -- Of a closed one.
    closed_at      BIGINT,
    -- Of a decided one.
    decided_option TEXT,
    decided_by     TEXT,
    reason         TEXT,
    -- Of an expired one.
    expired_why    TEXT,
    detail         TEXT   NOT NULL
);

-- Every list is newest first.
CREATE INDEX approvals_newest ON approvals (opened_at DESC, id DESC);
CREATE INDEX approvals_session ON approvals (session_id, opened_at DESC, id DESC);
CREATE INDEX approvals_status ON approvals (status, opened_at DESC, id DESC);
-- What can still be decided: few of many. The conditions are repeated word for word in `tables/approvals.rs`.
CREATE INDEX approvals_open ON approvals (session_id) WHERE status = 'open';
CREATE INDEX approvals_due ON approvals (expires_at, id) WHERE status = 'open' AND expires_at IS NOT NULL;
