ALTER TABLE commands DROP COLUMN choice;
