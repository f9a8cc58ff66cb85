//! What one line of an agent's output is.

use flightdeck_agent_io::{json, text};
use memchr::memmem::find;
use serde_json::{Map, Value};

/// So much of a line is shown when it could not be read, in bytes.
pub(super) const HEAD: usize = 300;

/// What an agent said in a line, or in a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// It wants an answer.
    Request { id: Value, method: String, params: Value },
    /// It tells something.
    Note { method: String, params: Value },
    /// It answers.
    Answer { id: Value, outcome: Result<Value, Value> },
    /// It is no message.
    Log(Vec<u8>),
    /// It was meant to be a message and cannot be read.
    Unread(Unread),
}

/// A message that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unread {
    /// How long it was, in bytes.
    pub(super) bytes: u64,
    /// How it began.
    pub(super) head: String,
    /// What is known of it.
    pub(super) known: Map<String, Value>,
    /// What it looks like.
    pub(super) looks: Looks,
}

/// What a message looks like that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    Answer,
    /// A request, or something that is told.
    Other,
    /// It may be anything.
    Unclear,
}

/// Reads a line.
pub(super) fn read(line: &[u8]) -> Vec<Said> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Vec::new();
    }
    if !is_meant(line) {
        return vec![Said::Log(line.to_vec())];
    }
    if let Ok(read) = json::read(line) {
        return of_line(read.value, line);
    }
    // Programs print without a line end, and then the message follows in the same line.
    if let Some(place) = find(line, br#"{"jsonrpc""#).filter(|place| *place > 0)
        && let Some((noise, message)) = line.split_at_checked(place)
        && !is_meant(noise)
        && let Ok(read) = json::read(message)
    {
        let mut said = vec![Said::Log(noise.to_vec())];
        said.extend(of_line(read.value, message));
        return said;
    }
    // Two messages without a line end between them.
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(line).into_iter().collect();
    match values {
        Ok(values) => values.into_iter().flat_map(|value| of_line(value, line)).collect(),
        Err(_) => vec![Said::Unread(Unread::of(line, u64::try_from(line.len()).unwrap_or(u64::MAX)))],
    }
}

