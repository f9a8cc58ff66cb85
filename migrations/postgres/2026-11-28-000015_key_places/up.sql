-- Where the session of an agent's key stands, as it was decided when the key was made. Keys that are there already take it
-- from their sessions; one whose session is not in the tree yet is for the top of a tree, without a mission.
ALTER TABLE api_keys ADD COLUMN parent_id UUID;
ALTER TABLE api_keys ADD COLUMN mission_id TEXT;
UPDATE api_keys
    SET parent_id = (SELECT sessions.parent_id FROM sessions WHERE sessions.id = api_keys.bound_to),
        mission_id = (SELECT sessions.mission_id FROM sessions WHERE sessions.id = api_keys.bound_to)
    WHERE bound_to IS NOT NULL;
