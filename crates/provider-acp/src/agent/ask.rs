//! How an agent asks for permission, and gets the answer.

use std::collections::BTreeSet;

use flightdeck_agent_io::text;
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalOptions, ApprovalState, Verdict};
use flightdeck_domain::ids::ApprovalId;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::{ApprovalTitle, Reason};
use flightdeck_domain::use_cases::NewApproval;
use flightdeck_uplink::Stop;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::report::Reporter;
use super::{Agent, LOOK};
use crate::peer::Answer;
use crate::transcript::{AskedCall, Transcript, bounded};

/// Why a call has ended that an operator did not let run.
const REJECTED: &str = "rejected by an operator";
/// The same of one that nobody decided about.
const CANCELLED: &str = "cancelled before anybody decided";

/// A request that waits for a decision.
pub(super) struct Asked {
    pub(super) answer: Answer,
    /// What each option is called by the agent.
    pub(super) options: Vec<(ApprovalOption, Value)>,
    /// The call that it is about.
    pub(super) call: String,
    /// The sub-agent that asks, by the agent's id of its session.
    pub(super) sub_agent: Option<String>,
    /// Whether it belongs to the turn, and is over with it.
    pub(super) in_turn: bool,
    /// Whether it is a question, which is answered, and no request, which is decided.
    pub(super) is_question: bool,
}

impl Asked {
    /// Nobody will decide.
    pub(super) fn cancel(self) {
        self.answer.cancel();
    }
}

