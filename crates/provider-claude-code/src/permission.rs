//! A permission dialog becomes a permission request, and the decision goes back.

use std::time::Duration;

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::approval::{
    ApprovalOption, ApprovalOptions, ApprovalState, ApprovalStatus, Verdict as Decision,
};
use flightdeck_domain::command::CommandKind;
use flightdeck_domain::ids::{ApprovalId, CommandSeq};
use flightdeck_domain::ports::{
    ApprovalFilter, ApprovalQuery, ApprovalRepository, HookError, OpenApprovalError, SessionRepository,
    StoreUnavailable, WithdrawApprovalError,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{ApprovalTitle, JsonObject, Reason};
use flightdeck_domain::use_cases::{NewApproval, OpenApproval, ReadCommands, WithdrawApproval};
use serde_json::Value;

use crate::hold::Hold;
use crate::hook::{Hook, shortened};
use crate::ids;
use crate::place::{Here, is_doomed};
use crate::record::Record;
use crate::reply::Verdict;

/// A permission request is open for at least so long.
const SHORTEST: Duration = Duration::from_secs(1);

/// Asks.
pub(crate) struct Permission<'a> {
    pub(crate) sessions: &'a dyn SessionRepository,
    pub(crate) commands: &'a ReadCommands,
    pub(crate) approvals: &'a dyn ApprovalRepository,
    pub(crate) open: &'a OpenApproval,
    pub(crate) withdraw: &'a WithdrawApproval,
    pub(crate) record: &'a Record<'a>,
}

