-- What became of an operator's message, read with the message and followed with the conversation.

-- Where the message of an inject stands.
ALTER TABLE commands ADD COLUMN message_seq BIGINT CHECK (message_seq > 0);
UPDATE commands SET message_seq = messages.seq FROM messages
    WHERE messages.session_id = commands.session_id AND messages.id = commands.message_id;

-- The command that brings a message. The condition is repeated word for word in `tables/commands.rs`.
CREATE INDEX commands_message ON commands (session_id, message_seq) WHERE message_seq IS NOT NULL;
-- The receipts of one session among all events. The condition is repeated word for word in `tables/feed_events.rs`.
CREATE INDEX feed_events_receipts ON feed_events (session_id, position) WHERE kind = 'receipt';
