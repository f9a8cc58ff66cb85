//! The audit log.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use flightdeck_domain::audit::{AuditVerdict, AuditVerification, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::use_cases::{KeyNames, MadeCheckpoint};
use serde::Serialize;
use utoipa::ToSchema;

use super::words;
use crate::problem::ApiError;

/// What an action was aimed at.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the domain writes")]
pub(crate) struct AuditTargetView {
    /// `approval`, `auditLog`, `fleet`, `key`, `mission` or `session`.
    #[schema(value_type = words::AuditTargetKind)]
    kind: &'static str,
    /// Which one, where the kind leaves that open.
    value: Option<String>,
}

/// One entry, as it was hashed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what the domain writes")]
pub(crate) struct AuditEntryView {
    seq: u64,
    at: DateTime<Utc>,
    /// What was done.
    #[schema(value_type = words::AuditAction)]
    action: &'static str,
    /// Who did it: the id of a key, or `cli`, `budget` or `system`.
    actor: String,
    /// What people call that key; missing for `cli`, `budget` and `system`, and for a key that is not known. It is looked up
    /// when the entry is read, and is not in the hashed bytes.
    #[schema(value_type = String, required = false)]
    actor_name: Option<String>,
    /// How it ended; `details.refusal` says why it was refused.
    #[schema(value_type = words::AuditOutcome)]
    outcome: &'static str,
    target: AuditTargetView,
    /// Why, in the operator's words.
    #[schema(required = true)]
    reason: Option<String>,
    /// The request that asked for it.
    request_id: String,
    /// Particulars. What is aimed at a session says the session's `provider`.
    details: BTreeMap<String, String>,
    /// The hash of the entry before; all zeros for the first.
    previous: String,
    /// The entry's own hash.
    hash: String,
}

/// A signed head of the chain.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what the domain writes")]
pub(crate) struct CheckpointView {
    at: DateTime<Utc>,
    /// The hash of the newest entry.
    hash: String,
    /// The key that signed it.
    key_id: String,
    /// The seq of the newest entry.
    seq: u64,
    /// The Ed25519 signature over `"flightdeck-checkpoint/v1\0" ‖ canonical JSON of the other four`.
    signature: String,
}

/// One page of the audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPageView {
    /// The entries as they were hashed, each with its `hash`, and the name of the key that acted.
    #[schema(value_type = Vec<AuditEntryView>)]
    entries: Vec<serde_json::Value>,
    /// Give it as `before` to read on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    next_before: Option<u64>,
}

impl AuditPageView {
    /// # Errors
    /// An entry is not readable: the log was tampered with, and `GET /audit/verify` tells where.
    pub(crate) fn new(page: &[SealedAuditEntry], limit: usize, names: &KeyNames) -> Result<Self, ApiError> {
        let next_before = page.last().filter(|_| page.len() == limit).map(|last| last.seq.get());
        let entries = page.iter().map(|sealed| entry(sealed, names)).collect::<Result<_, _>>();
        Ok(Self { entries: entries.map_err(|error| ApiError::Internal(Box::new(error)))?, next_before })
    }
}

fn entry(sealed: &SealedAuditEntry, names: &KeyNames) -> Result<serde_json::Value, serde_json::Error> {
    let mut value: serde_json::Value = serde_json::from_slice(&sealed.bytes)?;
    if let Some(object) = value.as_object_mut() {
        let name = object.get("actor").and_then(serde_json::Value::as_str).and_then(|actor| names.get(actor));
        if let Some(name) = name.map(ToString::to_string) {
            object.insert("actorName".to_owned(), name.into());
        }
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
    #[schema(value_type = words::AuditVerdict)]
    verdict: AuditVerdict,
    /// How many entries were found good.
    entries: u64,
    /// The hash of the last good entry.
    head: String,
    /// How many signed checkpoints were found good, in the database and in the file beside it.
    checkpoints: u64,
    /// Up to this entry the chain is signed; `null` when nothing is.
    #[schema(required = true)]
    signed_up_to: Option<u64>,
    /// The key that the checkpoints were checked against.
    #[schema(required = true)]
    key_id: Option<String>,
    /// The first fault.
    #[schema(required = true)]
    problem: Option<String>,
    /// The place of the first fault.
    #[schema(required = true)]
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
    #[schema(value_type = CheckpointView)]
    checkpoint: Checkpoint,
    /// Whether this call made it; `false` when the head has not moved since the last one.
    created: bool,
}

impl From<MadeCheckpoint> for CheckpointReply {
    fn from(made: MadeCheckpoint) -> Self {
        Self { checkpoint: made.checkpoint, created: made.created }
    }
}
