ALTER TABLE approvals DROP COLUMN answer;
