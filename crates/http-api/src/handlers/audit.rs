//! The audit log.

use std::fmt;

use actix_web::http::header::ContentDisposition;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, Responder};
use actix_web_lab::header::{CacheControl, CacheDirective};
use actix_web_lab::respond::NdJson;
use flightdeck_domain::action::{ActionName, Origin};
use flightdeck_domain::audit::{AuditTarget, ExportLine};
use flightdeck_domain::ids::{AuditSeq, KeyId};
use flightdeck_domain::operator::{Actor, Permission};
use flightdeck_domain::ports::AuditFilter;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{
    AuditExport, AuditReader, Authorize, ExportAudit, MakeCheckpoint, NameKeys, ReadAudit, RecordRefusal, VerifyAudit,
};
use futures_util::{TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::operator::request_id;
use super::to_the_end;
use crate::auth::Caller;
use crate::dto::{AuditPageView, AuditVerificationView, CheckpointReply, texts, words};
use crate::extract::{MOST, NoBody, NoParams, Params};
use crate::problem::ApiError;

/// The audit log, for callers who may read it.
pub(crate) struct Audit {
    pub(crate) authorize: Authorize,
    pub(crate) record_refusal: RecordRefusal,
    pub(crate) read: ReadAudit,
    pub(crate) export: ExportAudit,
    pub(crate) verify: VerifyAudit,
    pub(crate) make_checkpoint: MakeCheckpoint,
    /// Ends exports at the shutdown.
    pub(crate) shutdown: CancellationToken,
}

/// Read the audit log, newest first.
///
/// The reading itself is put on the log; the page shows the log as it was before that.
#[utoipa::path(get, path = "/audit", operation_id = "listAuditEntries", tag = "audit", security(("apiKey" = [])),
    params(
        ("agentId" = Option<uuid::Uuid>, Query, description = "only entries about this agent"),
        ("subtree" = Option<uuid::Uuid>, Query, description = "only entries about this agent or one below it"),
        ("operator" = inline(Option<texts::Operator>), Query, description = "only entries by this key id"),
        ("action" = inline(Option<words::AuditAction>), Query, description = "only entries of this action"),
        ("from" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "only entries of this moment (RFC 3339) or later"),
        ("to" = Option<chrono::DateTime<chrono::Utc>>, Query, description = "only entries before this moment (RFC 3339)"),
        ("before" = Option<u64>, Query, description = "only entries before this seq", minimum = 1, maximum = 9_223_372_036_854_775_807_i64),
        ("limit" = Option<u64>, Query, description = "at most so many; 100 when missing", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "one page", body = AuditPageView)))]
pub(crate) async fn page(
    audit: Data<Audit>,
    names: Data<NameKeys>,
    caller: Caller,
    request: HttpRequest,
    mut params: Params,
) -> Result<Json<AuditPageView>, ApiError> {
    let filter = AuditFilter {
        session_id: params.take("agentId"),
        subtree: params.take("subtree"),
        action: params.take("action"),
        actor: params.take::<Operator>("operator").map(|operator| operator.0),
        from: params.take::<Moment>("from").map(|moment| moment.0),
        to: params.take::<Moment>("to").map(|moment| moment.0),
    };
    let before = params.number("before", 1..=MOST).map(AuditSeq::new);
    let limit = usize::try_from(params.number("limit", 1..=1_000).unwrap_or(100)).unwrap_or(100);
    params.finish()?;
    let reader = reader(&audit, &caller, &request).await?;
    let page = audit.read.execute(reader, filter, before, limit).await?;
    let names = names.of(page.iter().map(|sealed| &sealed.index.actor)).await;
    AuditPageView::new(&page, limit, &names).map(Json)
}

/// Take the audit log out, oldest first, with all that its proof needs: `flightdeck audit verify FILE` checks it without
/// the server.
///
/// One line of JSON each: a header `{"flightdeckAudit":"v1","after":…,"to":…,"publicKey":…}`; the entries
/// `{"seq":…,"hash":…,"bytes":…}` with the exact bytes that were hashed; and `{"checkpoint":{…}}` behind the entry that
/// it was signed over.
#[utoipa::path(get, path = "/audit/export", operation_id = "exportAudit", tag = "audit", security(("apiKey" = [])),
    params(("after" = Option<u64>, Query, description = "only entries after this seq; all when missing", minimum = 0, maximum = 9_223_372_036_854_775_807_i64)),
    responses((status = 200, description = "JSON lines", content_type = "application/x-ndjson", body = String)))]
