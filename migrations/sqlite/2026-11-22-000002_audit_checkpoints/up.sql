-- The head of the audit log, signed from time to time. The key is outside the database, and so is another copy of these
-- rows: what is here alone, whoever writes the database can cut off together with the entries.
CREATE TABLE audit_checkpoints (
    seq       INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    hash      BLOB    NOT NULL CHECK (length(hash) = 32),
    at        INTEGER NOT NULL,
    key_id    BLOB    NOT NULL CHECK (length(key_id) = 8),
    signature BLOB    NOT NULL CHECK (length(signature) = 64)
) STRICT;

CREATE TRIGGER audit_checkpoints_are_not_changed BEFORE UPDATE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: a checkpoint cannot be changed');
END;

CREATE TRIGGER audit_checkpoints_are_not_removed BEFORE DELETE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: a checkpoint cannot be removed');
END;

-- INSERT OR REPLACE removes a row without asking the trigger above.
CREATE TRIGGER audit_checkpoints_are_not_replaced BEFORE INSERT ON audit_checkpoints
WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: a checkpoint cannot be replaced');
END;

-- Entries of a span of time.
CREATE INDEX audit_entries_at ON audit_entries (at);
