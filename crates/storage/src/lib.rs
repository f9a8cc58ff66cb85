//! What a deployment keeps, and where: the files of its data folder, and the configured database, opened.
//!
//! Servers and the commands that work on a deployment themselves share it. A server locks the folder ([`lock`]); commands may
//! open the store ([`open_store`]) while it runs.
//!
//! # What does not belong here
//! HTTP, providers, what commands print. The names of the files that a client reads are in `flightdeck-settings`.

mod admin_key;
mod archive_place;
mod audit_files;
mod audit_spool;
mod database_check;
mod error;
mod folder;
mod lagging;
mod mark_file;
mod opening;
mod server_url;
mod witness;

pub use admin_key::{AdminKeyError, ensure as ensure_admin_key};
pub use archive_place::{archive_place, open_archive};
pub use audit_files::{AuditFilesError, CheckpointFile, existing_key, signing_key};
pub use audit_spool::{FILE as SPOOL_FILE, RESERVED as SPOOL_RESERVED, SpoolError, SpoolFile, is_reserved};
pub use database_check::{DatabaseDamaged, at_start as check_database};
pub use error::StorageError;
pub use folder::{LOCK_FILE, lock, make_data_dir};
pub use lagging::LaggingReads;
pub use mark_file::MarkFile;
pub use opening::{Opened, archive_holds, open_audited, open_store, open_store_with, postgres_options};
pub use server_url::{publish, withdraw};
pub use witness::{Gone, Witness};
