//! The repository ports held in memory, for tests, embedding and examples.
