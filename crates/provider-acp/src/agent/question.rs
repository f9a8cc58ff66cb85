//! How an agent asks a question, and gets the answer: an approval with a form.

use flightdeck_agent_io::text;
use flightdeck_domain::approval::{Approval, ApprovalOption, ApprovalOptions, ApprovalState, Form};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::use_cases::NewApproval;
use flightdeck_uplink::Stop;
use serde_json::{Map, Value, json};

use super::Agent;
use super::ask::{Asked, approval_title, go_on};
use crate::peer::Answer;
use crate::transcript::line;

impl Agent<'_> {
    /// Opens a question; the agent goes on when somebody has answered it.
    pub(super) async fn elicit(&mut self, request: Value, answer: Answer) -> Result<(), Stop> {
        if self.turn.as_ref().is_some_and(|turn| turn.cancel_until.is_some()) {
            answer.cancel();
            return Ok(());
        }
        let sub_agent = self.sub_agent_of(&request).await?;
        let word = |name: &str| request.get(name).and_then(Value::as_str);
        let message =
            word("message").filter(|message| !message.trim().is_empty()).unwrap_or("the agent asks a question");
        let form = request.get("requestedSchema").filter(|schema| schema.is_object());
        let url = word("url");
        let mut detail = json!({"message": message, "toolCallId": word("toolCallId"), "url": url});
        if let (Value::Object(detail), Some(form)) = (&mut detail, form) {
            detail.insert(Form::KEY.to_owned(), form.clone());
        }
        let detail: Result<JsonObject, _> = serde_json::from_value(detail);
        let options = ApprovalOptions::new([ApprovalOption::AllowOnce, ApprovalOption::RejectOnce]);
        let (Ok(detail), Ok(options), true) = (detail, options, form.is_some() || url.is_some()) else {
            answer.decline();
            let text = format!("the agent asked a question that cannot be shown, and was declined: {message}");
            return self.tell_of(&text, json!({"type": "question_declined"})).await;
        };
        let (reporter, transcript) = self.voice(sub_agent.as_deref());
        let mut lines = transcript.flush();
        lines.extend(line(MessageRole::Assistant, message, json!({"type": "question", "form": form, "url": url})));
        reporter.lines(lines).await?;
        let new = NewApproval { id: None, title: approval_title(message), detail, options, expires_in: None };
        let in_turn = self.turn.is_some();
        let call = format!("question {}", answer.id());
        let asked = Asked { answer, options: Vec::new(), call, sub_agent, in_turn, is_question: true };
        self.open(new, asked).await
    }

    /// Passes on what was answered.
    pub(super) async fn pass_on_answer(&mut self, approval: &Approval, asked: Asked) -> Result<(), Stop> {
        let Asked { answer, sub_agent, .. } = asked;
        let told = match &approval.state {
            ApprovalState::Decided(verdict) => {
                let allows = matches!(verdict.option, ApprovalOption::AllowOnce | ApprovalOption::AllowAlways);
                if allows {
                    let content = verdict.answer.clone().map(Map::from).unwrap_or_default();
                    let content = Value::Object(content);
                    answer.accept(&content);
                    format!("an operator answered: {}", text::shown(&content.to_string(), Form::LONGEST_ANSWER))
                } else {
                    answer.decline();
                    let why = verdict.reason.as_ref().map(|reason| format!(": {reason}"));
                    format!("an operator declined to answer{}", why.unwrap_or_default())
                }
            }
            ApprovalState::Expired { .. } | ApprovalState::Open => {
                answer.cancel();
                "nobody answered".to_owned()
            }
        };
        let none_open = self.none_open(sub_agent.as_deref());
        let (reporter, _) = self.voice(sub_agent.as_deref());
        if let Some(line) = line(MessageRole::System, told, json!({"type": "answer"})) {
            reporter.line(line).await?;
        }
        go_on(reporter, none_open).await
    }
}
