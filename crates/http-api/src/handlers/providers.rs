//! The providers, and their configurations.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::provider_config::{ConfigName, ConfigRefused, Expected, ProviderConfig};
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{
    Authorize, DescribedConfig, ManageProviderError, ManageProviders, NameKeys, Providers, ReadProviderConfigs,
};

use super::fleet::may_read;
use super::operator::Operator;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{
    ControlBody, ProviderBody, ProviderConfigView, ProviderTrialView, ProviderView, ProvidersView, texts,
};
use crate::extract::{Body, Cap, IfMatch, NoParams, ProviderPath};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// The providers, and who may see and change their configurations.
pub(crate) struct Offers {
    pub(crate) authorize: Authorize,
    pub(crate) providers: Providers,
    pub(crate) read: ReadProviderConfigs,
    pub(crate) manage: ManageProviders,
    pub(crate) names: NameKeys,
}

/// The providers of this server and their configurations: which agents they start, and what can be asked of these.
///
/// Replicas that are configured otherwise have other providers, and other configurations of the source `file`.
#[utoipa::path(get, path = "/providers", operation_id = "listProviders", tag = "providers", security(("apiKey" = [])),
    responses((status = 200, description = "all of them, sorted by name", body = ProvidersView)))]
pub(crate) async fn list(
    offers: Data<Offers>,
    caller: Caller,
    _none: NoParams,
) -> Result<Json<ProvidersView>, ApiError> {
    may_read(&offers.authorize, &caller)?;
    let schema = |name: &ProviderName| offers.providers.kind(name).ok().map(|kind| kind.schema());
    let kinds = offers.providers.offers().into_iter();
    let providers = kinds.map(|offer| ProviderView::new(schema(&offer.name), offer)).collect();
    let configurations = offers.read.list().await?;
    let names = offers.names.of(configurations.iter().filter_map(changed_by)).await;
    let configurations = configurations.into_iter().map(|config| ProviderConfigView::new(config, &names)).collect();
    Ok(Json(ProvidersView { providers, configurations }))
}

/// Make a configuration of a provider. Credentials are sealed, and never given back.
#[utoipa::path(post, path = "/providers", operation_id = "createProvider", tag = "providers", security(("apiKey" = [])),
    request_body = ProviderBody,
    responses(
        (status = 201, description = "it was made; `ETag` has its revision", body = ProviderConfigView),
        (status = 400, description = "a field is wrong: the settings do not fit the schema of the kind, or there is no such kind on this server"),
        (status = 409, description = "there is one of this name, or it is in the server's file")))]
pub(crate) async fn create(
    offers: Data<Offers>,
    operator: Operator,
    _none: NoParams,
    body: Body<ProviderBody>,
) -> Result<HttpResponse, ApiError> {
    // Who it is about is only known with the body, and that is read for those alone who may do this.
    operator.may_manage_providers(ActionName::ProviderSet, AuditTarget::Fleet).await?;
    let (name, new, reason) = body.read(Cap::Session).await?.into_config()?;
    let name = name.ok_or_else(|| ApiError::field("/name", "is missing"))?;
    let origin = operator.origin(reason);
    let acting = offers.clone();
    let made = to_the_end(async move {
        let made = acting.manage.set(name, new, Expected::Absent, origin).await?;
        Ok(acting.read.describe(made))
    });
    Ok(with_tag(&offers, HttpResponse::Created(), made.await?).await)
}

/// A configuration of a provider. Of its credentials only the names.
#[utoipa::path(get, path = "/providers/{name}", operation_id = "getProvider", tag = "providers", security(("apiKey" = [])),
    params(("name" = inline(texts::ConfigName), Path, description = "the configuration")),
    responses(
        (status = 200, description = "the configuration; `ETag` has its revision", body = ProviderConfigView),
        (status = 404, description = "no such configuration")))]
pub(crate) async fn read(
    offers: Data<Offers>,
    caller: Caller,
    _none: NoParams,
    path: ProviderPath,
) -> Result<HttpResponse, ApiError> {
    may_read(&offers.authorize, &caller)?;
    let found = offers.read.get(&path.0).await?.ok_or_else(|| ApiError::no_provider(&path.0))?;
    Ok(with_tag(&offers, HttpResponse::Ok(), found).await)
}

/// Change a configuration, or make it where there is none. It counts for the next agent on every server; agents at work keep
/// what they were started with.
///
/// The body is the whole configuration. Credentials that it does not name stay; `null` removes one.
#[utoipa::path(put, path = "/providers/{name}", operation_id = "setProvider", tag = "providers", security(("apiKey" = [])),
    params(("name" = inline(texts::ConfigName), Path, description = "the configuration"),
        ("If-Match" = Option<String>, Header, description = "the revision that is changed, as `ETag` gave it; none to make a configuration")),
    request_body = ProviderBody,
    responses(
        (status = 200, description = "it was changed; `ETag` has its revision", body = ProviderConfigView),
        (status = 201, description = "it was made; `ETag` has its revision", body = ProviderConfigView),
        (status = 400, description = "a field is wrong"),
        (status = 409, description = "it is in the server's file, or has another kind"),
        (status = 412, description = "it has another revision, or is gone"),
        (status = 428, description = "there is one, and `If-Match` is missing")))]
