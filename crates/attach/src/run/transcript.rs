//! Lines become what was told.

use flightdeck_agent_io::json;
use flightdeck_agent_io::lines::{LONGEST, Line};
use flightdeck_agent_io::text::{decoded, one_line};
use flightdeck_domain::usage::Reading;
use serde_json::{Value, json};

use super::presets::{Choice, Reader};
use super::told::{Item, Told};

/// After so many lines no preset is guessed any more.
const GUESSED: usize = 50;
/// A JSON text over several lines is given up beyond this, and is lines of text then.
const MOST_LINES: usize = 20_000;
const MOST_BYTES: usize = 4 << 20;
/// So much of what is not known goes into one message.
const MOST_FOLDED: usize = 100;
const MOST_FOLDED_BYTES: usize = 100_000;
/// So much of a line that cannot be read is shown.
const MOST_SHOWN: usize = 1_000;

/// Reads the output of a command, line by line, so that nothing of it is lost.
pub(super) struct Transcript {
    choice: Choice,
    reader: Box<dyn Reader>,
    lines: usize,
    told: Told,
    /// A JSON text that goes over several lines, as far as it has come.
    block: Option<Block>,
    folded: Folded,
}

#[derive(Default)]
struct Block {
    lines: Vec<String>,
    bytes: usize,
}

/// Events that are not known, which go into one message together.
#[derive(Default)]
struct Folded {
    names: Vec<String>,
    events: Vec<Value>,
    bytes: usize,
}

impl Transcript {
    pub(super) fn new(choice: Choice) -> Self {
        let reader = choice.reader();
        Self { choice, reader, lines: 0, told: Told::default(), block: None, folded: Folded::default() }
    }

    /// Whether the totals of the session go on from an earlier run of it.
    pub(super) fn totals_go_on(&self) -> bool {
        self.choice.preset.is_some_and(|preset| preset.totals_go_on)
    }

    /// Whether the command looks as if it takes up an earlier session.
    pub(super) fn takes_up(&self) -> bool {
        self.choice.takes_up()
    }

    /// The last totals of an earlier run of the same session.
    pub(super) fn going_on_from(&mut self, totals: Vec<Reading>) {
        self.reader.going_on_from(totals);
    }

    /// Reads a line.
    pub(super) fn line(&mut self, line: &Line) -> Vec<Item> {
        match line {
            Line::Whole(bytes) => {
                let text = decoded(bytes);
                if !self.is_within_a_block(&text) {
                    self.whole(bytes, &text);
                }
            }
            Line::TooLong { head, bytes } => {
                self.give_up_the_block();
                self.unfold();
                let head = one_line(&decoded(head), MOST_SHOWN);
                let most = LONGEST >> 20;
                let said = format!(
                    "a line of {bytes} bytes was left out, for more than {most} MiB are not read; it begins: {head}"
                );
                self.told.say("system", &said, &json!({"type": "unreadable", "bytes": bytes}));
            }
        }
        self.told.take()
    }

    /// Tells what was held back, for nothing has come for a while.
    pub(super) fn idle(&mut self) -> Vec<Item> {
        self.give_up_the_block();
        self.unfold();
        self.told.take()
    }

    /// Tells what was held back; nothing more comes.
    pub(super) fn finish(&mut self) -> Vec<Item> {
        self.give_up_the_block();
        self.unfold();
        self.reader.finish(&mut self.told);
        self.told.take()
    }

    /// Takes in a line of a JSON text that goes over several. Printers of JSON put the brackets that open and close it on
    /// lines of their own.
    fn is_within_a_block(&mut self, line: &str) -> bool {
        let Some(mut block) = self.block.take() else {
            let opens = matches!(line.trim_end(), "{" | "[");
            if opens {
                self.block = Some(Block { lines: vec![line.to_owned()], bytes: line.len() });
            }
            return opens;
        };
        block.bytes += line.len();
        block.lines.push(line.to_owned());
        let closes = matches!(line.trim_end(), "}" | "]");
        if closes {
            let whole = block.lines.join("\n");
            if let Ok(read) = json::read(whole.as_bytes()) {
                self.value(&read.value, &whole);
            } else {
                self.block = Some(block);
                self.give_up_the_block();
            }
        } else if block.lines.len() >= MOST_LINES || block.bytes >= MOST_BYTES {
            self.block = Some(block);
            self.give_up_the_block();
        } else {
            self.block = Some(block);
        }
        true
    }

