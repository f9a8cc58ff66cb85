DROP INDEX sessions_provider_session;
UPDATE sessions SET provider_session_id = replica WHERE replica IS NOT NULL;
ALTER TABLE sessions DROP COLUMN replica;