impl Agent<'_> {
    /// Opens a request; the agent goes on when somebody has decided.
    pub(super) async fn ask(&mut self, request: Value, answer: Answer) -> Result<(), Stop> {
        if self.turn.as_ref().is_some_and(|turn| turn.cancel_until.is_some()) {
            answer.cancel();
            return Ok(());
        }
        let sub_agent = self.sub_agent_of(&request).await?;
        let nothing = json!({});
        let call = request.get("toolCall").filter(|call| call.is_object()).unwrap_or(&nothing);
        let id = call.get("toolCallId").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
        let id = id.unwrap_or_else(|| format!("request {}", answer.id()));
        let offered: Vec<Value> = request.get("options").and_then(Value::as_array).cloned().unwrap_or_default();
        let options: Vec<(ApprovalOption, Value)> =
            offered.iter().filter_map(|offer| Some((kind(offer)?, offer.get("optionId")?.clone()))).collect();
        let (reporter, transcript) = self.voice(sub_agent.as_deref());
        let (lines, AskedCall { title, mut detail }) = transcript.asked(&id, call);
        reporter.lines(lines).await?;
        let kinds: BTreeSet<ApprovalOption> = options.iter().map(|(option, _)| *option).collect();
        let Ok(kinds) = ApprovalOptions::new(kinds) else {
            answer.cancel();
            let why = "the agent asked for permission with no option to choose from";
            return self.not_asked(&id, sub_agent.as_deref(), why).await;
        };
        if let Value::Object(map) = &mut detail {
            let names = offered.iter().map(
                |offer| json!({"id": offer.get("optionId"), "name": offer.get("name"), "kind": offer.get("kind")}),
            );
            map.insert("options".to_owned(), names.collect());
        }
        let new = NewApproval {
            id: None,
            title: approval_title(&title),
            // What is too large to be kept is shown by the tool call in the conversation.
            detail: bounded(detail),
            options: kinds,
            expires_in: None,
        };
        let in_turn = self.turn.is_some();
        let asked = Asked { answer, options, call: id, sub_agent, in_turn, is_question: false };
        self.open(new, asked).await
    }

    pub(super) async fn open(&mut self, new: NewApproval, asked: Asked) -> Result<(), Stop> {
        let ready = self.ready_until.is_none();
        let (reporter, _) = self.voice(asked.sub_agent.as_deref());
        // A session waits only from work on; what is asked outside of a turn is work, too.
        if reporter.status == SessionStatus::Idle && ready {
            reporter.see(SessionStatus::Running, Some(Reason::shortened("it asks outside of a turn"))).await?;
        }
        match reporter.uplink.open_approval(new).await? {
            Ok(opened) => {
                if reporter.status == SessionStatus::Running {
                    reporter.status = SessionStatus::Waiting;
                }
                reporter.reported = Instant::now();
                self.asked.insert(opened.approval.id, asked);
                self.asked_next = Instant::now() + LOOK;
                Ok(())
            }
            Err(refused) => {
                let Asked { answer, call, sub_agent, .. } = asked;
                answer.cancel();
                self.not_asked(&call, sub_agent.as_deref(), &format!("permission could not be asked for: {refused}"))
                    .await
            }
        }
    }

    /// A call whose request reaches nobody does not run.
    async fn not_asked(&mut self, call: &str, sub_agent: Option<&str>, why: &str) -> Result<(), Stop> {
        let (reporter, transcript) = self.voice(sub_agent);
        let lines = transcript.refused(call, "cancelled", why);
        reporter.lines(lines).await?;
        self.tell_of(why, json!({"type": "ask_refused"})).await
    }

    /// Who speaks: the agent itself, or one that works within it.
    pub(super) fn voice(&mut self, sub_agent: Option<&str>) -> (&mut Reporter, &mut Transcript) {
        match sub_agent.and_then(|id| self.sub_agents.get_mut(id)) {
            Some(sub_agent) => sub_agent.voice(),
            None => (&mut *self.reporter, &mut self.transcript),
        }
    }

    /// Whether one of them waits for no decision.
    pub(super) fn none_open(&self, sub_agent: Option<&str>) -> bool {
        !self.asked.values().any(|other| other.sub_agent.as_deref() == sub_agent)
    }

    /// Whether the agent itself waits for a decision.
    pub(super) fn asks(&self) -> bool {
        self.asked.values().any(|asked| asked.sub_agent.is_none())
    }

    /// Passes on what was decided.
    pub(super) async fn look_for_decisions(&mut self) -> Result<(), Stop> {
        let ids: Vec<ApprovalId> = self.asked.keys().copied().collect();
        for id in ids {
            let approval = self.reporter.uplink.approval(id).await?;
            if !approval.is_open()
                && let Some(asked) = self.asked.remove(&id)
            {
                self.pass_on(&approval, asked).await?;
            }
        }
        Ok(())
    }

    async fn pass_on(&mut self, approval: &Approval, asked: Asked) -> Result<(), Stop> {
        if asked.is_question {
            return self.pass_on_answer(approval, asked).await;
        }
        let Asked { answer, options, call, sub_agent, .. } = asked;
        let closing = match &approval.state {
            ApprovalState::Decided(verdict) => {
                match options.into_iter().find(|(option, _)| *option == verdict.option) {
                    Some((_, option)) => answer.choose(&option),
                    None => answer.cancel(),
                }
                rejected(verdict).map(|why| ("rejected", why))
            }
            ApprovalState::Expired { why, .. } => {
                answer.cancel();
                Some(("cancelled", format!("cancelled: {}", why.as_str().replace('_', " "))))
            }
            ApprovalState::Open => None,
        };
        let none_open = self.none_open(sub_agent.as_deref());
        let (reporter, transcript) = self.voice(sub_agent.as_deref());
        let lines = closing.map(|(status, why)| transcript.refused(&call, status, &why)).unwrap_or_default();
        reporter.lines(lines).await?;
        go_on(reporter, none_open).await
    }

    /// The agent takes back what it asked, by its own id of the request.
    pub(super) async fn taken_back(&mut self, id: &Value) -> Result<(), Stop> {
        let found = self.asked.iter().find(|(_, asked)| asked.answer.id() == id).map(|(id, _)| *id);
        match found.and_then(|id| Some((id, self.asked.remove(&id)?))) {
            Some((id, asked)) => self.take_back(id, asked).await,
            None => Ok(()),
        }
    }

    /// Nobody needs to decide any more about what the turn asked.
    pub(super) async fn take_back_asks(&mut self) -> Result<(), Stop> {
        let ids: Vec<ApprovalId> = self.asked.iter().filter(|(_, asked)| asked.in_turn).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(asked) = self.asked.remove(&id) {
                self.take_back(id, asked).await?;
            }
        }
        Ok(())
    }

    async fn take_back(&mut self, id: ApprovalId, asked: Asked) -> Result<(), Stop> {
        let Asked { answer, call, sub_agent, .. } = asked;
        answer.cancel();
        let none_open = self.none_open(sub_agent.as_deref());
        let (reporter, transcript) = self.voice(sub_agent.as_deref());
        reporter.uplink.withdraw_approval(id).await?;
        let lines = transcript.refused(&call, "cancelled", CANCELLED);
        reporter.lines(lines).await?;
        if none_open && reporter.status == SessionStatus::Waiting {
            reporter.status = SessionStatus::Running;
        }
        Ok(())
    }
}

/// Whoever closes the last open request moves the session; this is a sign of life only.
pub(super) async fn go_on(reporter: &mut Reporter, none_open: bool) -> Result<(), Stop> {
    if none_open && reporter.status == SessionStatus::Waiting {
        reporter.see(SessionStatus::Running, None).await?;
    }
    Ok(())
}

pub(super) fn approval_title(title: &str) -> ApprovalTitle {
    let title = text::one_line(title, ApprovalTitle::LIMIT);
    ApprovalTitle::new(title.clone()).unwrap_or_else(|_| ApprovalTitle::shortened(&title))
}

fn rejected(verdict: &Verdict) -> Option<String> {
    match verdict.option {
        ApprovalOption::AllowOnce | ApprovalOption::AllowAlways => None,
        ApprovalOption::RejectOnce | ApprovalOption::RejectAlways => Some(match &verdict.reason {
            Some(reason) => format!("{REJECTED}: {reason}"),
            None => REJECTED.to_owned(),
        }),
    }
}

/// What an option that the agent offers means; by its id where its kind says nothing.
fn kind(offer: &Value) -> Option<ApprovalOption> {
    let word = |name: &str| offer.get(name)?.as_str()?.parse().ok();
    word("kind").or_else(|| word("optionId"))
}
