//! The description of the API.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::dto::{ControlReply, ScopedReply};
use crate::handlers::{
    agent_log, agents, approvals, audit, close, commands, control, events, fleet, health, hooks, inject, kill_all,
    login, messages, missions, operations, search, spawn, status, usage,
};
use crate::problem::{FieldFault, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Flightdeck",
        description = "Mission control for fleets of AI agents. Limits: bodies 4 MiB, those of control calls and reports 64 KiB, message content 1 MiB, \
            context and metadata 256 KiB each, 1000 messages a batch, 1000 entries a page, 20000 open streams a key. \
            Everywhere possible are 413 (the body is larger than the route takes), 421 (the request went to a host that is \
            not this server's) and 503 with Retry-After (the server holds as many bodies as it may). \
            Errors are application/problem+json (RFC 9457)."
    ),
    paths(
        spawn::spawn, agents::register, agents::list, agents::tree, events::stream,
        status::read, status::report, status::heartbeat, agent_log::read,
        messages::append, messages::history, search::search, messages::stream, fleet::read, fleet::usage,
        inject::inject, control::pause, control::resume, control::interrupt, control::kill, close::close,
        kill_all::kill_all, kill_all::release, operations::list, operations::read,
        commands::list, commands::acknowledge, commands::cancel,
        approvals::ask, approvals::read, approvals::list, approvals::decide, approvals::withdraw,
        hooks::claude_code,
        usage::read, usage::set, usage::remove,
        missions::list, missions::read, missions::set_budget, missions::remove_budget,
        audit::page, audit::export, audit::verify, audit::checkpoint,
        login::login, login::open_link, login::make_link, login::logout, login::me, health::live, health::ready,
    ),
    components(schemas(Problem, FieldFault, ControlReply, ScopedReply)),
    modifiers(&Security),
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
            "X-API-Key",
            "fd_<keyid>_<secret>; Authorization: Bearer takes the same",
        )));
        let login = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "flightdeck_session_7600",
            "what POST /login gives, named after the port that the browser went to (without one at 80 and 443); every route that takes a key takes it too, and for changes also Sec-Fetch-Site: \
             same-origin, or the server's own Origin",
        )));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("apiKey", key);
        components.add_security_scheme("login", login);
    }
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
