//! Requests in the JSON mapping of OTLP: names in lowerCamelCase, ids in hexadecimal digits, numbers of 64 bits as numbers
//! or texts. Fields that are not known are passed over.

use flightdeck_agent_io::json;
use serde_json::{Map, Value as Json};

use crate::encoding::Unreadable;
use crate::proto::{
    AnyValue, KeyValue, LogRecord, LogsRequest, Resource, ResourceLogs, ResourceSpans, Scope, ScopeLogs, ScopeSpans,
    Span, Status, TracesRequest, Value,
};

pub(crate) fn traces(bytes: &[u8]) -> Result<TracesRequest, Unreadable> {
    let groups = groups(bytes, "resourceSpans")?;
    let group = |group: &Map<String, Json>| {
        let scope_spans = all(group, "scopeSpans", "/resourceSpans", |scoped| {
            let spans = all(scoped, "spans", "/resourceSpans/scopeSpans", |span| Ok(read_span(span)))?;
            Ok(ScopeSpans { scope: scope(scoped), spans, schema_url: text(scoped, "schemaUrl") })
        })?;
        Ok(ResourceSpans { resource: resource(group), scope_spans })
    };
    Ok(TracesRequest { resource_spans: all(&groups, "resourceSpans", "", group)? })
}

pub(crate) fn logs(bytes: &[u8]) -> Result<LogsRequest, Unreadable> {
    let groups = groups(bytes, "resourceLogs")?;
    let group = |group: &Map<String, Json>| {
        let scope_logs = all(group, "scopeLogs", "/resourceLogs", |scoped| {
            let log_records = all(scoped, "logRecords", "/resourceLogs/scopeLogs", |record| Ok(read_record(record)))?;
            Ok(ScopeLogs { scope: scope(scoped), log_records })
        })?;
        Ok(ResourceLogs { resource: resource(group), scope_logs })
    };
    Ok(LogsRequest { resource_logs: all(&groups, "resourceLogs", "", group)? })
}

fn groups(bytes: &[u8], name: &str) -> Result<Map<String, Json>, Unreadable> {
    let read = json::read(bytes).map_err(|error| match error {
        json::Unreadable::TooMany { .. } => Unreadable::TooMuch(error.to_string()),
        json::Unreadable::Broken { .. } => Unreadable::Broken(error.to_string()),
    })?;
    match read.value {
        Json::Object(object) => Ok(object),
        _ => Err(Unreadable::Broken(format!("it must be an object with {name}"))),
    }
}

/// Every object of a list; no list is an empty one.
fn all<T>(
    object: &Map<String, Json>,
    name: &str,
    place: &str,
    read: impl Fn(&Map<String, Json>) -> Result<T, Unreadable>,
) -> Result<Vec<T>, Unreadable> {
    let wrong = || Unreadable::Broken(format!("{place}/{name} must be a list of objects"));
    match object.get(name) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(values)) => values.iter().map(|value| read(value.as_object().ok_or_else(wrong)?)).collect(),
        Some(_) => Err(wrong()),
    }
}

fn resource(group: &Map<String, Json>) -> Option<Resource> {
    Some(Resource { attributes: attributes(group.get("resource")?.as_object()?) })
}

fn scope(group: &Map<String, Json>) -> Option<Scope> {
    let scope = group.get("scope")?.as_object()?;
    Some(Scope { name: text(scope, "name"), version: text(scope, "version") })
}

fn read_span(span: &Map<String, Json>) -> Span {
    let status = span.get("status").and_then(Json::as_object).map(|status| Status {
        message: text(status, "message"),
        code: number(status, "code").and_then(|code| i32::try_from(code).ok()).unwrap_or_default(),
    });
    Span {
        trace_id: id(span, "traceId"),
        span_id: id(span, "spanId"),
        parent_span_id: id(span, "parentSpanId"),
        name: text(span, "name"),
        kind: number(span, "kind").and_then(|kind| i32::try_from(kind).ok()).unwrap_or_default(),
        start_time_unix_nano: number(span, "startTimeUnixNano").unwrap_or_default(),
        end_time_unix_nano: number(span, "endTimeUnixNano").unwrap_or_default(),
        attributes: attributes(span),
        status,
    }
}

