-- Control calls that were sent with a key: what they came to, for the same call that comes again. Kept for a day.

CREATE TABLE idempotency_keys (
    actor        TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    fingerprint  BYTEA  NOT NULL CHECK (length(fingerprint) = 32),
    at           BIGINT NOT NULL,
    audit_seq    BIGINT,
    message_seq  BIGINT,
    command_seq  BIGINT,
    operation_id UUID,
    total        BIGINT NOT NULL CHECK (total >= 0),
    PRIMARY KEY (actor, key)
);

-- What is too old is found by this.
CREATE INDEX idempotency_keys_at ON idempotency_keys (at);
