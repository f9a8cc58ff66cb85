//! Rows of `approvals`.

use diesel::prelude::*;
use flightdeck_domain::approval::{Approval, ApprovalState, ExpiryReason, Verdict};
use flightdeck_domain::ids::ApprovalId;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::{ApprovalTitle, Reason};
use flightdeck_domain::time::Timestamp;

use super::{BrokenRow, Column, Fault, maybe, read_id};
use crate::schema::approvals;
use crate::values::{Id, Key, json, moment, object};

row! {
    /// A permission request.
    #[diesel(table_name = approvals)]
    pub struct ApprovalRow {
        id: Id,
        session_id: Id,
        status: String,
        title: String,
        options: String,
        opened_at: i64,
        expires_at: Option<i64>,
        closed_at: Option<i64>,
        decided_option: Option<String>,
        decided_by: Option<String>,
        reason: Option<String>,
        expired_why: Option<String>,
        detail: String,
        answer: Option<String>,
    }
}

/// Which request.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = approvals)]
pub(crate) struct ApprovalIdRow {
    id: Id,
}

impl TryFrom<ApprovalIdRow> for ApprovalId {
    type Error = BrokenRow;

    fn try_from(row: ApprovalIdRow) -> Result<Self, BrokenRow> {
        read_id(row.id, TABLE, "id")
    }
}

/// A word that means nothing as a status, or columns that do not go with it.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known, or lacks what belongs to it")]
struct Unknown(String);

const TABLE: &str = "approvals";

impl TryFrom<ApprovalRow> for Approval {
    type Error = BrokenRow;

    fn try_from(row: ApprovalRow) -> Result<Self, BrokenRow> {
        let id = row.id;
        row.read().map_err(|fault| fault.of(TABLE, id.to_string()))
    }
}

impl ApprovalRow {
    fn read(self) -> Result<Approval, Fault> {
        let option = maybe(self.decided_option, |word| word.parse()).column("decided_option")?;
        let by = maybe(self.decided_by, |name| serde_json::from_value::<Actor>(name.into())).column("decided_by")?;
        let reason = maybe(self.reason, Reason::new).column("reason")?;
        let answer = maybe(self.answer, |answer| object(&answer)).column("answer")?;
        let why = maybe(self.expired_why, |word| word.parse::<ExpiryReason>()).column("expired_why")?;
        let closed_at: Option<Timestamp> = maybe(self.closed_at, moment).column("closed_at")?;
        let state = match (self.status.as_str(), closed_at, option, by, why) {
            ("open", None, None, None, None) => Ok(ApprovalState::Open),
            ("decided", Some(at), Some(option), Some(by), None) => {
                Ok(ApprovalState::Decided(Verdict { option, by, at, reason, answer }))
            }
            ("expired", Some(at), None, None, Some(why)) => Ok(ApprovalState::Expired { why, at }),
            _ => Err(Unknown(self.status)),
        };
        Ok(Approval {
            id: self.id.try_into().column("id")?,
            session_id: self.session_id.try_into().column("session_id")?,
            title: ApprovalTitle::new(self.title).column("title")?,
            detail: object(&self.detail).column("detail")?,
            options: self.options.parse().column("options")?,
            state: state.column("status")?,
            opened_at: moment(self.opened_at).column("opened_at")?,
            expires_at: maybe(self.expires_at, moment).column("expires_at")?,
        })
    }
}

/// The columns that tell how a request was closed.
#[derive(Debug, Default)]
pub struct Closed<'a> {
    /// `closed_at`.
    pub at: Option<i64>,
    /// `decided_option`.
    pub option: Option<&'static str>,
    /// `decided_by`.
    pub by: Option<&'a str>,
    /// `reason`.
    pub reason: Option<&'a str>,
    /// `expired_why`.
    pub why: Option<&'static str>,
    /// `answer`.
    pub answer: Option<String>,
}

impl<'a> Closed<'a> {
    /// Those of one request.
    #[must_use]
    pub fn of(approval: &'a Approval) -> Self {
        match &approval.state {
            ApprovalState::Open => Self::default(),
            ApprovalState::Decided(verdict) => Self {
                at: Some(verdict.at.as_micros()),
                option: Some(verdict.option.as_str()),
                by: Some(verdict.by.as_str()),
                reason: verdict.reason.as_ref().map(Reason::as_str),
                why: None,
                answer: verdict.answer.as_ref().map(json),
            },
            ApprovalState::Expired { why, at } => {
                Self { at: Some(at.as_micros()), why: Some(why.as_str()), ..Self::default() }
            }
        }
    }
}

/// A request to be inserted; it is open.
#[derive(Debug, Insertable)]
#[diesel(table_name = approvals, treat_none_as_default_value = false)]
pub struct NewApprovalRow<'a> {
    id: Id,
    session_id: Id,
    status: &'static str,
    title: &'a str,
    options: String,
    opened_at: i64,
    expires_at: Option<i64>,
    detail: String,
}

impl<'a> From<&'a Approval> for NewApprovalRow<'a> {
    fn from(approval: &'a Approval) -> Self {
        Self {
            id: approval.id.key(),
            session_id: approval.session_id.key(),
            status: approval.status().as_str(),
            title: approval.title.as_str(),
            options: approval.options.to_string(),
            opened_at: approval.opened_at.as_micros(),
            expires_at: approval.expires_at.map(|at| at.as_micros()),
            detail: json(&approval.detail),
        }
    }
}