pub(crate) async fn export(
    audit: Data<Audit>,
    caller: Caller,
    request: HttpRequest,
    mut params: Params,
) -> Result<impl Responder, ApiError> {
    let after = AuditSeq::new(params.number("after", 0..=MOST).unwrap_or(0));
    params.finish()?;
    let reader = reader(&audit, &caller, &request).await?;
    let export = audit.export.execute(reader, after).await?;
    let open = Exporting { export, shutdown: audit.shutdown.clone(), key: caller.ended() };
    let pages = stream::try_unfold(open, |mut open| async move {
        let lines = open.next().await?;
        Ok::<_, CutOff>(lines.map(|lines| (stream::iter(lines.into_iter().map(Ok::<_, CutOff>)), open)))
    });
    let lines = NdJson::new(Box::pin(pages.try_flatten())).into_responder().customize();
    let name = ContentDisposition::attachment("flightdeck-audit.jsonl");
    Ok(lines.insert_header(CacheControl(vec![CacheDirective::NoStore])).insert_header(name))
}

/// Walk the whole chain of hashes with its signed checkpoints, and say whether every entry is what it was and where it
/// was.
#[utoipa::path(get, path = "/audit/verify", operation_id = "verifyAudit", tag = "audit", security(("apiKey" = [])),
    responses((status = 200, description = "look at `verdict`", body = AuditVerificationView)))]
pub(crate) async fn verify(
    audit: Data<Audit>,
    caller: Caller,
    _none: NoParams,
    request: HttpRequest,
) -> Result<Json<AuditVerificationView>, ApiError> {
    let reader = reader(&audit, &caller, &request).await?;
    Ok(Json(audit.verify.execute(reader).await?.into()))
}

/// Sign the newest entry of the audit log now.
///
/// For whoever may read the log: keep what it answers, and nobody can later deny that the log once held this.
#[utoipa::path(post, path = "/audit/checkpoint", operation_id = "createAuditCheckpoint", tag = "audit", security(("apiKey" = [])),
    responses((status = 200, description = "the newest checkpoint", body = CheckpointReply),
        (status = 409, description = "there is nothing to sign, no key to sign with, or the log was tampered with")))]
pub(crate) async fn checkpoint(
    audit: Data<Audit>,
    caller: Caller,
    _none: NoParams,
    request: HttpRequest,
    body: NoBody,
) -> Result<Json<CheckpointReply>, ApiError> {
    reader(&audit, &caller, &request).await?;
    body.pass_over().await?;
    to_the_end(async move { Ok(Json(audit.make_checkpoint.execute().await?.into())) }).await
}

/// The reader, if they may read; a denial is recorded.
async fn reader(audit: &Audit, caller: &Caller, request: &HttpRequest) -> Result<AuditReader, ApiError> {
    let (actor, request_id) = (caller.principal.actor(), request_id(request)?);
    if let Err(denied) = audit.authorize.role(&caller.principal, Permission::ReadAudit) {
        let by = Origin::new(actor, request_id);
        audit.record_refusal.execute(by, ActionName::AuditRead, AuditTarget::AuditLog, &denied).await?;
        return Err(ApiError::Denied(denied.to_string()));
    }
    Ok(AuditReader { actor, request_id })
}

/// An export in progress.
struct Exporting {
    export: AuditExport,
    shutdown: CancellationToken,
    key: CancellationToken,
}

/// The body breaks off, which a client notices.
#[derive(Debug, thiserror::Error)]
#[error("the export was cut off")]
struct CutOff;

impl Exporting {
    async fn next(&mut self) -> Result<Option<Vec<ExportLine>>, CutOff> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(CutOff),
            () = self.key.cancelled() => Err(CutOff),
            next = self.export.next_lines() => next.map_err(|error| {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, "an export was cut off because the store is not available");
                CutOff
            }),
        }
    }
}

/// A time in a query.
struct Moment(Timestamp);

/// The text is not a time.
#[derive(Debug)]
struct InvalidMoment;

impl fmt::Display for InvalidMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a moment such as 2026-03-01T10:00:00Z, of the years 0000 to 9999; write + as %2B")
    }
}

impl std::str::FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        let moment = chrono::DateTime::parse_from_rfc3339(text).or(Err(InvalidMoment))?;
        Timestamp::read(moment.to_utc()).map(Self).or(Err(InvalidMoment))
    }
}

/// An operator on the audit log: a key id, the command line, a budget, or Flightdeck itself.
struct Operator(Actor);

impl std::str::FromStr for Operator {
    type Err = flightdeck_domain::ids::InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(actor) = [Actor::local_cli(), Actor::system(), Actor::budget(), Actor::guard()]
            .into_iter()
            .find(|actor| actor.as_str() == text)
        {
            return Ok(Self(actor));
        }
        Ok(Self(Actor::key(&KeyId::new(text)?)))
    }
}
