-- What a lost session was before.
--
-- No index over the last sign of life: every message would then touch every index of its session. Who is silent is found
-- among those that have not ended (`sessions_open`), which are few.
ALTER TABLE sessions ADD COLUMN lost_from TEXT;
