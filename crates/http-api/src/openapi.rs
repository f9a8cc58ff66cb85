//! The description of the API.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::handlers::{
    agents, approvals, audit, commands, control, events, fleet, health, inject, kill_all, messages, operations, search,
    spawn, status,
};
use crate::problem::{FieldFault, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Flightdeck",
        description = "Mission control for fleets of AI agents. Limits: bodies 4 MiB, message content 1 MiB, \
            context and metadata 256 KiB each, 1000 messages a batch, 1000 entries a page, 20000 open streams a key. \
            Errors are application/problem+json (RFC 9457)."
    ),
    paths(
        spawn::spawn, agents::register, agents::list, agents::tree, events::stream,
        status::read, status::report, status::heartbeat,
        messages::append, messages::history, search::search, messages::stream, fleet::read,
        inject::inject, control::pause, control::resume, control::interrupt, control::kill,
        kill_all::kill_all, kill_all::release, operations::list, operations::read,
        commands::list, commands::acknowledge, commands::cancel,
        approvals::ask, approvals::read, approvals::list, approvals::decide, approvals::withdraw,
        audit::page, audit::export, audit::verify, audit::checkpoint, health::live, health::ready,
    ),
    components(schemas(Problem, FieldFault)),
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
        openapi.components.get_or_insert_default().add_security_scheme("apiKey", key);
    }
}

/// The OpenAPI 3.1 document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
