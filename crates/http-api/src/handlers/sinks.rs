//! Sinks: what must reach a person or a system outside.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder};
use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::LetterQuery;
use flightdeck_domain::provider_config::Expected;
use flightdeck_domain::sink::{SinkName, SinkRefused};
use flightdeck_domain::use_cases::{Authorize, ManageSinkError, ManageSinks, NameKeys, ReadSinks, SinkOverview};

use super::operator::Operator;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{
    ControlBody, DeadLettersView, ResendBody, ResendReply, SinkBody, SinkTrialView, SinkView, SinksView, texts,
};
use crate::extract::{Body, Cap, IfMatch, MOST, NoParams, Params, SinkPath};
use crate::problem::ApiError;
use crate::throttle::{ControlRoute, Lane};

/// The sinks, and who may see and change them.
pub(crate) struct Sinks {
    pub(crate) authorize: Authorize,
    pub(crate) read: ReadSinks,
    pub(crate) manage: ManageSinks,
    pub(crate) names: NameKeys,
}

impl Sinks {
    /// Sinks have what happens in every mission, so they are for those who see everything.
    fn may_read(&self, caller: &Caller) -> Result<(), ApiError> {
        Ok(self.authorize.on_fleet(&caller.principal, Permission::ReadSinks)?)
    }

    async fn view(&self, sink: SinkOverview) -> SinkView {
        let names = self.names.of([&sink.sink.changed.by]).await;
        SinkView::new(sink, &names)
    }

    async fn with_tag(&self, mut response: HttpResponseBuilder, sink: SinkOverview) -> HttpResponse {
        let tag = format!("\"{}\"", sink.sink.revision);
        response.insert_header((header::ETAG, tag)).json(self.view(sink).await)
    }
}

/// The sinks and how far each is, and the forms that there are.
#[utoipa::path(get, path = "/sinks", operation_id = "listSinks", tag = "sinks", security(("apiKey" = [])),
    responses((status = 200, description = "all of them, sorted by name", body = SinksView)))]
pub(crate) async fn list(sinks: Data<Sinks>, caller: Caller, _none: NoParams) -> Result<Json<SinksView>, ApiError> {
    sinks.may_read(&caller)?;
    let seen = sinks.read.list().await?;
    let names = sinks.names.of(seen.iter().map(|seen| &seen.sink.changed.by)).await;
    let forms = sinks.read.offers().into_iter().map(Into::into).collect();
    Ok(Json(SinksView { sinks: seen.into_iter().map(|seen| SinkView::new(seen, &names)).collect(), forms }))
}

/// Make a sink. Credentials are sealed, and never given back.
#[utoipa::path(post, path = "/sinks", operation_id = "createSink", tag = "sinks", security(("apiKey" = [])),
    request_body = SinkBody,
    responses(
        (status = 201, description = "it was made; `ETag` has its revision", body = SinkView),
        (status = 400, description = "a field is wrong: the settings do not fit the schema of the form, or the address is not one that this server sends to"),
        (status = 409, description = "there is one of this name, or this server sends nothing")))]
pub(crate) async fn create(
    sinks: Data<Sinks>,
    operator: Operator,
    _none: NoParams,
    body: Body<SinkBody>,
) -> Result<HttpResponse, ApiError> {
    // Which one it is about is only known with the body, and that is read for those alone who may do this.
    operator.may_manage_sinks(ActionName::SinkSet, AuditTarget::Fleet).await?;
    let (name, new, reason) = body.read(Cap::Session).await?.into_sink()?;
    let name = name.ok_or_else(|| ApiError::field("/name", "is missing"))?;
    let origin = operator.origin(reason);
    let acting = sinks.clone();
    let made = to_the_end(async move {
        let made = acting.manage.set(name, new, Expected::Absent, origin).await?;
        Ok(acting.read.describe(made).await?)
    });
    Ok(sinks.with_tag(HttpResponse::Created(), made.await?).await)
}

/// A sink and how far it is. Of its credentials only the names.
#[utoipa::path(get, path = "/sinks/{sink}", operation_id = "getSink", tag = "sinks", security(("apiKey" = [])),
    params(("sink" = inline(texts::SinkName), Path, description = "the name of the sink")),
    responses((status = 200, description = "the sink; `ETag` has its revision", body = SinkView),
        (status = 404, description = "no such sink")))]
