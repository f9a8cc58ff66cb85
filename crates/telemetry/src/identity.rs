//! What makes a report the same one when it is sent again.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::proto::{LogRecord, Span, Value};

/// The identity of a span: its ids, or everything that it says when it has none.
pub(crate) fn of_span(span: &Span) -> String {
    if span.trace_id.is_empty() || span.span_id.is_empty() {
        let mut all = Sha256::new();
        all.update(span.name.as_bytes());
        all.update(span.start_time_unix_nano.to_le_bytes());
        all.update(span.end_time_unix_nano.to_le_bytes());
        add(&mut all, &span.attributes);
        return format!("span/{}", hex(&all.finalize()));
    }
    format!("span/{}/{}", hex(&span.trace_id), hex(&span.span_id))
}

/// The identity of a log record: its times and everything that it says. Records have no id.
pub(crate) fn of_record(record: &LogRecord) -> String {
    let mut all = Sha256::new();
    for part in [&record.trace_id, &record.span_id, record.event_name.as_bytes()] {
        all.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        all.update(part);
    }
    all.update(record.time_unix_nano.to_le_bytes());
    all.update(record.observed_time_unix_nano.to_le_bytes());
    add(&mut all, &record.attributes);
    format!("log/{}", hex(&all.finalize()))
}

fn add(all: &mut Sha256, attributes: &[crate::proto::KeyValue]) {
    for pair in attributes {
        let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
        let (kind, text) = match value {
            None => ("none", String::new()),
            Some(Value::Text(text)) => ("text", text.clone()),
            Some(Value::Bool(yes)) => ("bool", yes.to_string()),
            Some(Value::Int(number)) => ("int", number.to_string()),
            Some(Value::Double(number)) => ("double", number.to_bits().to_string()),
        };
        for part in [pair.key.as_str(), kind, &text] {
            all.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            all.update(part.as_bytes());
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{AnyValue, KeyValue};

    fn record() -> LogRecord {
        let value = Some(AnyValue { value: Some(Value::Text("large".to_owned())) });
        let attributes = vec![KeyValue { key: "model".to_owned(), value }];
        LogRecord { time_unix_nano: 1, observed_time_unix_nano: 2, attributes, ..LogRecord::default() }
    }

    #[test]
    fn records_are_one_when_they_say_the_same_of_the_same_moment() {
        let first = of_record(&record());
        assert_eq!(of_record(&record()), first);
        let others = [
            LogRecord { time_unix_nano: 3, ..record() },
            LogRecord { observed_time_unix_nano: 3, ..record() },
            LogRecord { attributes: Vec::new(), ..record() },
            LogRecord { event_name: "x".to_owned(), ..record() },
            LogRecord { trace_id: vec![1], ..record() },
            LogRecord { span_id: vec![1], ..record() },
        ];
        for other in others {
            assert_ne!(of_record(&other), first, "{other:?}");
        }
    }
}
