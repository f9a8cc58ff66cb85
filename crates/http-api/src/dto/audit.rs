//! The audit log.

use flightdeck_domain::audit::{AuditVerdict, AuditVerification, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::use_cases::MadeCheckpoint;
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
    /// Whether every entry is what it was and where it was, as far as the chain and its checkpoints tell.
    valid: bool,
    /// `good`; `unvouched`: the entries fit together, and no signed checkpoint vouches for them (`POST /audit/checkpoint`
    /// makes one); or `broken`.
    #[schema(value_type = String)]
    verdict: AuditVerdict,
    /// How many entries were found good.
    entries: u64,
    /// The hash of the last good entry.
    head: String,
    /// How many signed checkpoints were found good, in the database and in the file beside it.
    checkpoints: u64,
    /// Up to this entry the chain is signed; `null` when nothing is.
    signed_up_to: Option<u64>,
    /// The key that the checkpoints were checked against.
    key_id: Option<String>,
    /// The first fault.
    problem: Option<String>,
    /// The place of the first fault.
    problem_seq: Option<u64>,
}

impl From<AuditVerification> for AuditVerificationView {
    fn from(result: AuditVerification) -> Self {
        Self {
            valid: result.valid,
            verdict: result.verdict,
            entries: result.entries,
            head: result.head.to_string(),
            checkpoints: result.checkpoints,
            signed_up_to: result.signed_up_to.map(AuditSeq::get),
            key_id: result.key_id.map(|id| id.to_string()),
            problem: result.problem,
            problem_seq: result.problem_seq.map(AuditSeq::get),
        }
    }
}

/// The signed head of the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointReply {
    /// `at`, `hash`, `keyId`, `seq` and `signature`: the Ed25519 signature over
    /// `"flightdeck-checkpoint/v1\0" ‖ canonical JSON of the other four`.
    #[schema(value_type = Object)]
    checkpoint: Checkpoint,
    /// Whether this call made it; `false` when the head has not moved since the last one.
    created: bool,
}

impl From<MadeCheckpoint> for CheckpointReply {
    fn from(made: MadeCheckpoint) -> Self {
        Self { checkpoint: made.checkpoint, created: made.created }
    }
}
