-- The entries stay; what was signed over them is lost here, and kept in the file beside the database.
DROP INDEX audit_entries_at;
DROP TABLE audit_checkpoints;
