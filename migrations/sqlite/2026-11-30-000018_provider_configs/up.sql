-- Configurations of providers: which agents may be run, and how. Their credentials are sealed: the key is not in the database.

CREATE TABLE provider_configs (
    name         TEXT    NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    kind         TEXT    NOT NULL,
    display_name TEXT   ,
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    settings     TEXT    NOT NULL,
    credentials  TEXT    NOT NULL,
    labels       TEXT    NOT NULL,
    at_once      INTEGER,
    max_cost     INTEGER,
    max_tokens   INTEGER,
    revision     INTEGER NOT NULL CHECK (revision > 0),
    changed_by   TEXT    NOT NULL,
    changed_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which configuration started a session.
ALTER TABLE sessions ADD COLUMN provider_config TEXT;
ALTER TABLE sessions ADD COLUMN provider_revision INTEGER;
