ALTER TABLE sessions DROP COLUMN provider_revision;
ALTER TABLE sessions DROP COLUMN provider_config;
DROP TABLE provider_configs;
