//! Values for the cases, and for a store's own tests. Every test has a store of its own, so fixed ids will do and a failure can
//! be repeated.
#![expect(clippy::must_use_candidate, reason = "values for tests: whoever makes one and drops it wonders by himself")]

use std::fmt::Debug;
use std::str::FromStr;

use flightdeck_domain::action::{Attribution, FleetAction, FleetIntervention, Intervention, OperatorAction};
use flightdeck_domain::api_key::{ApiKey, SecretHash};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::{KeyId, MessageId, OperationId, SessionId};
use flightdeck_domain::message::{MessageRole, NewMessage};
use flightdeck_domain::operation::{Reach, ScopedAction, Wish};
use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::session::{Observation, Registration, SessionPlace, SessionStatus};
use flightdeck_domain::text::{JsonObject, ProviderName, Reason, TaskSource};
use flightdeck_domain::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// A line that a store may get wrong: quotes of both kinds, SQL's and JSON's special characters, letters of two, three
/// and four bytes, and an emoji of several code points.
pub const AWKWARD: &str = r#"O'Hara said "no\n"; -- %_ $1 ? {} é ẞ 漢字 😀 👩‍🚀"#;

/// A higher number is a higher id, and both ends of the id differ.
fn uuid(n: u32) -> Uuid {
    Uuid::from_u128((u128::from(n) << 96) | u128::from(n))
}

/// The id of session `n`.
pub fn session_id(n: u32) -> SessionId {
    SessionId::new(uuid(n))
}

/// The id of message `n`.
pub fn message_id(n: u32) -> MessageId {
    MessageId::new(uuid(n))
}

/// So many seconds after a moment of 2026 that is no whole millisecond.
pub fn at(seconds: impl Into<i64>) -> Timestamp {
    let micros = (1_767_225_600 + seconds.into()) * 1_000_000 + 123_457;
    Timestamp::from_micros(micros).expect("within chrono's range")
}

/// A text of any kind, which has to be a good one.
pub fn text<T>(words: &str) -> T
where
    T: FromStr,
    T::Err: Debug,
{
    words.parse().expect("a valid text")
}

/// JSON with everything that JSON has.
pub fn awkward_json() -> JsonObject {
    let value = json!({
        "": "empty key",
        AWKWARD: AWKWARD,
        "lines": "a\nb\r\n\tc\u{2028}d",
        "nested": {"list": [1, [2, {"deep": [null, true, false]}], []], "object": {}},
        "numbers": [0, -1, 9_007_199_254_740_993_i64, u64::MAX, i64::MIN, 0.1, -2.5],
        "null": null,
    });
    let serde_json::Value::Object(map) = value else { panic!("an object") };
    JsonObject::new(map).expect("short enough")
}

/// JSON that a database may refuse, or give back as something else.
pub fn hostile_json() -> JsonObject {
    let fractions: Vec<f64> = (1..=200_u32).map(|n| (f64::from(n) * 0.618_033_988_749_894_9).sin() * 1e-5).collect();
    let value = json!({
        "zero\0byte": "before\0after",
        "escapes": "\u{1}\u{7f}\u{2028}\u{ffff}\u{10ffff}\\u0000",
        "fractions": fractions,
        "extremes": [f64::MAX, f64::MIN_POSITIVE, 5e-324, -0.0, 1e300, 123_456_789.123_456_78],
        "whole": [u64::MAX, i64::MIN, 9_007_199_254_740_993_i64, 1.0, 100_000_000_000_000_000_000.0],
    });
    let serde_json::Value::Object(map) = value else { panic!("an object") };
    JsonObject::new(map).expect("short enough")
}

/// A JSON object.
pub fn object(value: serde_json::Value) -> JsonObject {
    let serde_json::Value::Object(map) = value else { panic!("an object") };
    JsonObject::new(map).expect("short enough")
}

