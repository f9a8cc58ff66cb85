ALTER TABLE provider_configs DROP COLUMN requeue;
ALTER TABLE provider_configs DROP COLUMN fail_after;
DROP TABLE assignments;
DROP TABLE runners;