pub(crate) async fn read(
    sinks: Data<Sinks>,
    caller: Caller,
    _none: NoParams,
    path: SinkPath,
) -> Result<HttpResponse, ApiError> {
    sinks.may_read(&caller)?;
    let found = sinks.read.get(path.0.clone()).await?.ok_or_else(|| ApiError::no_sink(&path.0))?;
    Ok(sinks.with_tag(HttpResponse::Ok(), found).await)
}

/// Change a sink, or make it where there is none. It tries at once what is next.
///
/// The body is the whole sink. Credentials that it does not name stay; `null` removes one.
#[utoipa::path(put, path = "/sinks/{sink}", operation_id = "setSink", tag = "sinks", security(("apiKey" = [])),
    params(("sink" = inline(texts::SinkName), Path, description = "the name of the sink"),
        ("If-Match" = Option<String>, Header, description = "the revision that is changed, as `ETag` gave it; none to make a sink")),
    request_body = SinkBody,
    responses(
        (status = 200, description = "it was changed; `ETag` has its revision", body = SinkView),
        (status = 201, description = "it was made; `ETag` has its revision", body = SinkView),
        (status = 400, description = "a field is wrong"),
        (status = 409, description = "it has another form, or this server sends nothing"),
        (status = 412, description = "it has another revision, or is gone"),
        (status = 428, description = "there is one, and `If-Match` is missing")))]
pub(crate) async fn set(
    sinks: Data<Sinks>,
    operator: Operator,
    _none: NoParams,
    path: SinkPath,
    known: IfMatch,
    body: Body<SinkBody>,
) -> Result<HttpResponse, ApiError> {
    let name = path.0;
    operator.may_manage_sinks(ActionName::SinkSet, AuditTarget::Sink(name.clone())).await?;
    let (named, new, reason) = body.read(Cap::Session).await?.into_sink()?;
    if named.is_some_and(|named| named != name) {
        return Err(ApiError::field("/name", "is not the name in the path; a sink keeps its name"));
    }
    let expected = known.0.map_or(Expected::Absent, Expected::Revision);
    let origin = operator.origin(reason);
    let acting = sinks.clone();
    let set = to_the_end(async move {
        match acting.manage.set(name.clone(), new, expected, origin).await {
            Ok(sink) => Ok(acting.read.describe(sink).await?),
            Err(error) => Err(conditional(error, &name)),
        }
    });
    let set = set.await?;
    let status = if set.sink.revision == 1 { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(sinks.with_tag(status, set).await)
}

/// What a change that did not hold comes to, for one who names a sink in the path.
fn conditional(error: ManageSinkError, name: &SinkName) -> ApiError {
    match error {
        ManageSinkError::Refused(refused @ SinkRefused::Exists { .. }) => {
            ApiError::ConditionMissing(refused.to_string())
        }
        ManageSinkError::Refused(SinkRefused::Unknown(_)) => {
            ApiError::Stale(format!("there is no sink {name} any more; leave If-Match out to make it"))
        }
        error => error.into(),
    }
}

/// Remove a sink with its dead letters. What it has not sent it never sends.
#[utoipa::path(delete, path = "/sinks/{sink}", operation_id = "removeSink", tag = "sinks", security(("apiKey" = [])),
    params(("sink" = inline(texts::SinkName), Path, description = "the name of the sink"),
        ("If-Match" = String, Header, description = "the revision that is removed, as `ETag` gave it")),
    request_body = Option<ControlBody>,
    responses(
        (status = 200, description = "the sink as it was", body = SinkView),
        (status = 404, description = "no such sink"),
        (status = 412, description = "it has another revision"),
        (status = 428, description = "`If-Match` is missing")))]
pub(crate) async fn remove(
    sinks: Data<Sinks>,
    operator: Operator,
    _none: NoParams,
    path: SinkPath,
    known: IfMatch,
    body: Body<ControlBody>,
) -> Result<HttpResponse, ApiError> {
    let name = path.0;
    operator.may_manage_sinks(ActionName::SinkRemove, AuditTarget::Sink(name.clone())).await?;
    let reason = body.read(Cap::Control).await?.reason;
    let revision = known.0.ok_or_else(|| {
        ApiError::ConditionMissing("send the revision that is to be removed as If-Match; ETag gives it".to_owned())
    })?;
    let origin = operator.origin(reason);
    let acting = sinks.clone();
    let removed = to_the_end(async move {
        let removed = acting.manage.remove(name, revision, origin).await?;
        Ok(acting.read.describe(removed).await?)
    });
    Ok(sinks.with_tag(HttpResponse::Ok(), removed.await?).await)
}

