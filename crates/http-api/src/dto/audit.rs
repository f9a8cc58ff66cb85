//! The audit log.

use flightdeck_domain::audit::{AuditVerification, SealedAuditEntry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::ApiError;

/// One page of the audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPageView {
    /// The entries as they were hashed, each with its `hash`.
    #[schema(value_type = Vec<Object>)]
    entries: Vec<serde_json::Value>,
    /// Give it as `before` to read on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<u64>,
}

impl AuditPageView {
    /// # Errors
    /// An entry is not readable: the log was tampered with, and `GET /audit/verify` tells where.
    pub(crate) fn new(page: &[SealedAuditEntry], limit: usize) -> Result<Self, ApiError> {
        let next_before = page.last().filter(|_| page.len() == limit).map(|last| last.seq.get());
        let entries = page.iter().map(entry).collect::<Result<_, _>>();
        Ok(Self { entries: entries.map_err(|error| ApiError::Internal(Box::new(error)))?, next_before })
    }
}

fn entry(sealed: &SealedAuditEntry) -> Result<serde_json::Value, serde_json::Error> {
    let mut value: serde_json::Value = serde_json::from_slice(&sealed.bytes)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("hash".to_owned(), sealed.hash.to_string().into());
    }
    Ok(value)
}

/// The result of walking the whole chain.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditVerificationView {
    /// Whether every entry is what it was and where it was.
    valid: bool,
    /// How many entries were found good.
    entries: u64,
    /// The hash of the last good entry.
    head: String,
    /// The first fault.
    problem: Option<String>,
    /// The place of the first fault.
    problem_seq: Option<u64>,
}

impl From<AuditVerification> for AuditVerificationView {
    fn from(result: AuditVerification) -> Self {
        Self {
            valid: result.valid,
            entries: result.entries,
            head: result.head.to_string(),
            problem: result.problem,
            problem_seq: result.problem_seq.map(flightdeck_domain::ids::AuditSeq::get),
        }
    }
}
