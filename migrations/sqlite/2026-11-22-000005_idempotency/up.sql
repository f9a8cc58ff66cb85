-- Control calls that were sent with a key: what they came to, for the same call that comes again. Kept for a day.

CREATE TABLE idempotency_keys (
    actor        TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    fingerprint  BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    at           INTEGER NOT NULL,
    audit_seq    INTEGER,
    message_seq  INTEGER,
    command_seq  INTEGER,
    operation_id BLOB    CHECK (length(operation_id) = 16),
    total        INTEGER NOT NULL CHECK (total >= 0),
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

-- What is too old is found by this.
CREATE INDEX idempotency_keys_at ON idempotency_keys (at);
