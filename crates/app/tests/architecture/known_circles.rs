//! The circles of more than three files that there are today.

/// Crates, and the files of a circle. The list only shrinks: a circle of other files is a failure, and so is an entry that no
/// circle needs any more.
pub(crate) const KNOWN: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "audit/checkpoint.rs",
            "audit/signing.rs",
            "audit/verify.rs",
            "ports/api_key.rs",
            "ports/approval.rs",
            "ports/audit.rs",
            "ports/audit_spool.rs",
            "ports/checkpoint.rs",
            "ports/command.rs",
            "ports/epoch.rs",
            "ports/feed.rs",
            "ports/hooks.rs",
            "ports/login.rs",
            "ports/message.rs",
            "ports/mod.rs",
            "ports/operation.rs",
            "ports/operator_actions.rs",
            "ports/session.rs",
            "ports/transaction/access.rs",
            "ports/transaction/approval.rs",
            "ports/transaction/control.rs",
            "ports/transaction/mod.rs",
            "ports/transaction/record.rs",
            "ports/transaction/session.rs",
            "ports/transaction/talk.rs",
            "ports/transaction/usage.rs",
            "ports/transfer.rs",
            "ports/usage.rs",
        ],
    ),
    (
        "domain",
        &[
            "message.rs",
            "message/author.rs",
            "session/lease.rs",
            "session/mod.rs",
            "session/observation.rs",
            "session/place.rs",
            "session/registration.rs",
            "usage/totals.rs",
        ],
    ),
    (
        "domain",
        &[
            "transactions/message.rs",
            "transactions/mod.rs",
            "transactions/operation.rs",
            "transactions/session.rs",
            "transactions/status_change.rs",
            "transactions/usage.rs",
        ],
    ),
    (
        "domain",
        &[
            "action/operator_action.rs",
            "operation/committed.rs",
            "operation/mod.rs",
            "operation/scoped.rs",
            "operation/target.rs",
        ],
    ),
    (
        "domain",
        &["approval/ask.rs", "approval/closing.rs", "approval/form.rs", "approval/mod.rs", "approval/withdrawal.rs"],
    ),
    ("http-api", &["auth.rs", "auth/ring.rs", "epochs.rs", "sse.rs", "state.rs"]),
];
