//! How an agent asks for permission, and gets the answer.

use std::collections::BTreeSet;

use agent_client_protocol::v1::schema::{
    PermissionOptionId, PermissionOptionKind, RequestPermissionOutcome, RequestPermissionRequest,
    SelectedPermissionOutcome,
};
use flightdeck_domain::approval::{ApprovalOption, ApprovalOptions, ApprovalState};
use flightdeck_domain::ids::ApprovalId;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{ApprovalTitle, JsonObject};
use flightdeck_domain::use_cases::NewApproval;
use flightdeck_uplink::Stop;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Agent, LOOK};
use crate::peer::Answer;
use crate::transcript::{line, tool};

/// A request that waits for a decision.
pub(super) struct Asked {
    answer: Answer,
    /// What each option is called by the agent.
    options: Vec<(ApprovalOption, PermissionOptionId)>,
}

impl Asked {
    /// Nobody will decide.
    pub(super) fn cancel(self) {
        self.answer.cancel();
    }
}

impl Agent<'_> {
    /// Opens a request; the agent goes on when somebody has decided.
    pub(super) async fn ask(&mut self, request: RequestPermissionRequest, answer: Answer) -> Result<(), Stop> {
        let cancelled = self.turn.as_ref().is_none_or(|turn| turn.cancel_until.is_some());
        let options: Vec<_> =
            request.options.iter().filter_map(|o| Some((option(o.kind)?, o.option_id.clone()))).collect();
        let offered: BTreeSet<ApprovalOption> = options.iter().map(|(option, _)| *option).collect();
        let Ok(offered) = ApprovalOptions::new(offered) else {
            answer.cancel();
            return self.told("asked for permission with no option to choose from").await;
        };
        if cancelled {
            answer.cancel();
            return Ok(());
        }
        let id = request.tool_call.tool_call_id.to_string();
        let mut detail = tool::asked(&id, &request.tool_call.fields);
        if let Value::Object(map) = &mut detail {
            let names = request.options.iter().map(|o| json!({"id": o.option_id, "name": o.name, "kind": o.kind}));
            map.insert("options".to_owned(), names.collect());
        }
        let title = request.tool_call.fields.title.unwrap_or_else(|| "use a tool".to_owned());
        let new = NewApproval {
            id: None,
            title: ApprovalTitle::shortened(&title),
            // Too large to be kept: the tool call in the conversation shows it.
            detail: serde_json::from_value(detail).unwrap_or_else(|_too_large| JsonObject::default()),
            options: offered,
            expires_in: None,
        };
        match self.reporter.uplink.open_approval(new).await? {
            Ok(opened) => {
                self.asked.insert(opened.approval.id, Asked { answer, options });
                self.asked_next = Instant::now() + LOOK;
                self.reporter.status = SessionStatus::Waiting;
                self.reporter.reported = Instant::now();
                Ok(())
            }
            Err(refused) => {
                answer.cancel();
                self.told(&format!("could not ask for permission: {refused}")).await
            }
        }
    }

    async fn told(&mut self, text: &str) -> Result<(), Stop> {
        match line(MessageRole::System, text, json!({"type": "ask_refused"})) {
            Some(line) => self.reporter.line(line).await,
            None => Ok(()),
        }
    }

    /// Passes on what was decided.
    pub(super) async fn look_for_decisions(&mut self) -> Result<(), Stop> {
        let ids: Vec<ApprovalId> = self.asked.keys().copied().collect();
        for id in ids {
            let approval = self.reporter.uplink.approval(id).await?;
            if approval.is_open() {
                continue;
            }
            let Some(Asked { answer, options }) = self.asked.remove(&id) else { continue };
            let chosen = match &approval.state {
                ApprovalState::Decided(verdict) => options.into_iter().find(|(option, _)| *option == verdict.option),
                _ => None,
            };
            answer.give(chosen.map_or(RequestPermissionOutcome::Cancelled, |(_, id)| {
                RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(id))
            }));
            // Whoever closes the last open request moves the session; this is a sign of life only.
            if self.asked.is_empty() && self.reporter.status == SessionStatus::Waiting {
                self.reporter.see(SessionStatus::Running, None).await?;
            }
        }
        Ok(())
    }

    /// Nobody needs to decide any more.
    pub(super) async fn take_back_asks(&mut self) -> Result<(), Stop> {
        for (id, asked) in std::mem::take(&mut self.asked) {
            asked.cancel();
            self.reporter.uplink.withdraw_approval(id).await?;
        }
        if self.reporter.status == SessionStatus::Waiting {
            self.reporter.status = SessionStatus::Running;
        }
        Ok(())
    }
}

const fn option(kind: PermissionOptionKind) -> Option<ApprovalOption> {
    match kind {
        PermissionOptionKind::AllowOnce => Some(ApprovalOption::AllowOnce),
        PermissionOptionKind::AllowAlways => Some(ApprovalOption::AllowAlways),
        PermissionOptionKind::RejectOnce => Some(ApprovalOption::RejectOnce),
        PermissionOptionKind::RejectAlways => Some(ApprovalOption::RejectAlways),
        _ => None,
    }
}
