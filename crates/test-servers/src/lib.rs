//! Finds or starts the servers that tests need. For tests only.
//!
//! A test that needs a server is never reported as passed where there is none: [`trial`] reports it as ignored, with the
//! reason, and as failed where `CI=true` says that a server has to be there.

pub mod postgres;
mod trial;

pub use trial::trial;

/// There is no server, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoServer(pub String);
