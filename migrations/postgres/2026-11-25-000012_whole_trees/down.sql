DROP INDEX sessions_root;
