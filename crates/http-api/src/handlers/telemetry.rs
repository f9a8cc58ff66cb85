//! OpenTelemetry over HTTP: what agents tell of themselves beside the API.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use flightdeck_domain::use_cases::{Rejected, TakeTelemetry};
use flightdeck_telemetry::{
    Answer, Encoding, Signal, Told, Unreadable, logs as read_logs, traces as read_traces, unpacked,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::to_the_end;
use crate::auth::Caller;
use crate::dto::texts;
use crate::extract::{Cap, NoParams, Unread};
use crate::heavy;
use crate::problem::ApiError;

/// The most bytes of a body when it is unpacked.
const UNPACKED: usize = 8 << 20;
/// How many bytes one byte of gzip becomes at most (RFC 1951).
const GZIP_RATIO: usize = 1_032;

/// What is said of metrics.
const NO_METRICS: &str = "metrics are not kept; send logs or traces instead";

/// What takes telemetry in.
pub(crate) struct Telemetry {
    pub(crate) take: TakeTelemetry,
}

/// `google.rpc.Status`: why nothing of a request was taken. In protobuf when the request was in protobuf.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"code": 3, "message": "/resourceSpans must be a list of objects"}))]
pub(crate) struct RpcStatus {
    /// The code of gRPC.
    code: i32,
    /// Why, for a person.
    message: String,
}

/// The answer to a request that was taken: `Export…ServiceResponse`. In protobuf when the request was in protobuf.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExportResponse {
    /// Missing when all of it was taken. Otherwise `rejectedSpans`, `rejectedLogRecords` or `rejectedDataPoints`, and
    /// `errorMessage`. What was rejected is not to be sent again.
    #[schema(value_type = Option<texts::JsonObject>)]
    partial_success: Option<serde_json::Value>,
}

/// `ExportTraceServiceRequest`. All its fields may be there; those that are not known are passed over.
#[derive(ToSchema)]
#[schema(example = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174", "name": "chat", "startTimeUnixNano": "1796000000000000000", "endTimeUnixNano": "1796000001000000000",
    "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "40"}}]}]}]}]}))]
#[expect(dead_code, reason = "describes what the reader of OTLP takes")]
pub(crate) struct TracesBody {
    /// The spans, by resource.
    #[schema(rename = "resourceSpans", value_type = Option<Vec<texts::JsonObject>>)]
    resource_spans: (),
}

/// `ExportLogsServiceRequest`. All its fields may be there; those that are not known are passed over.
#[derive(ToSchema)]
#[schema(example = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1796000000000000000",
    "body": {"stringValue": "claude_code.api_request"},
    "attributes": [{"key": "output_tokens", "value": {"intValue": "40"}}]}]}]}]}))]
#[expect(dead_code, reason = "describes what the reader of OTLP takes")]
pub(crate) struct LogsBody {
    /// The records, by resource.
    #[schema(rename = "resourceLogs", value_type = Option<Vec<texts::JsonObject>>)]
    resource_logs: (),
}

/// `ExportMetricsServiceRequest`. It is not read.
#[derive(ToSchema)]
#[schema(example = json!({"resourceMetrics": []}))]
#[expect(dead_code, reason = "describes what is turned away")]
pub(crate) struct MetricsBody {
    /// The points, by resource.
    #[schema(rename = "resourceMetrics", value_type = Option<Vec<texts::JsonObject>>)]
    resource_metrics: (),
}

/// Take in spans (OTLP/HTTP, `ExportTraceServiceRequest`).
///
/// In protobuf (`application/x-protobuf`) or JSON, packed with gzip or not. Calls of models become usage, and tool calls become
/// messages, of the session that the attribute `flightdeck.session.id` names, or the one with the agent's own id, or the key's
/// own. Other spans are not kept. A request may be sent again: each span counts once.
#[utoipa::path(post, path = "/v1/traces", operation_id = "reportTraces", tag = "telemetry", security(("apiKey" = [])),
    request_body(content = TracesBody, description = "or the same message as `application/x-protobuf`; packed with gzip or not"),
    responses((status = 200, description = "taken; what was rejected is in `partialSuccess`", body = ExportResponse)))]
pub(crate) async fn traces(
    telemetry: Data<Telemetry>,
    caller: Caller,
    request: HttpRequest,
    _none: NoParams,
    body: Unread,
) -> Result<HttpResponse, ApiError> {
    take(telemetry, caller, request, body, Signal::Traces).await
}

/// Take in log records (OTLP/HTTP, `ExportLogsServiceRequest`).
///
/// As with spans. The events of Claude Code and Codex about calls of models and of tools are read; other records are not kept.
#[utoipa::path(post, path = "/v1/logs", operation_id = "reportLogs", tag = "telemetry", security(("apiKey" = [])),
    request_body(content = LogsBody, description = "or the same message as `application/x-protobuf`; packed with gzip or not"),
    responses((status = 200, description = "taken; what was rejected is in `partialSuccess`", body = ExportResponse)))]
pub(crate) async fn logs(
    telemetry: Data<Telemetry>,
    caller: Caller,
    request: HttpRequest,
    _none: NoParams,
    body: Unread,
) -> Result<HttpResponse, ApiError> {
    take(telemetry, caller, request, body, Signal::Logs).await
}

