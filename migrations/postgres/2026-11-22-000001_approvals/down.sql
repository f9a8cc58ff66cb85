-- Every permission request and its decision is lost; the audit log keeps that they were decided.
DROP TABLE approvals;
