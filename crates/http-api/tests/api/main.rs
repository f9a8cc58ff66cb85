//! The API, over real sockets, on a store in memory.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::too_many_lines, clippy::result_large_err, reason = "tables are long, and replies are looked at whole")]

mod agents;
mod approvals;
mod audit;
mod bad_input;
mod bodies;
mod borders;
mod changes;
mod commands;
mod console;
mod control;
mod epochs;
mod events;
mod feed;
mod head;
mod idempotency;
mod intake;
mod key_missions;
mod keys;
mod leases;
mod lines;
mod login;
mod messages;
mod metrics;
mod openapi;
mod operations;
mod places;
mod previews;
mod raw;
mod receipts;
mod rendered;
mod request_spans;
mod roles;
mod search;
mod seed;
mod server;
mod spool;
mod status;
mod streams;
mod telemetry;
mod throttle;
mod usage;
