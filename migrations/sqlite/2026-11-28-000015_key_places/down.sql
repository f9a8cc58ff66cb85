ALTER TABLE api_keys DROP COLUMN mission_id;
ALTER TABLE api_keys DROP COLUMN parent_id;
