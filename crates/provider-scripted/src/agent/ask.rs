//! How an agent asks for permission, and waits for the answer.

use std::time::Duration;

use flightdeck_domain::approval::{Approval, ApprovalState, ExpiryReason, Verdict};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MessageContent;
use flightdeck_domain::use_cases::NewApproval;
use serde_json::json;
use tokio::time::Instant;

use super::obey::SIGN_OF_LIFE;
use super::{Agent, metadata};
use crate::script::Question;
use flightdeck_uplink::Stop;

/// How often a waiting agent looks whether somebody has decided.
const LOOK: Duration = Duration::from_millis(500);

impl Agent {
    /// Asks, waits until the request is closed, says how, and goes on; meanwhile it can be paused, spoken to and killed.
    /// A refusal to open the request is told and is no reason to stop.
    pub(super) async fn ask(&mut self, question: &Question) -> Result<(), Stop> {
        let new = NewApproval {
            id: None,
            title: question.title.clone(),
            detail: question.detail.clone(),
            options: question.options.clone(),
            expires_in: question.expires_in,
        };
        let approval = match self.uplink.open_approval(new).await? {
            Ok(opened) => opened.approval,
            Err(refused) => {
                let text = format!("could not ask for permission: {refused}");
                let Ok(text) = MessageContent::new(text) else { return Ok(()) };
                return self.tell(MessageRole::System, text, metadata(json!({"type": "ask_refused"}))).await;
            }
        };
        self.status = SessionStatus::Waiting;
        self.reported = Instant::now();
        self.asking = Some(approval.id);
        let closed = self.answer_of(approval).await?;
        self.asking = None;
        // Usually a sign of life only: whoever closes the last open request moves the session too.
        self.see(SessionStatus::Running, None).await?;
        let Ok(text) = MessageContent::new(told(&closed)) else { return Ok(()) };
        let about = json!({"type": "approval", "approvalId": closed.id, "status": closed.status()});
        self.tell(MessageRole::Assistant, text, metadata(about)).await
    }

    async fn answer_of(&mut self, mut approval: Approval) -> Result<Approval, Stop> {
        let mut alive = Instant::now();
        while approval.is_open() {
            self.boundary().await?;
            self.rest(Some(Instant::now() + LOOK)).await?;
            if alive.elapsed() >= SIGN_OF_LIFE {
                self.uplink.heartbeat().await?;
                alive = Instant::now();
            }
            // To report `waiting` here could undo what a decision has just done.
            self.reported = Instant::now();
            approval = self.uplink.approval(approval.id).await?;
        }
        // A pause may have come together with the answer.
        self.boundary().await?;
        match approval.state {
            ApprovalState::Expired { why: ExpiryReason::SessionEnded, .. } => Err(Stop::Closed),
            _ => Ok(approval),
        }
    }
}

fn told(approval: &Approval) -> String {
    match &approval.state {
        ApprovalState::Decided(Verdict { option, by, reason, .. }) => {
            let may = if option.allows() { "I may" } else { "I may not" };
            let because = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{may} ({option} by {by}{because}): {}", approval.title)
        }
        ApprovalState::Expired { why: ExpiryReason::Withdrawn, .. } => {
            format!("It was taken back, so I leave it: {}", approval.title)
        }
        ApprovalState::Open | ApprovalState::Expired { .. } => {
            format!("Nobody decided in time, so I leave it: {}", approval.title)
        }
    }
}