/// Send a message to the receiver of a sink, also of a disabled one. The sink goes on as before.
#[utoipa::path(post, path = "/sinks/{sink}/test", operation_id = "testSink", tag = "sinks", security(("apiKey" = [])),
    params(("sink" = inline(texts::SinkName), Path, description = "the name of the sink")), request_body = Option<ControlBody>,
    responses(
        (status = 200, description = "the receiver has accepted it", body = SinkTrialView),
        (status = 404, description = "no such sink"),
        (status = 409, description = "this server cannot open its credentials, or sends nothing"),
        (status = 429, description = "by default 10 calls a minute for each key and route"),
        (status = 502, description = "the receiver has not accepted it, or may not be reached")))]
pub(crate) async fn test(
    sinks: Data<Sinks>,
    operator: Operator,
    _none: NoParams,
    path: SinkPath,
    body: Body<ControlBody>,
) -> Result<Json<SinkTrialView>, ApiError> {
    let name = path.0;
    operator.may_manage_sinks(ActionName::SinkTest, AuditTarget::Sink(name.clone())).await?;
    operator.counted(Lane::Control(ControlRoute::SinkTest)).await?;
    let origin = operator.origin(body.read(Cap::Control).await?.reason);
    to_the_end(async move { Ok(sinks.manage.test(name, origin).await?) }).await?;
    Ok(Json(SinkTrialView { accepted: true }))
}

/// The messages of a sink that did not arrive, the oldest first.
#[utoipa::path(get, path = "/sinks/{sink}/dead-letters", operation_id = "listDeadLetters", tag = "sinks", security(("apiKey" = [])),
    params(("sink" = inline(texts::SinkName), Path, description = "the name of the sink"),
        ("after" = Option<u64>, Query, description = "only those after this place", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        ("limit" = Option<u64>, Query, description = "at most so many; 100 when missing", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "one page", body = DeadLettersView),
        (status = 404, description = "no such sink")))]
pub(crate) async fn dead_letters(
    sinks: Data<Sinks>,
    caller: Caller,
    path: SinkPath,
    mut params: Params,
) -> Result<Json<DeadLettersView>, ApiError> {
    let after = params.number("after", 0..=MOST);
    let limit = usize::try_from(params.number("limit", 1..=1_000).unwrap_or(100)).unwrap_or(100);
    params.finish()?;
    sinks.may_read(&caller)?;
    let query = LetterQuery { sink: path.0.clone(), again: false, after, limit };
    let letters = sinks.read.dead_letters(query).await?.ok_or_else(|| ApiError::no_sink(&path.0))?;
    Ok(Json(DeadLettersView::new(letters, limit)))
}

/// Send dead letters again, before anything else and at once. One that fails again stays; one whose event was removed goes.
#[utoipa::path(post, path = "/sinks/{sink}/dead-letters/resend", operation_id = "resendDeadLetters", tag = "sinks", security(("apiKey" = [])),
    params(("sink" = inline(texts::SinkName), Path, description = "the name of the sink")), request_body = Option<ResendBody>,
    responses((status = 200, description = "how many wait to be sent", body = ResendReply),
        (status = 404, description = "no such sink")))]
pub(crate) async fn resend(
    sinks: Data<Sinks>,
    operator: Operator,
    _none: NoParams,
    path: SinkPath,
    body: Body<ResendBody>,
) -> Result<Json<ResendReply>, ApiError> {
    let name = path.0;
    operator.may_manage_sinks(ActionName::SinkResend, AuditTarget::Sink(name.clone())).await?;
    let (places, reason) = body.read(Cap::Control).await?.read()?;
    let origin = operator.origin(reason);
    let letters = to_the_end(async move { Ok(sinks.manage.resend(name, places, origin).await?) }).await?;
    Ok(Json(ResendReply { letters }))
}
