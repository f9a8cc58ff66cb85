//! Agents are started.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::operator::Permission;

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{SpawnBody, SpawnReply};
use crate::extract::{Body, Cap, NoParams};
use crate::problem::ApiError;
use crate::state::Api;

/// Start an agent through a provider.
///
/// With an agent's key it starts below the key's session, or one below that, on the mission of its parent, and takes up no
/// conversation from elsewhere. Anything else is a 403 that names the field.
#[utoipa::path(post, path = "/agents/spawn", operation_id = "spawnAgent", tag = "agents", security(("apiKey" = [])),
    request_body = SpawnBody,
    responses(
        (status = 201, description = "the agent is on its way", body = SpawnReply),
        (status = 400, description = "a field is wrong, or there is no such provider"),
        (status = 403, description = "not for this key, or not at this place"),
        (status = 409, description = "a spawn fence is up"),
        (status = 502, description = "the agent did not start")))]
pub(crate) async fn spawn(
    api: Data<Api>,
    caller: Caller,
    _none: NoParams,
    body: Body<SpawnBody>,
) -> Result<HttpResponse, ApiError> {
    api.authorize.role(&caller.principal, Permission::Spawn)?;
    let (new, prompt, parent) = body.read(&api, Cap::Session).await?.into_session(&api.providers)?;
    let resumes = api.providers.get(&new.provider).ok().and_then(|provider| provider.takes_up(&new.context));
    let allowed = api.authorize.spawn(&caller.principal, new, resumes).await;
    let new = allowed.map_err(|error| ApiError::from(error).parent_as(parent))?;
    let registered = to_the_end(async move { Ok(api.spawn.execute(new, prompt).await?) });
    let registered = registered.await.map_err(|error| error.parent_as(parent))?;
    Ok(HttpResponse::Created().json(SpawnReply { agent_id: *registered.session.id.as_uuid(), status: "spawning" }))
}
