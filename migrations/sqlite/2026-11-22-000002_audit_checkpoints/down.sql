-- The entries stay; what was signed over them is lost here, and kept in the file beside the database.
DROP INDEX audit_entries_at;
DROP TRIGGER audit_checkpoints_are_not_removed;
DROP TABLE audit_checkpoints;
