//! What the stores over SQLite and PostgreSQL have in common: what is in the tables, and how it becomes a value of the
//! domain.
//!
//! # How it is laid out
//! - `schema`: the tables as diesel knows them, for both databases. `types`: those of their columns that each database has
//!   its own kind of.
//! - `rows`: one type for the rows of each table, and the way from it to a value of the domain and back.
//! - `values`: how single values are stored.
//! - `statement`: statements that are written as text. `tables`: those that both databases understand word for word.
//!
//! # What does not belong here
//! Statements that only one database understands, and everything about connections, locks and transactions: that is what
//! the stores are for. Rules, which belong to [`flightdeck_domain`].

pub mod rows;
pub mod schema;
pub mod statement;
pub mod tables;
pub mod types;
pub mod values;
