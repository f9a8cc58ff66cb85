//! The commands that work on the data folder and the database themselves, with or without a server: keys, the audit log,
//! migrations, copies, epochs, `doctor`; and `conformance`, which holds an agent against what Flightdeck asks of one.
//!
//! # What does not belong here
//! HTTP; what a server does while it runs. The files and the database are opened by `flightdeck-storage`.

mod audit;
mod conformance;
mod copy;
mod doctor;
mod epochs;
mod grammar;
mod keys;
mod migrate;

pub use audit::{checkpoint as audit_checkpoint, export as audit_export, seq as audit_seq, verify as audit_verify};
pub use conformance::{Fleet, conform, find as find_agent};
pub use copy::run as copy;
pub use doctor::{Examined, run as doctor};
pub use epochs::run as epoch;
pub use grammar::{
    AuditCheckpointArgs, AuditExportArgs, AuditVerifyArgs, ConformanceArgs, CopyArgs, DoctorArgs, EpochArgs, KeysArgs,
    MigrateArgs,
};
pub use keys::run as keys;
pub use migrate::run as migrate;
