//! Requests, taken apart with clear faults.

mod json;
mod path;
mod query;

pub(crate) use json::{Body, BodyBytes, MAX_BODY, decode, decode_value};
pub(crate) use path::{AgentApprovalPath, AgentPath, ApprovalPath, CommandPath, MissionPath, OperationPath};
pub(crate) use query::Params;