impl Unread {
    /// What is known of a line by its begin.
    pub(super) fn of(head: &[u8], bytes: u64) -> Self {
        let has = |what: &[u8]| find(head, what).is_some();
        let asks = [&br#""method""#[..], br#""params""#, br#""sessionUpdate""#, b"session/"].into_iter().any(has);
        let answers = [&br#""result""#[..], br#""error""#, br#""stopReason""#].into_iter().any(has);
        let looks = match (answers, asks) {
            (true, false) => Looks::Answer,
            (_, true) => Looks::Other,
            (false, false) => Looks::Unclear,
        };
        Self {
            bytes,
            head: text::one_line(&text::decoded(head), HEAD),
            known: json::salvage(head, &["method", "sessionId"]),
            looks,
        }
    }

    fn strange(value: Value, line: &[u8]) -> Self {
        let known = match value {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        Self { known, ..Self::of(line, u64::try_from(line.len()).unwrap_or(u64::MAX)) }
    }
}

/// Whether somebody meant to write a message. Programs print all sorts of things, also objects.
fn is_meant(line: &[u8]) -> bool {
    let mut begin = line.iter().filter(|byte| !byte.is_ascii_whitespace());
    let begins = match (begin.next(), begin.next()) {
        (Some(b'{'), Some(b'"')) => true,
        (Some(b'['), Some(b'{')) => begin.next() == Some(&b'"'),
        _ => false,
    };
    begins || is_marked(line)
}

/// Whether a line has words of the protocol in it.
fn is_marked(line: &[u8]) -> bool {
    let marks: [&[u8]; 6] = [
        br#""jsonrpc"#,
        br#"jsonrpc":"#,
        br#""method":"#,
        br#""sessionUpdate""#,
        br#""stopReason""#,
        br#""sessionId""#,
    ];
    marks.into_iter().any(|mark| find(line, mark).is_some())
}

fn of_line(value: Value, line: &[u8]) -> Vec<Said> {
    match value {
        Value::Array(values) if values.iter().any(Value::is_object) => {
            values.into_iter().map(|value| of(value, line)).collect()
        }
        value => vec![of(value, line)],
    }
}

fn of(value: Value, line: &[u8]) -> Said {
    let Value::Object(mut map) = value else { return Said::Log(line.to_vec()) };
    let id = map.get("id").cloned();
    if let Some(Value::String(method)) = map.get("method") {
        let method = method.clone();
        let params = map.remove("params").unwrap_or_default();
        return match id {
            Some(id) => Said::Request { id, method, params },
            None => Said::Note { method, params },
        };
    }
    let error = map.get("error").filter(|error| !error.is_null()).cloned();
    let outcome = match (error, map.remove("result")) {
        (Some(error), _) => Some(Err(error)),
        (None, Some(result)) => Some(Ok(result)),
        (None, None) => None,
    };
    if let Some(outcome) = outcome {
        return Said::Answer { id: id.unwrap_or_default(), outcome };
    }
    let ours = ["jsonrpc", "method", "params", "error", "stopReason", "sessionUpdate"];
    if ours.iter().any(|name| map.contains_key(*name)) || is_marked(line) {
        // What has an id and does not say what it wants can be nothing but an answer.
        let is_answer = id.is_some() && !map.contains_key("params") && !map.contains_key("method");
        let unread = Unread::strange(Value::Object(map), line);
        let looks = if is_answer { Looks::Answer } else { unread.looks };
        return Said::Unread(Unread { looks, ..unread });
    }
    Said::Log(line.to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(line: &[u8]) -> Said {
        let mut said = read(line);
        assert_eq!(said.len(), 1, "{said:?}");
        said.remove(0)
    }

    #[test]
    fn messages_are_told_from_what_programs_print() {
        let log = |line: &[u8]| assert_eq!(one(line), Said::Log(line.to_vec()));
        log(b"warning: caf\xe9");
        log(b"[INFO] ready");
        log(b"{ foo: 'bar' }");
        log(br#"{"level":30,"msg":"ready"}"#);
        log(b"{");
        assert_eq!(read(b"  \r"), []);
        assert_eq!(one(br#"{"method":"x"}"#), Said::Note { method: "x".into(), params: Value::Null });
    }

    #[test]
    fn what_is_malformed_within_a_message_is_mended() {
        let said = one(br#"{"jsonrpc":"2.0","id":1,"result":{"stopReason":"end_turn","_meta":{"x":"cut \ud83d"}}}"#);
        let result = json!({"stopReason": "end_turn", "_meta": {"x": "cut \u{fffd}"}});
        assert_eq!(said, Said::Answer { id: json!(1), outcome: Ok(result) });
        let said = one(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":NaN,\"message\":\"caf\xe9\"}}");
        assert_eq!(said, Said::Answer { id: json!(1), outcome: Err(json!({"code": null, "message": "caf\u{fffd}"})) });
    }

    #[test]
    fn messages_share_a_line_with_others() {
        let note = |method: &str| Said::Note { method: method.into(), params: Value::Null };
        assert_eq!(read(br#"[{"method":"a"},{"method":"b"}]"#), [note("a"), note("b")]);
        assert_eq!(read(br#"{"method":"a"}{"method":"b"}"#), [note("a"), note("b")]);
        assert_eq!(
            read(br#"loading...{"jsonrpc":"2.0","method":"a"}"#),
            [Said::Log(b"loading...".to_vec()), note("a")]
        );
    }

    #[test]
    fn of_what_cannot_be_read_is_known_whether_it_answers() {
        let unread = |line: &str| match one(line.as_bytes()) {
            Said::Unread(unread) => unread,
            other => panic!("{other:?}"),
        };
        let cut = unread(r#"{"jsonrpc":"2.0","id":7,"result":{"stopReason":"end_tu"#);
        assert_eq!(cut.looks, Looks::Answer);
        assert_eq!((cut.known["id"].as_u64(), cut.bytes), (Some(7), 54));
        assert_eq!(unread(r#"jsonrpc":"2.0","id":7,"result":{"stopReason":"end_turn"}}"#).looks, Looks::Answer);
        assert_eq!(unread(r#"{"jsonrpc":"2.0","id":7,"reqult":{"stopReason":"end_turn"}}"#).looks, Looks::Answer);
        let update = unread(r#"{"jsonrpc":"2.0","method":"session/update","params":{"update":{"x":"#);
        assert_eq!(update.looks, Looks::Other);
        assert_eq!(unread(r#"{"jsonrpc":"2.0","i"#).looks, Looks::Unclear);
        assert_eq!(update.known["method"], "session/update");
    }
}
