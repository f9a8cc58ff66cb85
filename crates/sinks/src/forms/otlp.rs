//! Sessions, turns and tool calls as spans over OTLP/HTTP 1.x, in protobuf.

use std::collections::BTreeSet;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::telemetry::trace::{EndState, Span, SpanId, TraceId};
use flightdeck_domain::text::JsonObject;
use serde::Deserialize;
use serde_json::json;

use super::{Form, Ways};
use crate::guard::Guard;
use crate::settings::{address, address_fault, given, read, schema};
use crate::traces::{HEADERS_WRONG, headers, place, post_spans};

pub(super) struct Otlp;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    url: String,
    #[serde(default = "service")]
    service_name: String,
}

fn service() -> String {
    "flightdeck".to_owned()
}

const HEADERS: &str = "headers";

/// The most spans of one request.
const AT_ONCE: usize = 1_000;

impl Form for Otlp {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "url": {"type": "string", "minLength": 1, "maxLength": 2000,
                "description": "the receiver without v1/traces, as in OTEL_EXPORTER_OTLP_ENDPOINT"},
            "serviceName": {"type": "string", "minLength": 1, "maxLength": 200, "default": service(),
                "description": "the name of the service in the receiver"},
        });
        schema(&["url"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[HEADERS]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, _credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        address_fault(guard, settings, "url").into_iter().collect()
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let settings: Settings = read(&message.settings)?;
        let uri = address(ways.guard, &place(&settings.url)).map_err(SendFailed::new)?;
        let headers = headers(given(&message.credentials, HEADERS).unwrap_or_default());
        let headers = headers.ok_or_else(|| SendFailed::new(HEADERS_WRONG))?;
        let trial;
        let spans = match &message.body {
            MessageBody::Trace(spans) => spans,
            MessageBody::Notice(notice) => {
                trial = trial_of(&message.id, &notice.title, message);
                &trial
            }
            MessageBody::Audit(_) => return Err(SendFailed::new("this form sends no audit log").rejected()),
        };
        for spans in spans.chunks(AT_ONCE) {
            let body = flightdeck_telemetry::spans(&settings.service_name, spans);
            post_spans(&ways.http, &uri, &headers, body)?;
        }
        Ok(())
    }
}

/// One span that says that the receiver is reached.
fn trial_of(id: &str, title: &str, message: &Outgoing) -> Vec<Span> {
    let ((mut trace, mut span), of_id) = (([1; 16], [1; 8]), || id.bytes().rev().filter(u8::is_ascii_alphanumeric));
    trace.iter_mut().rev().zip(of_id()).for_each(|(byte, of_id)| *byte = of_id);
    span.iter_mut().rev().zip(of_id()).for_each(|(byte, of_id)| *byte = of_id);
    vec![Span {
        trace: TraceId(trace),
        id: SpanId(span),
        parent: None,
        name: title.to_owned(),
        begin: message.at,
        end: message.at,
        end_state: EndState::Good,
        attributes: Vec::new(),
    }]
}
