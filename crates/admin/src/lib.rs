//! The commands that work on the data folder and the database themselves, with or without a server: keys, the audit log,
//! migrations, copies, epochs, `doctor`; and `conformance`, which holds an agent against what Flightdeck asks of one.
//!
//! # What does not belong here
//! HTTP; what a server does while it runs. The files and the database are opened by `flightdeck-storage`.

mod archive;
mod audit;
mod conformance;
mod copy;
mod doctor;
mod epochs;
mod grammar;
mod keys;
mod migrate;
mod partition;
mod retention;
mod secrets;

use std::error::Error;

use flightdeck_terminal::Exit;

pub use archive::run as archive;
pub use audit::{
    checkpoint as audit_checkpoint, export as audit_export, segment as audit_segment, seq as audit_seq,
    verify as audit_verify,
};
pub use conformance::{Fleet, conform, find as find_agent};
pub use copy::run as copy;
pub use doctor::{Examined, run as doctor};
pub use epochs::run as epoch;
pub use grammar::retention::{ArchiveArgs, RetentionArgs};
pub use grammar::{
    AuditCheckpointArgs, AuditExportArgs, AuditSegmentArgs, AuditVerifyArgs, ConformanceArgs, CopyArgs, DoctorArgs,
    EpochArgs, KeysArgs, MigrateArgs, PartitionArgs, SecretsArgs,
};
pub use keys::run as keys;
pub use migrate::run as migrate;
pub use partition::run as partition_messages;
pub use retention::run as retention;
pub use secrets::run as secrets;

/// What a command ends with that failed so, where the command line or a value in it is at fault.
#[must_use]
pub fn exit_of(error: &(dyn Error + Send + Sync + 'static)) -> Option<Exit> {
    let is_usage = error.is::<keys::WrongFlag>()
        || error.is::<audit::WrongFlag>()
        || error.is::<retention::WrongFlag>()
        || error.is::<copy::WrongPlace>()
        || error.is::<partition::NoServer>();
    is_usage.then_some(Exit::Usage)
}
