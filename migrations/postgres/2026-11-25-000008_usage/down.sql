-- Sums and budgets are lost; what each message said about usage stays with it, and so does the audit log.
DROP INDEX sessions_mission_status;
DROP TABLE accounts;
