-- What a lost session was before. It stands behind the long columns, so it is read only where a session is lost.
--
-- No index over the last sign of life: it would be rewritten with every message. Who is silent is found among those that
-- have not ended (`sessions_open`), which are few.
ALTER TABLE sessions ADD COLUMN lost_from TEXT;
