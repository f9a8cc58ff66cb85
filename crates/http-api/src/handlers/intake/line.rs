//! Each line becomes one message: the message that it contains, or one that says that the line is no message.

use flightdeck_agent_io::lines::Line;
use flightdeck_agent_io::{json as lenient, text};
use flightdeck_domain::ids::{MessageId, SessionId};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::text::{JsonObject, MessageContent};
use flightdeck_domain::use_cases::MessageInput;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dto::MessageBody;
use crate::extract::{decode, decode_value};
use crate::problem::{ApiError, FieldFault};

/// How much of a line that is no message is shown, in bytes.
const SHOWN: usize = 1_000;

/// The result of reading a line.
pub(super) struct Taken {
    pub(super) input: MessageInput,
    /// Whether it is the message that the line was meant to be.
    pub(super) is_message: bool,
}

/// Reads a line, and says what is wrong with a line that was read and is no message. An empty line gives nothing.
pub(super) fn taken(session: SessionId, line: Line, place: usize) -> Option<(Taken, Option<Vec<FieldFault>>)> {
    let whole = match line {
        Line::Whole(line) if line.trim_ascii().is_empty() => return None,
        Line::Whole(line) => line,
        Line::TooLong { head, bytes } => {
            return Some((notice(session, &head, bytes, "it is longer than 64 MiB")?, None));
        }
    };
    let bytes = u64::try_from(whole.len()).unwrap_or(u64::MAX);
    match message(&whole) {
        Ok(input) => Some((Taken { input, is_message: true }, None)),
        Err(Fault::Unreadable(why)) => Some((notice(session, &whole, bytes, &why)?, None)),
        Err(Fault::NoMessage(error)) => {
            let taken = notice(session, &whole, bytes, &error.to_string())?;
            let faults = if let ApiError::Invalid(faults) = error { faults } else { Vec::new() };
            // Where the line stands is said in the answer alone: told twice, the same line must be the same message.
            let placed = |fault: FieldFault| FieldFault { field: format!("/{place}{}", fault.field), ..fault };
            Some((taken, Some(faults.into_iter().map(placed).collect())))
        }
    }
}

enum Fault {
    Unreadable(String),
    NoMessage(ApiError),
}

fn message(line: &[u8]) -> Result<MessageInput, Fault> {
    let strict = match decode::<MessageBody>(line, "") {
        Ok(body) => return Ok(body.into()),
        Err(error) => error,
    };
    let value = lenient::read(line).map_err(|error| Fault::Unreadable(error.to_string()))?.value;
    let Value::Object(mut object) = value else { return Err(Fault::NoMessage(strict)) };
    // A program that writes lines cannot be asked to write them again: what no conversation can hold is left out, and marked.
    let unfit = |said: &&str| said.len() > MessageContent::LIMIT || said.contains('\0');
    let said = object.get("content").and_then(Value::as_str).filter(unfit);
    let cut = said.map(|said| text::shown(said, MessageContent::LIMIT));
    let is_cut = cut.is_some();
    object.extend(cut.map(|cut| ("content".to_owned(), cut.into())));
    decode_value::<MessageBody>(Value::Object(object), "")
        .map(Into::into)
        .map_err(|error| Fault::NoMessage(if is_cut { error } else { strict }))
}

/// The message at the place of a line that is no message. The same line sent again is the same message.
fn notice(session: SessionId, line: &[u8], bytes: u64, why: &str) -> Option<Taken> {
    let head = text::one_line(&text::decoded(line.get(..SHOWN).unwrap_or(line)), SHOWN);
    let told = format!("a line of {bytes} bytes is not in the conversation: {why}. It begins: {head}");
    let content = MessageContent::new(text::shown(&told, MessageContent::LIMIT)).ok()?;
    let about = json!({"type": "skipped_line", "bytes": bytes});
    let input = MessageInput {
        id: Some(named(session, line, bytes)),
        metadata: about.as_object().cloned().and_then(|about| JsonObject::new(about).ok()).unwrap_or_default(),
        ..MessageInput::new(MessageRole::System, content)
    };
    Some(Taken { input, is_message: false })
}

fn named(session: SessionId, line: &[u8], bytes: u64) -> MessageId {
    let hash = Sha256::new()
        .chain_update(b"flightdeck-skipped-line/v1\0")
        .chain_update(session.as_uuid().as_bytes())
        .chain_update(bytes.to_be_bytes())
        .chain_update(line)
        .finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    MessageId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
