-- Configurations of providers: which agents may be run, and how. Their credentials are sealed: the key is not in the database.

CREATE TABLE provider_configs (
    name         TEXT   COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    kind         TEXT    NOT NULL,
    display_name TEXT   ,
    enabled      BOOLEAN NOT NULL,
    settings     TEXT    NOT NULL,
    credentials  TEXT    NOT NULL,
    labels       TEXT    NOT NULL,
    at_once      BIGINT ,
    max_cost     BIGINT ,
    max_tokens   BIGINT ,
    revision     BIGINT  NOT NULL CHECK (revision > 0),
    changed_by   TEXT    NOT NULL,
    changed_at   BIGINT  NOT NULL
);

-- Which configuration started a session.
ALTER TABLE sessions ADD COLUMN provider_config TEXT;
ALTER TABLE sessions ADD COLUMN provider_revision BIGINT;