pub(crate) async fn set(
    offers: Data<Offers>,
    operator: Operator,
    _none: NoParams,
    path: ProviderPath,
    known: IfMatch,
    body: Body<ProviderBody>,
) -> Result<HttpResponse, ApiError> {
    let name = path.0;
    operator.may_manage_providers(ActionName::ProviderSet, AuditTarget::Provider(name.clone())).await?;
    let (named, new, reason) = body.read(Cap::Session).await?.into_config()?;
    if named.is_some_and(|named| named != name) {
        return Err(ApiError::field("/name", "is not the name in the path; a configuration keeps its name"));
    }
    let expected = known.0.map_or(Expected::Absent, Expected::Revision);
    let origin = operator.origin(reason);
    let acting = offers.clone();
    let set = to_the_end(async move {
        match acting.manage.set(name.clone(), new, expected, origin).await {
            Ok(config) => Ok(acting.read.describe(config)),
            Err(error) => Err(conditional(error, &name)),
        }
    });
    let set = set.await?;
    let status = if set.config.revision == 1 { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(with_tag(&offers, status, set).await)
}

/// What a change that did not hold comes to, for one who names a configuration in the path.
fn conditional(error: ManageProviderError, name: &ConfigName) -> ApiError {
    match error {
        ManageProviderError::Refused(refused @ ConfigRefused::Exists { .. }) => {
            ApiError::ConditionMissing(refused.to_string())
        }
        ManageProviderError::Refused(ConfigRefused::Unknown(_)) => ApiError::Stale(format!(
            "there is no provider configuration {name} any more; leave If-Match out to make it"
        )),
        error => error.into(),
    }
}

/// Remove a stored configuration. Agents that were started from it go on.
#[utoipa::path(delete, path = "/providers/{name}", operation_id = "removeProvider", tag = "providers", security(("apiKey" = [])),
    params(("name" = inline(texts::ConfigName), Path, description = "the configuration"),
        ("If-Match" = String, Header, description = "the revision that is removed, as `ETag` gave it")),
    request_body = Option<ControlBody>,
    responses(
        (status = 200, description = "the configuration as it was", body = ProviderConfigView),
        (status = 404, description = "no such configuration"),
        (status = 409, description = "it is in the server's file"),
        (status = 412, description = "it has another revision"),
        (status = 428, description = "`If-Match` is missing")))]
pub(crate) async fn remove(
    offers: Data<Offers>,
    operator: Operator,
    _none: NoParams,
    path: ProviderPath,
    known: IfMatch,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    let name = path.0;
    operator.may_manage_providers(ActionName::ProviderRemove, AuditTarget::Provider(name.clone())).await?;
    let reason = body.read(Cap::Control).await?.reason;
    let revision = known.0.ok_or_else(|| {
        ApiError::ConditionMissing("send the revision that is to be removed as If-Match; ETag gives it".to_owned())
    })?;
    let origin = operator.origin(reason);
    let acting = offers.clone();
    let removed = to_the_end(async move {
        let removed: ProviderConfig = acting.manage.remove(name, revision, origin).await?;
        Ok(acting.read.describe(removed))
    });
    Ok(with_tag(&offers, HttpResponse::Ok(), removed.await?).await)
}

/// Try a configuration out, also a disabled one: its agent is started, introduces itself, and is ended. It gets no session.
#[utoipa::path(post, path = "/providers/{name}/test", operation_id = "testProvider", tag = "providers", security(("apiKey" = [])),
    params(("name" = inline(texts::ConfigName), Path, description = "the configuration")), request_body = Option<ControlBody>,
    responses(
        (status = 200, description = "what the agent says of itself", body = ProviderTrialView),
        (status = 404, description = "no such configuration"),
        (status = 409, description = "this server cannot run it, or cannot open its credentials"),
        (status = 429, description = "by default 10 calls a minute for each key and route"),
        (status = 502, description = "the agent did not start, or did not introduce itself")))]
pub(crate) async fn test(
    offers: Data<Offers>,
    operator: Operator,
    _none: NoParams,
    path: ProviderPath,
    body: Body<ControlBody>,
) -> Result<Json<ProviderTrialView>, ApiError> {
    let name = path.0;
    operator.may_manage_providers(ActionName::ProviderTest, AuditTarget::Provider(name.clone())).await?;
    operator.counted(Lane::Control(ControlRoute::ProviderTest)).await?;
    let origin = operator.origin(body.read(Cap::Control).await?.reason);
    let trial = to_the_end(async move { Ok(offers.manage.test(name, origin).await?) });
    Ok(Json(trial.await?.into()))
}

/// Who changed a configuration last.
fn changed_by(described: &DescribedConfig) -> Option<&Actor> {
    described.config.changed.as_ref().map(|changed| &changed.by)
}

async fn with_tag(offers: &Offers, mut response: HttpResponseBuilder, config: DescribedConfig) -> HttpResponse {
    let tag = format!("\"{}\"", config.config.revision);
    let names = offers.names.of(changed_by(&config)).await;
    response.insert_header((header::ETAG, tag)).json(ProviderConfigView::new(config, &names))
}