impl Permission<'_> {
    /// Waits for a decision until the hold is over; then the request is taken back, and the agent asks at its terminal.
    /// `None` when an operator wants the agent to stop: then the dialog is beside the point.
    pub(crate) async fn ask(&self, here: &Here, hook: &Hook, hold: &Hold) -> Result<Option<Verdict>, HookError> {
        let session = &here.session;
        let new = self.request(session, hook, hold).await?;
        let mut approval = match self.open.execute(session.id, new).await {
            Ok(opened) => opened.approval,
            Err(OpenApprovalError::Unavailable(error)) => return Err(error.into()),
            Err(OpenApprovalError::UnknownSession(_)) => return Ok(Some(Verdict::Nothing)),
            Err(OpenApprovalError::Refused(refused)) => {
                tracing::debug!(%refused, "a permission request of a hook was not opened");
                return Ok((!self.is_to_stop(here).await?).then_some(Verdict::Nothing));
            }
        };
        loop {
            match &approval.state {
                ApprovalState::Decided(decision) => {
                    let verdict = verdict(decision, hook);
                    if let Verdict::Refuse(why) = &verdict {
                        self.record.denied(session, hook, why).await?;
                    }
                    return Ok(Some(verdict));
                }
                ApprovalState::Expired { .. } => {
                    return Ok((!self.is_to_stop(here).await?).then_some(Verdict::Nothing));
                }
                ApprovalState::Open if hold.is_over() => {
                    self.take_back(approval.id).await?;
                    return Ok(Some(Verdict::Nothing));
                }
                ApprovalState::Open => {}
            }
            if self.is_to_stop(here).await? {
                self.take_back(approval.id).await?;
                return Ok(None);
            }
            hold.rest().await;
            match self.approvals.get(approval.id).await? {
                Some(now) => approval = now,
                None => return Ok(Some(Verdict::Nothing)),
            }
        }
    }

    /// The agent went on, so what it had asked for was decided at its terminal.
    pub(crate) async fn decided_elsewhere(&self, session: &Session) -> Result<(), HookError> {
        let filter = ApprovalFilter {
            session_id: Some(session.id),
            statuses: vec![ApprovalStatus::Open],
            ..ApprovalFilter::default()
        };
        let page = self.approvals.list(ApprovalQuery { filter, before: None, limit: 100 }).await?;
        for approval in page.approvals {
            self.take_back(approval.id).await?;
        }
        Ok(())
    }

    async fn take_back(&self, id: ApprovalId) -> Result<(), HookError> {
        match self.withdraw.execute(id).await {
            Err(WithdrawApprovalError::Unavailable(error)) => Err(error.into()),
            Ok(_) | Err(WithdrawApprovalError::Unknown(_) | WithdrawApprovalError::Refused(_)) => Ok(()),
        }
    }

    /// Whether the session, or the Claude Code that it is a part of, is to be killed, or its turn to be broken off.
    async fn is_to_stop(&self, here: &Here) -> Result<bool, StoreUnavailable> {
        for before in std::iter::once(&here.session).chain(&here.top) {
            let Some(now) = self.sessions.get(before.id).await? else { continue };
            if is_doomed(&now) {
                return Ok(true);
            }
            if now.last_command_seq > CommandSeq::ZERO {
                let pending = self.commands.execute(now.id, CommandSeq::ZERO).await?.unwrap_or_default();
                if pending.iter().any(|command| command.kind == CommandKind::Interrupt) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn request(&self, session: &Session, hook: &Hook, hold: &Hold) -> Result<NewApproval, HookError> {
        let once = self.once(session, hook).await?;
        let invalid = |problem: String| HookError::Invalid { field: "tool_name", problem };
        let title = ApprovalTitle::new(one_line(&hook.tool(), ApprovalTitle::LIMIT));
        let mut options = vec![ApprovalOption::AllowOnce, ApprovalOption::RejectOnce];
        if suggestions(hook).is_some() {
            options.push(ApprovalOption::AllowAlways);
        }
        Ok(NewApproval {
            id: Some(ids::approval(session.id, &once)),
            title: title.map_err(|error| invalid(error.to_string()))?,
            detail: detail(hook),
            options: ApprovalOptions::new(options).map_err(|error| invalid(error.to_string()))?,
            expires_in: Some(hold.left().max(SHORTEST)),
        })
    }

    /// The dialog of one tool call is one request, however often its hook comes. The hook does not name the call, but the
    /// hook before it did.
    async fn once(&self, session: &Session, hook: &Hook) -> Result<String, StoreUnavailable> {
        let call = self.record.call_of(session, hook).await?;
        let named = call.as_ref().and_then(|data| data.get("tool_use_id")).and_then(Value::as_str);
        if let Some(id) = named {
            return Ok(id.to_owned());
        }
        let recent = self.record.newest(session, 1).await?;
        let place = recent.last().map(|message| message.seq.get()).unwrap_or_default();
        Ok(format!("{}/{place}", hook.tool()))
    }
}

/// A request has a deadline in whole seconds, and none that is over at once.
fn suggestions(hook: &Hook) -> Option<&Value> {
    hook.value("permission_suggestions").filter(|rules| rules.as_array().is_some_and(|rules| !rules.is_empty()))
}

fn detail(hook: &Hook) -> JsonObject {
    let fields = ["tool_name", "tool_input", "permission_mode", "permission_suggestions", "cwd"];
    let told = |most: Option<usize>| {
        let value = |field: &str| {
            let value = hook.value(field)?.clone();
            Some(match most {
                Some(most) if value.to_string().len() > most => shortened(&value.to_string(), most).into(),
                _ => value,
            })
        };
        fields.into_iter().filter_map(|field| Some((field.to_owned(), value(field)?))).collect()
    };
    JsonObject::new(told(None)).or_else(|_| JsonObject::new(told(Some(JsonObject::LIMIT / 16)))).unwrap_or_default()
}

fn verdict(decision: &Decision, hook: &Hook) -> Verdict {
    match decision.option {
        ApprovalOption::AllowOnce => Verdict::Allow(None),
        ApprovalOption::AllowAlways => Verdict::Allow(suggestions(hook).cloned()),
        ApprovalOption::RejectOnce | ApprovalOption::RejectAlways => {
            let why = decision.reason.as_ref().map(Reason::as_str).unwrap_or_default();
            Verdict::Refuse(if why.is_empty() {
                "An operator said no".to_owned()
            } else {
                format!("An operator said no: {why}")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(body: &Value) -> Hook {
        Hook::read(body.as_object().cloned().expect("an object")).expect("a hook")
    }

    #[test]
    fn the_detail_is_cut_where_it_is_too_long() {
        let long = "x".repeat(JsonObject::LIMIT);
        let body = json!({"hook_event_name": "PermissionRequest", "session_id": "s", "tool_name": "Write",
            "tool_input": {"content": long}});
        let detail = detail(&hook(&body));
        assert_eq!(detail.as_map()["tool_name"], "Write");
        assert!(detail.as_map()["tool_input"].as_str().is_some_and(|text| text.ends_with('…')));
    }
}
