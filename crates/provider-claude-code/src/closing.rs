//! Calls that never ran, or whose result nobody will tell: they are closed in the conversation, with who saw to it.

use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::ports::{HookError, StoreUnavailable};
use flightdeck_domain::session::Session;
use serde_json::{Map, Value, json};

use crate::hook::{Event, Hook};
use crate::open::{Calls, key};
use crate::record::Record;
use crate::said::result;

/// How far back an interrupted turn, and the call that a dialog is about, are looked for.
const LOOK_BACK: usize = 50;
/// How far back calls without a result are looked for, in pages: a turn that ends waits for nothing here.
const PAGES: usize = 4;

impl Record<'_> {
    /// Closes the call that this hook is about: it was not let through.
    pub(crate) async fn denied(&self, session: &Session, hook: &Hook, why: &str) -> Result<(), HookError> {
        let call = match hook.event {
            Event::PermissionRequest => self.call_of(session, hook).await?,
            _ => Some(call_in(&hook.body)),
        };
        let Some(data) = call else { return Ok(()) };
        let metadata = json!({"type": "tool_denied", "failed": true, "by": "operator", "data": data});
        let once = format!("denied/{}", key(&data));
        self.note(session.id, &once, (MessageRole::Tool, &format!("denied: {why}")), metadata).await
    }

    /// The call that a permission dialog is about. The dialog does not name it, but the hook before did.
    pub(crate) async fn call_of(
        &self,
        session: &Session,
        hook: &Hook,
    ) -> Result<Option<Map<String, Value>>, StoreUnavailable> {
        if hook.text("tool_use_id").is_some() {
            return Ok(Some(call_in(&hook.body)));
        }
        let asked = (hook.value("tool_name"), hook.value("tool_input"));
        let recent = self.newest(session, LOOK_BACK).await?;
        let calls = recent.iter().rev().filter_map(|message| {
            let metadata = message.metadata.as_map();
            metadata.get("data").filter(|_| metadata.get("type").is_some_and(|kind| kind == "tool_call"))?.as_object()
        });
        let mut of = calls.filter(|data| (data.get("tool_name"), data.get("tool_input")) == asked);
        Ok(of.next().map(call_in))
    }

    /// Notes that a turn was broken off, so that what else the model had asked for in it does not run either.
    pub(crate) async fn interrupted(
        &self,
        session: &Session,
        hook: &Hook,
        by: CommandSeq,
        words: &str,
    ) -> Result<(), HookError> {
        if hook.event.is_before_a_tool() {
            self.denied(session, hook, words).await?;
        }
        let turn = hook.text("prompt_id").unwrap_or_default();
        let metadata = json!({"type": "interrupted", "words": words, "data": {"prompt_id": turn}});
        let once = format!("interrupted/{by}/{turn}");
        self.note(session.id, &once, (MessageRole::System, words), metadata).await
    }

    /// The words of the interrupt that broke off the turn which this hook belongs to, if one did.
    pub(crate) async fn interrupt_of(
        &self,
        session: &Session,
        hook: &Hook,
    ) -> Result<Option<String>, StoreUnavailable> {
        let turn = hook.text("prompt_id").unwrap_or_default();
        for message in self.newest(session, LOOK_BACK).await?.iter().rev() {
            let metadata = message.metadata.as_map();
            let of = metadata.get("data").and_then(|data| data.get("prompt_id")).and_then(Value::as_str);
            match metadata.get("type").and_then(Value::as_str).unwrap_or_default() {
                "interrupted" if of == Some(turn) => {
                    return Ok(metadata.get("words").and_then(Value::as_str).map(ToOwned::to_owned));
                }
                "prompt" | "answer" | "interrupted" => return Ok(None),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Closes the calls of a session that, as this hook shows, will have no result of their own: they were denied at the
    /// terminal, or broken off.
    pub(crate) async fn close(&self, session: &Session, hook: &Hook) -> Result<(), HookError> {
        match hook.event {
            Event::PostToolBatch => {
                let calls = hook.value("tool_calls").and_then(Value::as_array).into_iter().flatten();
                let calls: Vec<&Map<String, Value>> = calls.filter_map(Value::as_object).collect();
                let open = Calls::of(self.messages, session, PAGES).await?.open;
                for call in calls {
                    if open.iter().any(|open| open.key == key(call)) {
                        self.closed(session, &call_in(call), &result(call.get("tool_response"))).await?;
                    }
                }
            }
            Event::Stop | Event::SubagentStop | Event::StopFailure | Event::UserPromptSubmit => {
                let turn = hook.text("prompt_id").filter(|_| hook.event == Event::UserPromptSubmit);
                if hook.event == Event::UserPromptSubmit && turn.is_none() {
                    return Ok(());
                }
                for open in Calls::of(self.messages, session, PAGES).await?.open {
                    if turn.is_none() || turn != open.turn.as_deref() {
                        self.closed(session, &open.data, "no result was told: it was denied, or broken off").await?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn closed(&self, session: &Session, data: &Map<String, Value>, words: &str) -> Result<(), HookError> {
        let metadata = json!({"type": "tool_denied", "failed": true, "data": data});
        // A result that comes late after all has an id of its own.
        self.note(session.id, &format!("closed/{}", key(data)), (MessageRole::Tool, words), metadata).await
    }
}

/// What names a call.
pub(crate) fn call_in(data: &Map<String, Value>) -> Map<String, Value> {
    let named = data.get("tool_use_id").is_some();
    let fields: &[&str] = if named { &["tool_name", "tool_use_id", "prompt_id"] } else { &["tool_name", "tool_input"] };
    fields.iter().filter_map(|field| Some(((*field).to_owned(), data.get(*field)?.clone()))).collect()
}
