DROP TRIGGER audit_head_goes_forward ON audit_head;
CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.seq <> OLD.seq + 1)
    EXECUTE FUNCTION refuse_on_audit('its head moves one entry at a time');
DROP FUNCTION audit_head_follows_entries();
