//! What lines tell: messages in the form of the API, and the runtime's own id of the session.

use flightdeck_agent_io::text::shown;
use flightdeck_domain::usage::Usage;
use serde_json::{Map, Value, json};

/// The longest content and metadata, a little below what the server takes.
const MOST_CONTENT: usize = 1_000_000;
const MOST_METADATA: usize = 200_000;
/// How deep metadata are: the server reads a little more, within a batch.
const DEEPEST: usize = 60;
/// What is kept where metadata are too long: the longest text, and the most members, from generous to mean.
const SHORTER: [(usize, usize); 4] = [(50_000, 2_000), (5_000, 500), (500, 100), (100, 20)];
/// What stands in the place of what is left out of metadata.
const LEFT_OUT: &str = "…";

/// One thing that was told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Message(Value),
    /// The runtime's own id of the session.
    Session(String),
}

/// What was told, in order.
#[derive(Debug, Default)]
pub(super) struct Told {
    items: Vec<Item>,
    usage: Vec<Usage>,
    /// Where the messages of the current event begin.
    event: usize,
    /// Whether the event says nothing of its own.
    is_quiet: bool,
}

impl Told {
    /// A message, when there is anything in it.
    pub(super) fn say(&mut self, role: &str, content: &str, metadata: &Value) {
        if content.trim().is_empty() {
            return;
        }
        let content = shown(content, MOST_CONTENT);
        self.items.push(Item::Message(json!({"role": role, "content": content, "metadata": fitted(metadata)})));
    }

    /// The event says nothing of its own, or is held back: what it begins or repeats is told as a whole elsewhere. An event of
    /// which nothing is told and that is not quiet counts as not known.
    pub(super) const fn hush(&mut self) {
        self.is_quiet = true;
    }

    /// Whether anything was told, or need not be.
    pub(super) const fn is_enough(&self) -> bool {
        self.is_quiet || !self.items.is_empty() || !self.usage.is_empty()
    }

    /// The runtime's own id of the session. An id that no session can have is none.
    pub(super) fn session(&mut self, id: &str) {
        if !id.trim().is_empty() && id.len() <= 200 && !id.chars().any(char::is_control) {
            self.items.push(Item::Session(id.to_owned()));
        }
    }

    /// What the event says of usage. It goes with the messages of the event, one each; what is left gets messages of its
    /// own.
    pub(super) fn used(&mut self, usage: impl IntoIterator<Item = Usage>) {
        self.usage.extend(usage);
    }

    /// Ends an event: nothing of its usage is left without a message.
    pub(super) fn close(&mut self) {
        let mut usage = std::mem::take(&mut self.usage).into_iter();
        for item in self.items.iter_mut().skip(self.event) {
            let Item::Message(Value::Object(message)) = item else { continue };
            if message.contains_key("usage") {
                continue;
            }
            let Some(usage) = usage.next() else { break };
            message.insert("usage".to_owned(), json!(usage));
        }
        for usage in usage {
            let whose = usage.model().unwrap_or("the model").to_owned();
            let message = json!({"role": "system", "content": format!("usage of {}", shown(&whose, 200)),
                "metadata": {"type": "usage"}, "usage": usage});
            self.items.push(Item::Message(message));
        }
        self.event = self.items.len();
    }

    /// What was told elsewhere.
    pub(super) fn extend(&mut self, items: Vec<Item>) {
        self.close();
        self.items.extend(items);
        self.event = self.items.len();
    }

    /// All of it.
    pub(super) fn take(&mut self) -> Vec<Item> {
        self.close();
        self.event = 0;
        std::mem::take(&mut self.items)
    }
}

/// Metadata that the server takes: not too long, not too deep, and without the character that databases refuse. Where
/// something is left out, `cut` says so.
pub(super) fn fitted(metadata: &Value) -> Value {
    let whole = trimmed(metadata, usize::MAX, usize::MAX, DEEPEST);
    if length(&whole) <= MOST_METADATA {
        return whole;
    }
    for (text, members) in SHORTER {
        let mut shorter = trimmed(metadata, text, members, DEEPEST);
        if length(&shorter) <= MOST_METADATA {
            if let Some(object) = shorter.as_object_mut() {
                object.insert("cut".to_owned(), true.into());
            }
            return shorter;
        }
    }
    json!({"type": metadata.get("type").and_then(Value::as_str).map(|kind| shown(kind, 100)), "cut": true})
}

fn length(value: &Value) -> usize {
    value.to_string().len()
}

fn trimmed(value: &Value, text: usize, members: usize, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return match value {
            Value::Array(_) | Value::Object(_) => LEFT_OUT.into(),
            Value::String(plain) => shown(plain, text).into(),
            plain => plain.clone(),
        };
    };
    match value {
        Value::String(plain) => shown(plain, text).into(),
        Value::Array(elements) => {
            let mut kept: Vec<Value> =
                elements.iter().take(members).map(|element| trimmed(element, text, members, depth)).collect();
            if elements.len() > kept.len() {
                kept.push(LEFT_OUT.into());
            }
            kept.into()
        }
        Value::Object(object) => {
            let kept = object
                .iter()
                .take(members)
                .map(|(name, value)| (shown(name, text), trimmed(value, text, members, depth)));
            let mut kept: Map<String, Value> = kept.collect();
            if object.len() > members {
                kept.insert(LEFT_OUT.to_owned(), true.into());
            }
            kept.into()
        }
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let mut told = Told::default();
        told.say("tool", &"é".repeat(600_000), &json!({"type": "t", "input": "x".repeat(300_000), "id": 7}));
        let [Item::Message(long)] = &told.take()[..] else { panic!("one message") };
        let content = long["content"].as_str().expect("text");
        assert!(content.len() <= MOST_CONTENT && content.ends_with(flightdeck_agent_io::text::CUT));
        let metadata = &long["metadata"];
        assert_eq!((&metadata["type"], &metadata["id"], &metadata["cut"]), (&json!("t"), &json!(7), &json!(true)));
        assert!(metadata["input"].as_str().is_some_and(|input| input.len() == 50_000));
        let wide = fitted(&json!({"type": "t", "all": vec!["x".repeat(1_000); 10_000]}));
        assert!(wide["cut"] == true && wide["all"].as_array().is_some_and(|all| all.len() > 100), "{wide}");
    }

    #[test]
    fn what_is_too_deep_or_no_text_is_left_out() {
        let mut deep = json!("x");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        let text = fitted(&json!({"deep": deep, "n\0l": "\0"})).to_string();
        assert!(text.contains("[\"…\"]") && text.contains("n\u{fffd}l") && !text.contains("\\u0000"), "{text}");
    }

    #[test]
    fn usage_goes_with_the_messages_of_its_event_and_none_is_lost() {
        let usage = |tokens| serde_json::from_value::<Usage>(json!({"inputTokens": tokens})).expect("usage");
        let mut told = Told::default();
        told.say("assistant", "before", &json!({}));
        told.close();
        told.say("assistant", "one", &json!({}));
        told.used([usage(1), usage(2)]);
        let items = told.take();
        let tokens: Vec<Value> = items
            .iter()
            .map(|item| match item {
                Item::Message(message) => message.pointer("/usage/inputTokens").cloned().unwrap_or_default(),
                Item::Session(_) => Value::Null,
            })
            .collect();
        assert_eq!(tokens, [Value::Null, json!(1), json!(2)]);
    }
}
