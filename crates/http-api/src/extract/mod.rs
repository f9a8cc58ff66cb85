//! Requests, taken apart with clear faults.

mod hook;
mod json;
mod outline;
mod path;
mod query;

pub(crate) use hook::HookBody;
pub(crate) use json::{Body, BodyBytes, MAX_BODY, decode, decode_value};
pub(crate) use path::{AgentApprovalPath, AgentPath, ApprovalPath, CommandPath, MissionPath, OperationPath};
pub(crate) use query::Params;
