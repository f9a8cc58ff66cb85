//! The description of the API.
//!
//! Each handler describes its own route: what it takes, and how its call can end. `common` adds what applies to all
//! routes, so that a new route cannot forget it. `tests` checks the whole against the rules that generators of clients
//! need.

mod common;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use common::Common;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::dto::{ControlReply, FleetEventView, MessageBody, MessageView, ScopedReply, texts, words};
use crate::extract::NoParams;
use crate::handlers::{
    agent_log, agents, approvals, assignments, audit, changes, close, commands, configure, control, events, fleet,
    health, hooks, inject, keys, kill_all, login, messages, metrics, missions, operations, providers, push, rendered,
    retention, runners, search, sinks, spawn, status, telemetry, usage,
};
use crate::problem::{FieldFault, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Flightdeck",
        description = "Mission control for fleets of AI agents. Limits: bodies 4 MiB, those of control calls and reports 64 KiB, message content 1 MiB, \
            context and metadata 256 KiB each, 1000 messages a batch, 1000 entries a page, 20000 open streams a key. \
            A path that is there answers another method with 405 and `Allow`. `GET` routes answer `HEAD`. \
            Errors are application/problem+json (RFC 9457)."
    ),
    paths(
        spawn::spawn, agents::register, agents::list, agents::tree, events::stream,
        status::read, status::report, status::heartbeat, agent_log::read, changes::read, changes::report,
        messages::append, messages::history, search::search, rendered::list, messages::stream, fleet::read, fleet::usage,
        providers::list, providers::create, providers::read, providers::set, providers::remove, providers::test,
        runners::list, runners::waiting, runners::read, runners::drain, runners::undrain, runners::remove,
        assignments::join, assignments::lease, assignments::start, assignments::leave,
        inject::inject, configure::configure, control::pause, control::resume, control::interrupt, control::kill, close::close,
        kill_all::kill_all, kill_all::release, operations::list, operations::read,
        commands::list, commands::read, commands::acknowledge, commands::cancel,
        approvals::ask, approvals::read, approvals::list, approvals::decide, approvals::withdraw,
        hooks::claude_code,
        telemetry::traces, telemetry::logs, telemetry::metrics,
        usage::read, usage::read_many, usage::set, usage::remove,
        missions::list, missions::read, missions::set_budget, missions::remove_budget, missions::switch_guard,
        push::list, push::create, push::remove,
        retention::read, retention::set, retention::plan,
        sinks::list, sinks::create, sinks::read, sinks::set, sinks::remove, sinks::test, sinks::dead_letters, sinks::resend,
        keys::list, keys::create, keys::revoke,
        audit::page, audit::export, audit::verify, audit::checkpoint,
        login::login, login::open_link, login::make_link, login::logout, login::me, health::live, health::ready, metrics::read,
        describe,
    ),
    components(schemas(
        Problem, FieldFault, telemetry::RpcStatus, ControlReply, ScopedReply, words::FollowedType, words::ControlScope, MessageBody, MessageView<'_>, FleetEventView<'_>,
    )),
    tags(
        (name = "agents", description = "Sessions of agents: register and spawn them, list them, see their tree, and follow the fleet."),
        (name = "providers", description = "What runs agents, and its configurations. Credentials are written and never read back."),
        (name = "runners", description = "Programs on other machines that start agents, and the protocol that they speak."),
        (name = "messages", description = "Conversations: append, read, search and follow them."),
        (name = "control", description = "An operator steps in: messages, pauses, interrupts, kills. Each call is on the audit log."),
        (name = "operations", description = "What control calls asked for, and the proof of what became of it."),
        (name = "commands", description = "The agent's side of control: what waits for it, and what it says of that."),
        (name = "approvals", description = "Permission requests: an agent asks, an operator decides."),
        (name = "hooks", description = "Hooks of agents that people run by themselves."),
        (name = "telemetry", description = "OpenTelemetry over HTTP: what agents and their libraries send to a collector."),
        (name = "usage", description = "What agents used, what they may use, and missions as a whole."),
        (name = "audit", description = "The record of all control, and its proof."),
        (name = "retention", description = "How long what has ended is kept, before its conversation goes to the archive."),
        (name = "sinks", description = "What must reach a person or a system outside: where it goes, how far it is, and what did not arrive."),
        (name = "keys", description = "Who may do what: an admin makes and revokes keys."),
        (name = "login", description = "How a browser gets to act as a key without having it."),
        (name = "health", description = "Whether the server lives and is ready."),
        (name = "description", description = "The API's own description."),
    ),
    modifiers(&Security, &Common),
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let key =
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-API-Key", "fd_<keyid>_<secret>")));
        let login = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "flightdeck_session_7600",
            "what POST /login gives, named after the port that the browser went to (without one at 80 and 443); every route that takes a key takes it too, and for changes also Sec-Fetch-Site: \
             same-origin, or the server's own Origin",
        )));
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("the same key"));
        components.add_security_scheme("apiKey", key);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("login", login);
    }
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// The description of the API, as OpenAPI 3.1.
///
/// It is made at the first request, so a server that nobody asks for it spends no time and memory on it.
#[utoipa::path(get, path = "/openapi.json", operation_id = "getOpenApi", tag = "description",
    responses((status = 200, description = "the document", body = inline(texts::JsonObject))))]
pub(crate) async fn describe(_none: NoParams) -> HttpResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi().to_json().unwrap_or_default()));
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}
