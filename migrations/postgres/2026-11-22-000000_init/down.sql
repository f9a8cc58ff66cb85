-- Back to an empty schema. Everything is lost, the audit log too.
DROP TABLE fleet_state;
DROP TABLE api_keys;
DROP TABLE audit_head;
DROP TABLE audit_entries;
DROP FUNCTION refuse_on_audit();
DROP TABLE feed_head;
DROP TABLE feed_events;
DROP TABLE commands;
DROP TABLE messages;
DROP TABLE sessions;
