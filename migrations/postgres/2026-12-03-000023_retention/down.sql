DROP INDEX sessions_ended;
DROP TABLE archived_sessions;
DROP TABLE retention;