    fn give_up_the_block(&mut self) {
        for line in self.block.take().into_iter().flat_map(|block| block.lines) {
            self.whole(line.as_bytes(), &line);
        }
    }

    fn whole(&mut self, bytes: &[u8], text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.lines = self.lines.saturating_add(1);
        // A line may be any value; only objects, and arrays of them, are events.
        if !text.trim_start().starts_with(['{', '[']) {
            self.unfold();
            self.reader.text(text, &mut self.told);
            self.told.close();
            return;
        }
        if let Ok(read) = json::read(bytes) {
            self.value(&read.value, text);
        } else {
            self.unfold();
            self.reader.unreadable(text, &mut self.told);
            self.told.close();
        }
    }

    fn value(&mut self, value: &Value, written: &str) {
        self.guess(value);
        match value {
            Value::Array(events) if self.choice.preset.is_some() && events.iter().all(Value::is_object) => {
                for event in events {
                    self.event(event, &event.to_string());
                }
            }
            Value::Object(_) => self.event(value, written),
            _ => {
                self.unfold();
                self.reader.text(written, &mut self.told);
                self.told.close();
            }
        }
    }

    fn event(&mut self, event: &Value, written: &str) {
        // What is told of it comes behind what was folded before it.
        let mut told = Told::default();
        if self.reader.event(event, written, &mut told) && told.is_enough() {
            let items = told.take();
            if !items.is_empty() {
                self.unfold();
                self.told.extend(items);
            }
            return;
        }
        self.told.extend(told.take());
        self.folded.bytes += written.len();
        self.folded.names.push(name(event));
        self.folded.events.push(event.clone());
        if self.folded.events.len() >= MOST_FOLDED || self.folded.bytes >= MOST_FOLDED_BYTES {
            self.unfold();
        }
    }

    fn guess(&mut self, value: &Value) {
        if self.choice.preset.is_none()
            && self.choice.may_guess
            && self.lines <= GUESSED
            && let Some((preset, reader)) = self.choice.guess(value)
        {
            self.choice.preset = Some(preset);
            self.reader = reader;
        }
    }

    /// Tells the events that are not known as one message.
    fn unfold(&mut self) {
        let Folded { names, events, .. } = std::mem::take(&mut self.folded);
        if events.is_empty() {
            return;
        }
        let mut counted: Vec<(String, usize)> = Vec::new();
        for name in names {
            match counted.iter_mut().find(|(known, _)| *known == name) {
                Some((_, times)) => *times += 1,
                None => counted.push((name, 1)),
            }
        }
        let told = |(name, times): &(String, usize)| {
            if *times == 1 { name.clone() } else { format!("{name} ({times} times)") }
        };
        let names = counted.iter().map(told).collect::<Vec<_>>().join(", ");
        let what = if events.len() == 1 { "event" } else { "events" };
        let said = one_line(&format!("{what}: {names}"), MOST_SHOWN);
        self.told.say("system", &said, &json!({"type": "event", "events": events}));
        self.told.close();
    }
}