/// Turn metrics away (OTLP/HTTP), so that a program that sends them goes on.
///
/// Nothing of them is kept: `partialSuccess` says so. Usage comes with log records and spans.
#[utoipa::path(post, path = "/v1/metrics", operation_id = "reportMetrics", tag = "telemetry", security(("apiKey" = [])),
    request_body(content = MetricsBody, description = "or the same message as `application/x-protobuf`; packed with gzip or not"),
    responses((status = 200, description = "nothing of it is kept", body = ExportResponse)))]
pub(crate) async fn metrics(
    telemetry: Data<Telemetry>,
    caller: Caller,
    request: HttpRequest,
    _none: NoParams,
    body: Unread,
) -> Result<HttpResponse, ApiError> {
    take(telemetry, caller, request, body, Signal::Metrics).await
}

async fn take(
    telemetry: Data<Telemetry>,
    caller: Caller,
    request: HttpRequest,
    body: Unread,
    signal: Signal,
) -> Result<HttpResponse, ApiError> {
    telemetry.take.admit(&caller.principal)?;
    let Some(encoding) = Encoding::of(&body.content_type) else {
        let expected = "application/x-protobuf or application/json";
        return Err(ApiError::MediaType { given: body.content_type, expected });
    };
    let fault = match read(&request, body, signal, encoding).await {
        Ok(told) => {
            let taken = match told {
                Some(told) => report(telemetry, caller, told).await?,
                None => Answer::Partly { rejected: 0, message: NO_METRICS.to_owned() },
            };
            return Ok(HttpResponse::Ok().content_type(encoding.media_type()).body(taken.bytes(signal, encoding)));
        }
        // What is no fault of the request alone is told as everywhere else, and is in the server's log.
        Err(Fault::Call(error)) if error.status_code().is_server_error() => return Err(error),
        Err(fault) => fault,
    };
    let (status, message) = match fault {
        Fault::Call(error) => (error.status_code(), error.to_string()),
        Fault::Body(unreadable @ Unreadable::Broken(_)) => (StatusCode::BAD_REQUEST, unreadable.to_string()),
        Fault::Body(unreadable @ Unreadable::TooMuch(_)) => (StatusCode::PAYLOAD_TOO_LARGE, unreadable.to_string()),
    };
    // Resource exhausted, or invalid argument.
    let code = if status == StatusCode::PAYLOAD_TOO_LARGE { 8 } else { 3 };
    let bytes = Answer::Refused { code, message }.bytes(signal, encoding);
    Ok(HttpResponse::build(status).content_type(encoding.media_type()).body(bytes))
}

/// Why a body is not taken.
enum Fault {
    Call(ApiError),
    Body(Unreadable),
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        Self::Call(error)
    }
}

/// Reads a body; `None` for metrics.
async fn read(request: &HttpRequest, body: Unread, signal: Signal, encoding: Encoding) -> Result<Option<Told>, Fault> {
    let packed = is_packed(request)?;
    let mut room = body.hold(Cap::Telemetry);
    let body = body.read(Cap::Telemetry).await?;
    if packed {
        room.set(body.len().saturating_mul(GZIP_RATIO).min(UNPACKED))?;
    }
    let read = heavy::work(body.len(), move || {
        let (body, _room) = (body, room);
        let unpacked = if packed { Some(unpacked(&body, UNPACKED)?) } else { None };
        let bytes = unpacked.as_deref().unwrap_or(&body);
        Ok(match signal {
            Signal::Traces => Some(read_traces(bytes, encoding)?),
            Signal::Logs => Some(read_logs(bytes, encoding)?),
            Signal::Metrics => None,
        })
    });
    read.await?.map_err(Fault::Body)
}

fn is_packed(request: &HttpRequest) -> Result<bool, ApiError> {
    let Some(encoding) = request.headers().get(CONTENT_ENCODING) else { return Ok(false) };
    match encoding.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "gzip" => Ok(true),
        "" | "identity" => Ok(false),
        other => {
            let given = format!("content encoding {other}");
            Err(ApiError::MediaType { given, expected: "gzip, or no content encoding" })
        }
    }
}

async fn report(telemetry: Data<Telemetry>, caller: Caller, told: Told) -> Result<Answer, ApiError> {
    if told.reports.is_empty() {
        return Ok(Answer::Taken);
    }
    let taking = async move { Ok(telemetry.take.execute(&caller.principal, told.reports).await?) };
    Ok(answer(&to_the_end(taking).await?))
}

/// How many were rejected, and the reasons.
fn answer(rejected: &[Rejected]) -> Answer {
    if rejected.is_empty() {
        return Answer::Taken;
    }
    let count = rejected.iter().fold(0_u64, |sum, part| sum.saturating_add(u64::try_from(part.reports).unwrap_or(0)));
    let mut reasons: Vec<&str> = rejected.iter().map(|part| part.why.as_str()).collect();
    reasons.dedup();
    reasons.truncate(10);
    Answer::Partly { rejected: count, message: reasons.join("; ") }
}
