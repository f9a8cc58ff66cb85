DROP INDEX feed_events_receipts;
DROP INDEX commands_message;
ALTER TABLE commands DROP COLUMN message_seq;
