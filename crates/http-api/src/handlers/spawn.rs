//! Agents are started.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::operator::Permission;

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{SpawnBody, SpawnReply};
use crate::extract::{Body, Cap};
use crate::problem::{ApiError, Problem};
use crate::state::Api;

/// Start an agent through a provider.
///
/// With an agent's key it starts below the key's session, or one below that, on the mission of its parent, and takes up no
/// conversation from elsewhere. Anything else is a 403 that names the field.
#[utoipa::path(post, path = "/agents/spawn", tag = "agents", security(("apiKey" = [])),
    request_body = SpawnBody,
    responses(
        (status = 201, description = "the agent is on its way", body = SpawnReply),
        (status = 400, description = "a field is wrong, or there is no such provider", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "not for this key, or not at this place", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "a spawn fence is up", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "the agent did not start", body = Problem,
            content_type = "application/problem+json")))]
pub(crate) async fn spawn(api: Data<Api>, caller: Caller, body: Body<SpawnBody>) -> Result<HttpResponse, ApiError> {
    api.authorize.role(&caller.principal, Permission::Spawn)?;
    let (new, prompt) = body.read(&api, Cap::Session).await?.into_session(&api.providers);
    let resumes = api.providers.get(&new.provider).ok().and_then(|provider| provider.takes_up(&new.context));
    let new = api.authorize.spawn(&caller.principal, new, resumes).await?;
    let registered = to_the_end(async move { Ok(api.spawn.execute(new, prompt).await?) }).await?;
    Ok(HttpResponse::Created().json(SpawnReply { agent_id: *registered.session.id.as_uuid(), status: "spawning" }))
}
