-- Logins: what a cookie (session) or a link of one use (link) stands for. Of their secrets only the hashes.

CREATE TABLE logins (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind        TEXT    NOT NULL,
    key_id      TEXT    NOT NULL REFERENCES api_keys (id),
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    ended_at    INTEGER
) STRICT, WITHOUT ROWID;

-- What is long over is found by this.
CREATE INDEX logins_expires_at ON logins (expires_at);
