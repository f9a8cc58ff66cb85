-- What was wished and seen is forgotten; sessions, commands and the audit log stay.
DROP TABLE operation_targets;
DROP TABLE operations;