/// What an event calls itself.
fn name(event: &Value) -> String {
    let words = ["type", "subtype", "event", "kind", "method"].map(|field| event.get(field).and_then(Value::as_str));
    let words: Vec<&str> = words.into_iter().flatten().filter(|word| !word.trim().is_empty()).collect();
    if words.is_empty() { one_line(&event.to_string(), 80) } else { one_line(&words.join(" "), 80) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(preset: &str) -> Transcript {
        Transcript::new(Choice::of(preset, &[]))
    }

    fn read(transcript: &mut Transcript, lines: &[&str]) -> Vec<Value> {
        let mut items: Vec<Item> =
            lines.iter().flat_map(|line| transcript.line(&Line::Whole(line.as_bytes().to_vec()))).collect();
        items.extend(transcript.finish());
        let messages = items.into_iter().filter_map(|item| match item {
            Item::Message(message) => Some(message),
            Item::Session(_) => None,
        });
        messages.collect()
    }

    fn said(messages: &[Value]) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        messages.iter().map(|it| format!("{}: {}", word(&it["role"]), word(&it["content"]))).collect()
    }

    #[test]
    fn what_is_not_known_is_one_folded_message() {
        let hook = r#"{"type":"system","subtype":"hook_started","n":1}"#;
        let turn = r#"{"type":"assistant","message":{"content":"hi"}}"#;
        let messages = read(&mut transcript("claude"), &[hook, hook, r#"{"odd":1}"#, turn, hook]);
        assert_eq!(
            said(&messages),
            [
                "system: events: system hook_started (2 times), {\"odd\":1}",
                "assistant: hi",
                "system: event: system hook_started"
            ]
        );
        assert_eq!(messages[0]["metadata"]["events"][2], json!({"odd": 1}));
    }

    #[test]
    fn a_known_event_that_tells_nothing_is_not_lost() {
        let strange = r#"{"type":"assistant","message":{"content":[],"odd":1}}"#;
        let messages = read(&mut transcript("claude"), &[strange, r#"{"type":"stream_event"}"#]);
        assert_eq!(said(&messages), ["system: event: assistant"]);
        assert_eq!(messages[0]["metadata"]["events"][0]["message"]["odd"], 1);
    }

    #[test]
    fn a_json_text_over_several_lines_is_one() {
        let pretty = ["{", "  \"odd\": [", "    1", "  ]", "}"];
        let messages = read(&mut transcript("codex"), &pretty);
        assert_eq!((messages.len(), &messages[0]["metadata"]["events"][0]), (1, &json!({"odd": [1]})));
        let messages = read(&mut transcript("plain"), &pretty);
        assert_eq!(said(&messages), [format!("assistant: {}", pretty.join("\n"))]);
        let code = ["{", "  return;", "}", "done"];
        assert_eq!(said(&read(&mut transcript("plain"), &code)).len(), 4, "what is none is lines of text");
    }

    #[test]
    fn a_long_line_is_one_message_and_its_cost_is_counted() {
        let image = "A".repeat(1_300_000);
        let line = json!({"type": "result", "subtype": "success", "total_cost_usd": 0.25, "is_error": true, "result": image,
            "modelUsage": {"opus": {"inputTokens": 3, "costUSD": 0.25}}});
        let messages = read(&mut transcript("claude"), &[&line.to_string()]);
        assert_eq!((messages.len(), &messages[0]["usage"]["costUsd"]), (1, &json!(0.25)));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let mut claude = transcript("claude");
        let messages = read(&mut claude, &["npm notice", "{\"type\":\"assis", "[1,2]"]);
        let kinds: Vec<&Value> = messages.iter().map(|it| &it["metadata"]["type"]).collect();
        assert_eq!(kinds, ["output", "unreadable", "output"]);
        let items = claude.line(&Line::TooLong { head: b"{\"type\"".to_vec(), bytes: 70_000_000 });
        let [Item::Message(message)] = &items[..] else { panic!("one message") };
        assert_eq!(
            message["content"],
            "a line of 70000000 bytes was left out, for more than 64 MiB are not read; it begins: {\"type\""
        );
        let bytes = b"\xef\xbb\xbf{\"type\":\"assistant\",\"message\":{\"content\":\"caf\xe9 \\ud83d\"}}";
        let Item::Message(message) = claude.line(&Line::Whole(bytes.to_vec())).remove(0) else { panic!("a message") };
        assert_eq!(message["content"], "caf\u{fffd} \u{fffd}");
    }

    #[test]
    fn the_first_lines_tell_the_preset_where_the_command_does_not() {
        let lines = ["npm notice", r#"{"type":"thread.started","thread_id":"t"}"#, r#"{"type":"turn.started"}"#];
        assert_eq!(
            said(&read(&mut Transcript::new(Choice::of("auto", &[])), &lines)),
            ["assistant: npm notice", "system: session started"]
        );
        assert_eq!(said(&read(&mut transcript("plain"), &lines)).len(), 3, "unless they are to be read as text");
    }
}
