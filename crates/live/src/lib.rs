//! The shared tails of followed logs: each entry encoded once, any number of cursors over it.
