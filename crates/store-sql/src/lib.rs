//! What the stores over SQLite and PostgreSQL have in common: what is in the tables, and how it becomes a value of the
//! domain.
//!
//! # How it is laid out
//! - `schema`: the tables as diesel knows them, for both databases. `types`: those of their columns that each database has
//!   its own kind of.
//! - `rows`: one type for the rows of each table, and the way from it to a value of the domain and back.
//! - `values`: how single values are stored.
//! - `statement`: statements that are written as text. `words`: where the databases say the same thing in different words.
//! - `connection`: what runs a statement, on either database.
//! - `tx`: every operation of a transaction, written once over a `Dialect`, which is what differs.
//! - `audit`, `feed`, `epoch`: what is read without a script. `transfer`: the whole database, to be moved.
//!
//! # What does not belong here
//! Statements that only one database understands, and how transactions begin, end and wait for each other: that is what
//! the stores are for. Rules, which belong to [`flightdeck_domain`].

pub mod audit;
pub mod connection;
pub mod epoch;
pub mod error;
pub mod feed;
pub mod rows;
pub mod schema;
pub mod statement;
pub mod transfer;
pub mod tx;
pub mod types;
pub mod values;
pub mod words;
