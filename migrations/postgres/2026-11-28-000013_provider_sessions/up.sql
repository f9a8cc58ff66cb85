-- Sessions whose agents live in a replica bore its name where the provider's own id belongs.
ALTER TABLE sessions ADD COLUMN replica TEXT;
UPDATE sessions SET replica = provider_session_id, provider_session_id = NULL WHERE provider IN ('acp', 'scripted');

-- The sessions that a provider knows under one id: an agent that takes up an earlier session, and the earlier one.
CREATE INDEX sessions_provider_session ON sessions (provider_session_id, spawned_at DESC, id DESC)
    WHERE provider_session_id IS NOT NULL;
