//! The hooks of agents that people start themselves.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Json};
use flightdeck_domain::operator::{Permission, Role};
use flightdeck_domain::ports::{HookCall, HookReceiver};
use flightdeck_domain::use_cases::Authorize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::dto::{texts, words};
use crate::extract::{Hook, HookBody, Params};
use crate::problem::ApiError;

/// How long an answer is held back by default.
const HOLD: Duration = Duration::from_secs(50);
/// The longest time that an answer can be held back.
const MOST_HOLD: Duration = Duration::from_mins(10);

/// The receiver of hooks.
pub(crate) struct Hooks {
    pub(crate) authorize: Authorize,
    /// `None` if this server accepts none.
    pub(crate) claude_code: Option<Arc<dyn HookReceiver>>,
}

/// What happens to a call while the store is not available.
struct WhenAway {
    deny: bool,
}

impl FromStr for WhenAway {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, &'static str> {
        match word {
            "allow" => Ok(Self { deny: false }),
            "deny" => Ok(Self { deny: true }),
            _ => Err("use allow or deny"),
        }
    }
}

/// A hook's body as Claude Code sends it. What is not listed here is kept as it came.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Claude Code sends; every body is read as far as possible")]
pub(crate) struct ClaudeCodeHook {
    /// Which hook it is.
    #[schema(min_length = 1)]
    hook_event_name: String,
    /// Claude Code's own id of the session.
    #[schema(min_length = 1)]
    session_id: String,
}

/// Take in a hook of Claude Code, and answer it.
///
/// The body is what Claude Code sends to an HTTP hook, unchanged: any object with `hook_event_name` and `session_id`; fields
/// and events that are not known are kept as data. Sessions and sub-agents appear in the tree with ids that follow from
/// Claude Code's own; prompts, tool calls and results are messages. The answer is Claude Code's own form of a hook's output.
/// While a pause or an open permission request holds the agent, the answer is held back for as long as `hold` says: give the
/// hook a timeout that is a few seconds longer.
///
/// No body is refused for what is malformed in it, or for its length: what cannot be read is left out. Of a hook that does not
/// say whose it is, or what it is about, the answer is a refusal while anything that covers it is stopped or held.
#[utoipa::path(post, path = "/hooks/claude-code", operation_id = "handleClaudeCodeHook", tag = "hooks", security(("apiKey" = [])),
    params(
        ("hold" = inline(Option<texts::SpanTo600>), Query, description = "how long the answer may be held back; 50s when missing"),
        ("missionId" = inline(Option<texts::MissionId>), Query, description = "the mission of a session that appears by this hook"),
        ("taskId" = inline(Option<texts::TaskId>), Query,
            description = "its work item; the name of the folder that Claude Code works in when missing"),
        ("unavailable" = inline(Option<words::WhenAway>), Query,
            description = "`deny`: while the store cannot be asked, what the agent is about to do is refused; `allow` when missing")),
    request_body(content = ClaudeCodeHook, content_type = "application/json",
        example = json!({"hook_event_name": "SessionStart", "session_id": "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11"})),
    responses((status = 200, description = "the hook's output, for Claude Code", body = inline(texts::JsonObject)),
        (status = 400, description = "not the body of a hook"),
        (status = 403, description = "the session is outside of the subtree of this key, or the key has missions"),
        (status = 404, description = "this server takes no hooks")))]
pub(crate) async fn claude_code(
    hooks: Data<Hooks>,
    caller: Caller,
    mut params: Params,
    hook: Hook,
) -> Result<Json<Value>, ApiError> {
    let hold = params.span("hold", MOST_HOLD).unwrap_or(HOLD);
    let mission_id = params.take("missionId");
    let task_id = params.take("taskId");
    let deny_when_away = params.take("unavailable").is_some_and(|WhenAway { deny }| deny);
    params.finish()?;
    let principal = &caller.principal;
    for permission in [Permission::Spawn, Permission::Report] {
        hooks.authorize.role(principal, permission).map_err(|denied| ApiError::Denied(denied.to_string()))?;
    }
    if principal.missions.is_some() {
        let detail = "a key with missions takes no hooks; make an agent's key (role agent) for the session";
        return Err(ApiError::Denied(detail.to_owned()));
    }
    let bound_to = match (principal.role, principal.bound_to) {
        (Role::Agent, None) => return Err(ApiError::Denied("this agent key is bound to no session".to_owned())),
        (_, bound_to) => bound_to,
    };
    let claude_code = hooks.claude_code.as_ref().ok_or_else(|| ApiError::NoRoute("/hooks/claude-code".to_owned()))?;
    // Not to its end whatever happens: when nobody waits for the answer any more, nothing must be said to have arrived.
    let HookBody { object: body, unread } = hook.read().await;
    let call = HookCall { body, unread, hold, deny_when_away, bound_to, mission_id, task_id };
    Ok(Json(claude_code.take(call).await?))
}
