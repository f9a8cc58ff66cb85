//! Starting agents.

use actix_web::HttpResponse;
use actix_web::web::Data;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::use_cases::{Authorize, NewSession, SpawnSession};

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{Spawn, SpawnBody, SpawnReply};
use crate::extract::{Body, Cap, NoParams};
use crate::problem::ApiError;

/// How agents are started.
pub(crate) struct Spawning {
    pub(crate) authorize: Authorize,
    pub(crate) spawn: SpawnSession,
}

/// Start an agent through a provider.
///
/// With an agent's key it starts below the key's session, or one below that, on the mission of its parent, and takes up no
/// conversation from elsewhere. Anything else is a 403 that names the field.
///
/// The members of `options` are put into the context, so the session shows them there.
#[utoipa::path(post, path = "/agents/spawn", operation_id = "spawnAgent", tag = "agents", security(("apiKey" = [])),
    request_body = SpawnBody,
    responses(
        (status = 201, description = "the agent is on its way", body = SpawnReply),
        (status = 400, description = "a field is wrong, the provider does not take an option, or there is no such provider"),
        (status = 403, description = "not for this key, or not at this place"),
        (status = 409, description = "a spawn fence is up, or the configuration is disabled, wants another server, or has a credential that cannot be opened"),
        (status = 502, description = "the agent did not start")))]
pub(crate) async fn spawn(
    spawning: Data<Spawning>,
    caller: Caller,
    _none: NoParams,
    body: Body<SpawnBody>,
) -> Result<HttpResponse, ApiError> {
    spawning.authorize.role(&caller.principal, Permission::Spawn)?;
    let Spawn { new, provider, prompt, parent, options } = body.read(Cap::Session).await?.into_session()?;
    let resolved = spawning.spawn.resolve(provider.as_ref(), &new.agent_type).await?;
    // A conversation that it takes up is looked for among the sessions of the provider.
    let new = NewSession { provider: resolved.provider_name.clone(), ..new };
    let resumes = resolved.provider.takes_up(&new.context);
    let allowed = spawning.authorize.spawn(&caller.principal, new, resumes).await;
    let new = allowed.map_err(|error| ApiError::from(error).parent_as(parent))?;
    let registered = to_the_end(async move { Ok(spawning.spawn.from_resolved(new, prompt, resolved).await?) });
    let registered = registered.await.map_err(|error| error.parent_as(parent).options_as(&options))?;
    Ok(HttpResponse::Created().json(SpawnReply { agent_id: *registered.session.id.as_uuid(), status: "spawning" }))
}