fn read_record(record: &Map<String, Json>) -> LogRecord {
    LogRecord {
        time_unix_nano: number(record, "timeUnixNano").unwrap_or_default(),
        observed_time_unix_nano: number(record, "observedTimeUnixNano").unwrap_or_default(),
        body: record.get("body").and_then(any),
        attributes: attributes(record),
        trace_id: id(record, "traceId"),
        span_id: id(record, "spanId"),
        event_name: text(record, "eventName"),
    }
}

fn attributes(object: &Map<String, Json>) -> Vec<KeyValue> {
    let Some(Json::Array(all)) = object.get("attributes") else { return Vec::new() };
    let read = |pair: &Json| {
        let pair = pair.as_object()?;
        Some(KeyValue { key: text(pair, "key"), value: pair.get("value").and_then(any) })
    };
    all.iter().filter_map(read).collect()
}

fn any(value: &Json) -> Option<AnyValue> {
    let value = value.as_object()?;
    let text = || value.get("stringValue")?.as_str().map(|text| Value::Text(text.to_owned()));
    let bool = || value.get("boolValue")?.as_bool().map(Value::Bool);
    let int = || match value.get("intValue")? {
        Json::String(digits) => digits.parse().ok().map(Value::Int),
        number => number.as_i64().map(Value::Int),
    };
    let double = || value.get("doubleValue")?.as_f64().map(Value::Double);
    Some(AnyValue { value: text().or_else(bool).or_else(int).or_else(double) })
}

fn text(object: &Map<String, Json>, name: &str) -> String {
    object.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn number(object: &Map<String, Json>, name: &str) -> Option<u64> {
    match object.get(name)? {
        Json::String(digits) => digits.parse().ok(),
        number => number.as_u64(),
    }
}

/// An id in hexadecimal digits; anything else is none.
fn id(object: &Map<String, Json>, name: &str) -> Vec<u8> {
    let digits = text(object, name);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hex = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex { digits.as_bytes().chunks(2).filter_map(byte).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ids_and_numbers_are_those_of_the_mapping() {
        let read = traces(
            br#"{"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": {"intValue": "7"}}]}, "later": 1,
                "scopeSpans": [{"scope": {"name": "s"}, "spans": [{"traceId": "5B8EFFF798038103D269B633813FC60C",
                "spanId": "eee19b7ec3c1b174", "parentSpanId": "", "name": "n", "kind": 3, "flags": 1,
                "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
                "attributes": [{"key": "b", "value": {"doubleValue": 0.5}}, {"key": "c", "value": {"arrayValue": {}}},
                {"key": "d", "value": {"intValue": 8}}, 5], "status": {"code": 2}}]}]}]}"#,
        )
        .expect("read");
        let group = &read.resource_spans[0];
        let int = |number| Some(AnyValue { value: Some(Value::Int(number)) });
        assert_eq!(group.resource.as_ref().expect("one").attributes[0].value, int(7));
        let span = &group.scope_spans[0].spans[0];
        assert_eq!((span.trace_id.len(), span.span_id[0], span.parent_span_id.len()), (16, 0xee, 0));
        assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_000_000_000);
        assert_eq!((span.kind, span.status.as_ref().map(|status| status.code)), (3, Some(2)));
        let keys: Vec<&str> = span.attributes.iter().map(|pair| pair.key.as_str()).collect();
        assert_eq!(keys, ["b", "c", "d"]);
        assert_eq!(span.attributes[2].value, int(8));
    }

    #[test]
    fn nothing_is_an_empty_request_and_another_shape_is_told_by_its_place() {
        assert_eq!(logs(b"{}"), Ok(LogsRequest::default()));
        assert_eq!(logs(br#"{"resourceLogs": null}"#), Ok(LogsRequest::default()));
        for (wrong, told) in [
            ("", "not JSON"),
            ("[]", "object with resourceLogs"),
            (r#"{"resourceLogs": 5}"#, "/resourceLogs must be a list"),
            (r#"{"resourceLogs": [5]}"#, "/resourceLogs must be a list"),
            (r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": {}}]}]}"#, "/resourceLogs/scopeLogs/logRecords must"),
        ] {
            let error = logs(wrong.as_bytes()).expect_err("refused").to_string();
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }
}
