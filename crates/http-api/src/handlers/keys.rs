//! API keys: an admin makes, lists and revokes them.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Json};
use flightdeck_domain::action::{ActionName, Origin};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::Clock;
use flightdeck_domain::use_cases::{Authorize, CreateKey, ListKeys, NewKey, RevokeKey};

use super::operator::Operator;
use super::to_the_end;
use crate::auth::{Caller, KeyRing};
use crate::dto::{ControlBody, KeyBody, KeyView, KeysView, NewKeyView};
use crate::extract::{Body, Cap, KeyPath, NoParams};
use crate::problem::ApiError;

/// The keys of the deployment, for those who manage them.
pub(crate) struct Keys {
    pub(crate) authorize: Authorize,
    pub(crate) create: CreateKey,
    pub(crate) list: ListKeys,
    pub(crate) revoke: RevokeKey,
    pub(crate) clock: Arc<dyn Clock>,
    /// Ends the streams of a key that is revoked.
    pub(crate) in_use: Arc<KeyRing>,
}

/// List all keys, oldest first, with those that have ended. No secrets: nothing reads them back.
#[utoipa::path(get, path = "/keys", operation_id = "listKeys", tag = "keys", security(("apiKey" = [])),
    responses((status = 200, description = "all of them", body = KeysView)))]
pub(crate) async fn list(keys: Data<Keys>, caller: Caller, _none: NoParams) -> Result<Json<KeysView>, ApiError> {
    keys.authorize.role(&caller.principal, Permission::ManageKeys)?;
    let (now, all) = (keys.clock.now(), keys.list.execute().await?);
    Ok(Json(KeysView { keys: all.iter().map(|key| KeyView::new(key, now)).collect() }))
}

/// Make a key. The answer shows it this once: the server keeps a hash of its secret, and can never show it again.
///
/// Nothing is kept that could repeat the answer, so `Idempotency-Key` has no effect here: a call that is sent again makes
/// another key. Revoke the one whose secret got lost.
///
/// The place of an agent's key (`sessionId`, `parentAgentId`, `missionId`) and the missions of a viewer or an operator are
/// fixed when the key is made.
#[utoipa::path(post, path = "/keys", operation_id = "createKey", tag = "keys", security(("apiKey" = [])),
    request_body = KeyBody,
    responses((status = 201, description = "the key, with its secret", body = NewKeyView),
        (status = 400, description = "a field is wrong, or does not go with the role or with the place of the session")))]
pub(crate) async fn create(
    keys: Data<Keys>,
    operator: Operator,
    _none: NoParams,
    body: Body<KeyBody>,
) -> Result<HttpResponse, ApiError> {
    // The id of the key is only known when it is made.
    operator.may_manage_keys(ActionName::KeyCreate, AuditTarget::Fleet).await?;
    let new = NewKey::try_from(body.read(Cap::Control).await?)?;
    let Origin { actor, request_id, .. } = operator.origin(None);
    let acting = keys.clone();
    let made = to_the_end(async move { Ok(acting.create.execute(new, actor, request_id).await?) });
    let (plain, key) = made.await?;
    let reply = NewKeyView::new(&plain, &key, keys.clock.now());
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(reply))
}

/// Revoke a key. Its requests are refused and its open streams end: at once on this server, and within a second or two on
/// other replicas. A second call changes nothing.
#[utoipa::path(delete, path = "/keys/{keyId}", operation_id = "revokeKey", tag = "keys", security(("apiKey" = [])),
    params(("keyId" = inline(crate::dto::texts::KeyId), Path, description = "the id of the key")),
    request_body = Option<ControlBody>,
    responses((status = 200, description = "the key as it is now", body = KeyView),
        (status = 404, description = "no such key"),
        (status = 409, description = "it is the last usable key with the role admin")))]
pub(crate) async fn revoke(
    keys: Data<Keys>,
    operator: Operator,
    _none: NoParams,
    path: KeyPath,
    body: Body<ControlBody>,
) -> Result<Json<KeyView>, ApiError> {
    let id = path.0;
    operator.may_manage_keys(ActionName::KeyRevoke, AuditTarget::Key(id.to_string())).await?;
    let reason = body.read(Cap::Control).await?.reason;
    // It can be repeated as it is, so nothing of the call is remembered.
    let origin = Origin { idempotency_key: None, ..operator.origin(reason) };
    let (acting, ended) = (keys.clone(), id.clone());
    let key = to_the_end(async move { Ok(acting.revoke.execute(id, origin).await?) }).await?;
    keys.in_use.end_key(&ended);
    Ok(Json(KeyView::new(&key, keys.clock.now())))
}
