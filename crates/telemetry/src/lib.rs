//! OpenTelemetry, in and out: what agents send over OTLP/HTTP becomes reports of usage and of tool calls, and sessions
//! become spans. Pure functions over bytes and values of the domain.
//!
//! - [`unpacked`] and [`Encoding`] take a body apart: gzip, protobuf and JSON, each with a bound.
//! - [`traces`] and [`logs`] read a request into [`Report`](flightdeck_domain::telemetry::Report)s. `claude`, `codex` and
//!   `gen_ai` know the names that programs and conventions use.
//! - [`Answer`] is what OTLP/HTTP answers, in the encoding of the request.
//! - [`spans`] writes what a session did as a request of OTLP, [`request_spans`] what a server was asked.
//!
//! What does not belong here: which session a report belongs to and whether it counts (that is
//! [`TakeTelemetry`](flightdeck_domain::use_cases::TakeTelemetry)), HTTP, a clock.

mod answer;
mod attributes;
mod claude;
mod codex;
mod encoding;
mod gen_ai;
mod identity;
mod json;
mod outgoing;
mod proto;
mod read;
mod walk;

pub use answer::{Answer, Signal};
pub use encoding::{Encoding, Unreadable, unpacked};
pub use outgoing::{request_spans, spans};
pub use read::{Told, logs, traces};
