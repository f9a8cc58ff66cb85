-- A message is only written by a transaction that holds the lock of its session, and sessions are never removed. To have
-- each row looked up in `sessions` once more cost a fifth of what large batches take.

ALTER TABLE messages DROP CONSTRAINT messages_session_id_fkey;
