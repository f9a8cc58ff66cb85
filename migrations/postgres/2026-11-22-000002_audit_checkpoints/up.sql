-- The head of the audit log, signed from time to time. The key is outside the database, and so is another copy of these
-- rows: what is here alone, whoever writes the database can cut off together with the entries.
CREATE TABLE audit_checkpoints (
    seq       BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    hash      BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    at        BIGINT NOT NULL,
    key_id    BYTEA  NOT NULL CHECK (octet_length(key_id) = 8),
    signature BYTEA  NOT NULL CHECK (octet_length(signature) = 64)
);

CREATE TRIGGER audit_checkpoints_are_not_changed BEFORE UPDATE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_on_audit('a checkpoint cannot be changed');
CREATE TRIGGER audit_checkpoints_are_not_removed BEFORE DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_on_audit('a checkpoint cannot be removed');
CREATE TRIGGER audit_checkpoints_are_not_truncated BEFORE TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_on_audit('its checkpoints cannot be removed');

-- Entries of a span of time.
CREATE INDEX audit_entries_at ON audit_entries (at, seq);
