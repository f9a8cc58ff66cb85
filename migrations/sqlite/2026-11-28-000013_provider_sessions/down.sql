DROP INDEX sessions_provider_session;
