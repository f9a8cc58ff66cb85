-- Logins: what a cookie (session) or a link of one use (link) stands for. Of their secrets only the hashes.

CREATE TABLE logins (
    id          TEXT   COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind        TEXT   NOT NULL,
    key_id      TEXT   COLLATE "C" NOT NULL REFERENCES api_keys (id),
    secret_hash BYTEA  NOT NULL CHECK (octet_length(secret_hash) = 32),
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    ended_at    BIGINT
);

-- What is long over is found by this.
CREATE INDEX logins_expires_at ON logins (expires_at);
