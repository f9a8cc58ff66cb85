//! Errors on the wire: `application/problem+json` (RFC 9457), and the one place that maps the domain's errors to it.

mod mapping;

use std::error::Error;
use std::fmt::Write;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use flightdeck_domain::action::ActionName;
use serde::Serialize;
use utoipa::ToSchema;

/// The fault of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldFault {
    /// Where: a JSON pointer (RFC 6901) into the body, or the name of a query or path parameter or header.
    pub field: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// An error as clients see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable name of the kind of error.
    #[serde(rename = "type")]
    #[schema(example = "urn:flightdeck:problem:invalid-request")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A sentence that a person can act on.
    pub detail: String,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    /// The request, as the server's log names it.
    pub request_id: String,
}

/// Everything that a request can end in besides success.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A parameter or the body is wrong.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldFault>),
    /// No key, or none that is good.
    #[error("{0}; send it as X-API-Key or Authorization: Bearer")]
    Unauthenticated(String),
    /// No login, or none that is good.
    #[error("{0}; log in with a good key, or with a link that `flightdeck login` makes")]
    LoggedOut(String),
    /// A good key that may not do this.
    #[error("{0}")]
    Denied(String),
    /// A good key that may not do this with the value of this field.
    #[error("{detail}")]
    DeniedField {
        /// A sentence that names the field, too.
        detail: String,
        /// The field, as a JSON pointer into the body without the first slash.
        field: &'static str,
    },
    /// The request went to a name that is not the server's.
    #[error(
        "this server is not called {0:?}; if it is, say so with the setting allowed_hosts (FLIGHTDECK_ALLOWED_HOSTS)"
    )]
    Misdirected(String),
    /// There is no such route.
    #[error("there is nothing at {0}; the routes are listed in /openapi.json")]
    NoRoute(String),
    /// There is such a route, with other methods.
    #[error("{method} is not possible here; use {allowed}")]
    Method {
        /// The method that was tried.
        method: String,
        /// Those that are possible.
        allowed: &'static str,
    },
    /// The thing named in the path does not exist.
    #[error("{detail}")]
    NotFound {
        /// What kind of thing.
        kind: &'static str,
        /// A sentence.
        detail: String,
    },
    /// A rule forbids it in the present state.
    #[error("{detail}")]
    Conflict {
        /// Which rule.
        kind: &'static str,
        /// A sentence.
        detail: String,
        /// The field at fault, if there is one.
        field: Option<&'static str>,
    },
    /// What is to be changed is not what the caller knows.
    #[error("{0}")]
    Stale(String),
    /// The caller does not say what it knows.
    #[error("{0}")]
    ConditionMissing(String),
    /// An agent that was tried out did not introduce itself.
    #[error("{0}")]
    TrialFailed(String),
    /// The idempotency key was used for another call.
    #[error("{0}")]
    KeyReused(String),
    /// The body is larger than allowed.
    #[error("the body is larger than {0} bytes; send less at once")]
    TooLarge(usize),
    /// The body ended before it was whole, or was not sent as HTTP wants it.
    #[error("the body broke off: {0}")]
    BrokenOff(String),
    /// No more bodies of requests can be held now.
    #[error("the server holds as many request bodies as it may; try again in 1 s")]
    Busy,
    /// The body did not come.
    #[error("the body did not arrive within {0} seconds")]
    TooSlow(u64),
    /// The body is of another kind.
    #[error("the content type {given:?} is not understood here; send {expected}")]
    MediaType {
        /// What was sent.
        given: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Too many requests.
    #[error("too many requests of this kind with this key; try again in {retry_after} s")]
    Throttled {
        /// How long to wait, in seconds.
        retry_after: u64,
    },
    /// Too many open streams.
    #[error("this key has {0} open streams already; close some first")]
    TooManyStreams(usize),
    /// The server ends while something was still being sent.
    #[error("the server is going down; what Flightdeck-Appended counts is in the conversation, send the rest again")]
    GoingDown,
    /// The store is away.
    #[error("the store is not available; nothing was changed; try again")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// What is asked for is in the archive, which is away.
    #[error("this conversation is in the archive, which cannot be reached; nothing is lost; try again")]
    ArchiveUnavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing could be written just now.
    #[error("{0}")]
    NotReady(String),
    /// The store is away, and a stop lies in the spool.
    #[error("the store is not available; the {} is kept on disk and done as soon as the store is back", what.as_str())]
    Kept {
        /// `kill`, `pause` or `kill_all`.
        what: ActionName,
        /// Why the store is away.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// An agent did not start.
    #[error("the agent did not start; its session is marked as failed")]
    SpawnFailed(#[source] Box<dyn Error + Send + Sync>),
    /// A defect of the server.
    #[error("something went wrong in the server; the log has the cause under the request id")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

fn summary(faults: &[FieldFault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let separator = if text.is_empty() { "" } else { "; " };
        let field = if fault.field.is_empty() { "body" } else { &fault.field };
        let _ = write!(text, "{separator}{field}: {}", fault.detail);
    }
    text
}

impl ApiError {
    /// One field at fault.
    #[must_use]
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldFault { field: field.into(), detail: detail.into() }])
    }

    /// There is no such session.
    #[must_use]
    pub fn no_session(id: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-agent", detail: format!("there is no agent {id}") }
    }

    /// There is no such permission request.
    #[must_use]
    pub const fn no_approval(detail: String) -> Self {
        Self::NotFound { kind: "unknown-approval", detail }
    }

    /// There is no such mission.
    #[must_use]
    pub fn no_mission(id: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-mission", detail: format!("there is no mission {id}") }
    }

    /// There is no such configuration of a provider.
    #[must_use]
    pub fn no_provider(name: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-provider", detail: format!("there is no provider configuration {name}") }
    }

    /// There is no such command.
    #[must_use]
    pub fn no_command(session: impl std::fmt::Display, seq: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-command", detail: format!("session {session} has no command {seq}") }
    }

    /// There is no such operation.
    #[must_use]
    pub fn no_operation(id: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-operation", detail: format!("there is no operation {id}") }
    }

    /// Names the parent as the request named it: it is read under two names.
    pub(crate) fn parent_as(mut self, sent: &'static str) -> Self {
        const KNOWN: &str = "parentSessionId";
        match &mut self {
            Self::Invalid(faults) => {
                for fault in faults.iter_mut().filter(|fault| fault.field.trim_start_matches('/') == KNOWN) {
                    fault.field = format!("/{sent}");
                }
            }
            Self::Conflict { field: Some(field), detail, .. } | Self::DeniedField { field, detail }
                if *field == KNOWN =>
            {
                *field = sent;
                *detail = detail.replace(KNOWN, sent);
            }
            _ => {}
        }
        self
    }

    /// Names members of the context that the request gave as options as it gave them.
    pub(crate) fn options_as(mut self, given: &[String]) -> Self {
        if let Self::Invalid(faults) = &mut self {
            for fault in faults {
                let Some(member) = fault.field.strip_prefix("/context/") else { continue };
                let name = member.split('/').next().unwrap_or_default();
                if given.iter().any(|option| option == name) {
                    fault.field = format!("/options/{member}");
                }
            }
        }
        self
    }

    /// There is no such runner.
    pub(crate) fn no_runner(name: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-runner", detail: format!("there is no runner {name}") }
    }

    /// There is no such sink.
    pub(crate) fn no_sink(name: impl std::fmt::Display) -> Self {
        Self::NotFound { kind: "unknown-sink", detail: format!("there is no sink {name}") }
    }

    fn conflict(kind: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Conflict { kind, detail: detail.to_string(), field: None }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid-request",
            Self::Unauthenticated(_) | Self::LoggedOut(_) => "unauthenticated",
            Self::Denied(_) | Self::DeniedField { .. } => "denied",
            Self::Misdirected(_) => "misdirected",
            Self::NoRoute(_) => "no-route",
            Self::Method { .. } => "method-not-allowed",
            Self::NotFound { kind, .. } | Self::Conflict { kind, .. } => kind,
            Self::Stale(_) => "stale-revision",
            Self::ConditionMissing(_) => "if-match-required",
            Self::TrialFailed(_) => "provider-test-failed",
            Self::KeyReused(_) => "idempotency-key-reused",
            Self::TooLarge(_) => "body-too-large",
            Self::BrokenOff(_) => "body-broken-off",
            Self::Busy => "busy",
            Self::TooSlow(_) => "body-too-slow",
            Self::MediaType { .. } => "media-type",
            Self::Throttled { .. } => "throttled",
            Self::TooManyStreams(_) => "too-many-streams",
            Self::GoingDown => "going-down",
            Self::Unavailable(_) => "store-unavailable",
            Self::ArchiveUnavailable(_) => "archive-unavailable",
            Self::NotReady(_) => "not-ready",
            Self::Kept { .. } => "store-unavailable-stop-kept",
            Self::SpawnFailed(_) => "spawn-failed",
            Self::Internal(_) => "internal",
        }
    }

    /// The problem document.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> Problem {
        let status = self.status_code();
        let errors = match self {
            Self::Invalid(faults) => faults.clone(),
            Self::Conflict { field: Some(field), detail, .. } => {
                vec![FieldFault { field: format!("/{field}"), detail: detail.clone() }]
            }
            Self::DeniedField { field, detail } => {
                vec![FieldFault { field: format!("/{field}"), detail: detail.clone() }]
            }
            Self::Stale(detail) | Self::ConditionMissing(detail) => {
                vec![FieldFault { field: "If-Match".to_owned(), detail: detail.clone() }]
            }
            Self::KeyReused(detail) => {
                vec![FieldFault { field: "Idempotency-Key".to_owned(), detail: detail.clone() }]
            }
            _ => Vec::new(),
        };
        Problem {
            kind: format!("urn:flightdeck:problem:{}", self.kind()),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            errors,
            request_id: request_id.to_owned(),
        }
    }

    /// The response, with the id of the request in its body.
    #[must_use]
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.content_type("application/problem+json");
        match self {
            Self::Throttled { retry_after } => {
                response.insert_header((header::RETRY_AFTER, retry_after.to_string()));
            }
            Self::Unavailable(_) | Self::ArchiveUnavailable(_) | Self::NotReady(_) | Self::GoingDown | Self::Busy => {
                response.insert_header((header::RETRY_AFTER, "1"));
            }
            Self::Unauthenticated(_) | Self::LoggedOut(_) => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::Method { allowed, .. } => {
                response.insert_header((header::ALLOW, *allowed));
            }
            _ => {}
        }
        response.json(self.problem(request_id))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::BrokenOff(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) | Self::LoggedOut(_) => StatusCode::UNAUTHORIZED,
            Self::Denied(_) | Self::DeniedField { .. } => StatusCode::FORBIDDEN,
            Self::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::NoRoute(_) | Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Stale(_) => StatusCode::PRECONDITION_FAILED,
            Self::ConditionMissing(_) => StatusCode::PRECONDITION_REQUIRED,
            Self::KeyReused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Throttled { .. } | Self::TooManyStreams(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_)
            | Self::ArchiveUnavailable(_)
            | Self::NotReady(_)
            | Self::Kept { .. }
            | Self::GoingDown
            | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::SpawnFailed(_) | Self::TrialFailed(_) => StatusCode::BAD_GATEWAY,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The outermost middleware (`request`) answers with [`ApiError::respond`] instead.
    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}
