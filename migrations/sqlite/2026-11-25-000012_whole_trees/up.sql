-- A page of a whole tree is read in its order, however large the tree is.
CREATE INDEX sessions_root ON sessions (root_id, spawned_at DESC, id DESC);
