//! The scope of a control call, and its answer when the scope is more than one agent.

use std::str::FromStr;

use actix_web::HttpResponse;
use flightdeck_domain::operation::{Operation, Reach, ScopedCommitted, Wish};

use super::operator::answer;
use crate::dto::ScopedReply;

/// `?scope=`: nothing, or `self`, is the named agent alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ControlScope(pub(super) Option<Reach>);

#[derive(Debug, thiserror::Error)]
#[error("is no scope; use self, subtree or mission")]
pub(super) struct UnknownScope;

impl FromStr for ControlScope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        match word {
            "self" => Ok(Self(None)),
            _ => word.parse().map(|reach| Self(Some(reach))).or(Err(UnknownScope)),
        }
    }
}

/// 200 when nothing is open any more, 202 while something is. It says how many were seen to be as wished, and no more.
pub(super) fn reply(operation: &Operation, committed: &ScopedCommitted, kept: bool) -> HttpResponse {
    let tally = operation.tally;
    let done = match operation.wish {
        Wish::Pause => "paused",
        Wish::Resume => "resumed",
        Wish::Interrupt => "interrupted",
        Wish::Kill => "killed",
    };
    let reply = ScopedReply {
        message: told_of(format!("{} of {} agents {done}", tally.observed, tally.total), kept),
        operation_id: *operation.id.as_uuid(),
        total: tally.total,
        observed: tally.observed,
        open: tally.open,
        audit_spooled: committed.audit_seq.is_none(),
    };
    let response = if tally.open == 0 && !kept { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    answer(response, committed.again, &reply)
}

/// What is added to the words of an answer when the stop is kept: why nothing of it is to be seen.
pub(super) fn told_of(message: String, kept: bool) -> String {
    if kept {
        format!("{message}; the store cannot be written, so it is kept and recorded as soon as it can")
    } else {
        message
    }
}
