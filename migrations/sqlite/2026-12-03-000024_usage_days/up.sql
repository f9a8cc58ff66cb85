-- What sessions used, by day and model: it is booked from here on.

CREATE TABLE usage_days (
    session_id         BLOB    NOT NULL CHECK (length(session_id) = 16),
    -- In UTC, as 2026-11-30.
    day                TEXT    NOT NULL CHECK (length(day) = 10),
    -- Empty where reports name none.
    model              TEXT    NOT NULL,
    -- The mission of the session; empty without one.
    mission            TEXT    NOT NULL,
    input_tokens       INTEGER NOT NULL CHECK (input_tokens >= 0),
    output_tokens      INTEGER NOT NULL CHECK (output_tokens >= 0),
    cache_read_tokens  INTEGER NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_tokens INTEGER NOT NULL CHECK (cache_write_tokens >= 0),
    -- Billionths of a US dollar.
    cost               INTEGER NOT NULL CHECK (cost >= 0),
    reports            INTEGER NOT NULL CHECK (reports >= 0),
    priced_reports     INTEGER NOT NULL CHECK (priced_reports BETWEEN 0 AND reports),
    PRIMARY KEY (session_id, day, model)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_days_day ON usage_days (day);
CREATE INDEX usage_days_mission ON usage_days (mission, day) WHERE mission <> '';