/// A session that reports itself, at the top of a tree of its own.
pub fn registration(n: u32) -> Registration {
    Registration {
        id: session_id(n),
        parent_id: None,
        provider: ProviderName::internal(),
        provider_session_id: None,
        replica: None,
        started_by: None,
        mission_id: None,
        task_id: text("FD-1"),
        task_source: TaskSource::default(),
        agent_type: text("worker"),
        status: SessionStatus::Running,
        gate_profile: None,
        context: JsonObject::default(),
        metadata: JsonObject::default(),
        at: at(0),
    }
}

/// A session that reports itself, below another one.
pub fn child(n: u32, parent: u32) -> Registration {
    Registration { parent_id: Some(session_id(parent)), ..registration(n) }
}

/// A message of an agent.
pub fn message(n: u32) -> NewMessage {
    NewMessage {
        id: message_id(n),
        role: MessageRole::Assistant,
        content: text(&format!("message {n}")),
        metadata: JsonObject::default(),
        created_at: at(n),
    }
}

/// What an agent says, as message `n`.
pub fn said(n: u32, words: &str) -> NewMessage {
    NewMessage { content: text(words), ..message(n) }
}

/// Many of them.
pub fn messages(range: std::ops::RangeInclusive<u32>) -> Vec<NewMessage> {
    range.map(message).collect()
}

/// Somebody saw session `n` in a status, `second` seconds in. The id of its message is unlike those of [`message`].
pub fn observation(n: u32, status: SessionStatus, second: u32) -> Observation {
    Observation {
        session_id: session_id(n),
        status,
        reason: None,
        provider_session_id: None,
        message_id: message_id(1_000_000 + second),
        at: at(second),
    }
}

/// An operator.
pub fn actor(n: u32) -> Actor {
    Actor::key(&key_id(n))
}

/// Who steps in, and when; with a reason that is [`AWKWARD`].
pub fn by(actor_number: u32, second: u32) -> Attribution {
    Attribution {
        actor: actor(actor_number),
        reason: Some(text(AWKWARD)),
        request_id: text(&format!("req-{second}")),
        at: at(second),
        idempotency_key: None,
        spooled: false,
    }
}

/// The same with a key.
pub fn keyed(actor_number: u32, second: u32, key: &str) -> Attribution {
    Attribution { idempotency_key: Some(text(key)), ..by(actor_number, second) }
}

/// One operator action on session `n`.
pub fn action(n: u32, intervention: Intervention) -> OperatorAction {
    OperatorAction { session_id: session_id(n), intervention, operation: None, able: None, by: by(1, 50) }
}

/// The id of operation `n`.
pub fn operation_id(n: u32) -> OperationId {
    OperationId::new(uuid(n))
}

/// Operation `operation`: a wish for session `n` and those around it.
pub fn scoped(operation: u32, n: u32, wish: Wish, reach: Reach) -> ScopedAction {
    ScopedAction {
        operation: operation_id(operation),
        session_id: session_id(n),
        reach,
        wish,
        drop_queued: false,
        by: by(1, 50 + operation),
    }
}

/// A message of an operator, as it is queued.
pub fn inject(message: u32) -> Intervention {
    Intervention::Inject {
        message_id: message_id(message),
        content: text(&format!("{AWKWARD}\nmessage {message}")),
        delivery: Delivery::Queue,
    }
}

/// An action on all.
pub fn fleet(intervention: FleetIntervention) -> FleetAction {
    FleetAction { intervention, operation: None, by: by(1, 60) }
}

/// Why.
pub fn reason(words: &str) -> Reason {
    text(words)
}

/// The id of API key `n`.
pub fn key_id(n: u32) -> KeyId {
    KeyId::new(&format!("{n:012x}")).expect("twelve digits")
}

/// An API key, whose secret is `secret n`.
pub fn key(n: u32) -> ApiKey {
    ApiKey {
        id: key_id(n),
        name: text(AWKWARD),
        role: Role::Operator,
        bound_to: None,
        place: SessionPlace::default(),
        missions: None,
        secret_hash: SecretHash::of(&format!("secret {n}")),
        created_at: at(n),
        expires_at: None,
        revoked_at: None,
    }
}
