-- The entries of many callers share a transaction, and the head of the audit log moves over all of them at once: but only
-- over entries that are there, to the hash of the last of them.
CREATE FUNCTION audit_head_follows_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <= OLD.seq
        OR (SELECT count(*) FROM audit_entries WHERE seq > OLD.seq AND seq <= NEW.seq) <> NEW.seq - OLD.seq
        OR NOT EXISTS (SELECT FROM audit_entries WHERE seq = NEW.seq AND hash = NEW.hash)
    THEN
        RAISE EXCEPTION 'the audit log is append-only: its head moves only to the last of its entries';
    END IF;
    RETURN NEW;
END;
$$;

DROP TRIGGER audit_head_goes_forward ON audit_head;
CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.seq <> OLD.seq + 1)
    EXECUTE FUNCTION audit_head_follows_entries();
