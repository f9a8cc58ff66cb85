//! The repository ports over an embedded SQLite database.
