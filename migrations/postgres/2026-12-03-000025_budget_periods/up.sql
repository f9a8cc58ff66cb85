-- What few accounts have, as JSON: limits for a day and a month with what was used in them, warnings, and whether the guard
-- spares a mission.

ALTER TABLE accounts ADD COLUMN more TEXT;
