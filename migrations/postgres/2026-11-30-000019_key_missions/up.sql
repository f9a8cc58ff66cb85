-- The missions whose sessions a key may see and act on, as a JSON list of names; NULL for all sessions.
ALTER TABLE api_keys ADD COLUMN missions TEXT;
