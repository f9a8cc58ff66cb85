//! Reads the parts of requests, with clear faults.

mod bodies;
mod caps;
mod hook;
mod json;
mod objects;
mod outline;
mod path;
mod query;
mod wired;

pub use bodies::BodyLimits;
pub(crate) use bodies::{Arrived, Bodies};
pub(crate) use caps::Cap;
pub(crate) use hook::{Hook, HookBody};
pub(crate) use json::{Body, NoBody, Unread, decode, decode_value};
pub(crate) use path::{
    AgentApprovalPath, AgentPath, ApprovalPath, AssignmentPath, CommandPath, IfMatch, KeyPath, MissionPath,
    OperationPath, ProviderPath, RunnerPath, SinkPath,
};
pub(crate) use query::{EntryNumber, MOST, NoParams, Params};
pub(crate) use wired::wired;
