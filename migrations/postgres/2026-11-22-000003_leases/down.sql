ALTER TABLE sessions DROP COLUMN lost_from;
