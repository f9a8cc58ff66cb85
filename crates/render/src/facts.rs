//! What is known of a tool call, whichever way its agent says it.

use serde_json::{Map, Value};

/// The metadata of a message, as it says what a tool did.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Facts<'a> {
    fn data(self) -> Option<&'a Map<String, Value>> {
        self.0.get("data")?.as_object()
    }

    fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(crate) fn kind(self) -> &'a str {
        self.text("type").unwrap_or_default()
    }

    /// The name of the tool, as its agent gives it.
    pub(crate) fn tool(self) -> Option<&'a str> {
        let of_hook = || self.data()?.get("tool_name")?.as_str();
        ["tool", "name", "toolName", "title"].into_iter().find_map(|name| self.text(name)).or_else(of_hook)
    }

    /// What the Agent Client Protocol calls the kind of a tool.
    pub(crate) fn kind_of_tool(self) -> &'a str {
        self.text("kind").unwrap_or_default()
    }

    pub(crate) fn input(self) -> Option<&'a Value> {
        self.0.get("input").or_else(|| self.data()?.get("tool_input")).filter(|input| !input.is_null())
    }

    /// The first file that the agent says a call is about.
    pub(crate) fn location(self) -> Option<&'a str> {
        self.0.get("locations")?.get(0)?.get("path")?.as_str()
    }

    /// The code with which a program ended.
    pub(crate) fn exit(self) -> Option<i64> {
        let exit = self.0.get("exit");
        let of_exit = |name: &str| exit?.get(name)?.as_i64();
        let own = self.0.get("exitCode").and_then(Value::as_i64);
        own.or_else(|| of_exit("exit_code")).or_else(|| of_exit("exitCode"))
    }

    pub(crate) fn failed(self) -> bool {
        let is = |name: &str| self.0.get(name).and_then(Value::as_bool).unwrap_or_default();
        is("failed") || is("isError") || matches!(self.kind(), "tool_error" | "tool_denied")
    }

    pub(crate) fn is_call(self) -> bool {
        self.kind() == "tool_call"
    }

    pub(crate) fn is_result(self) -> bool {
        matches!(self.kind(), "tool_result" | "tool_error" | "tool_denied")
    }
}

/// A member of an input, under the first of these names that it has, as text.
pub(crate) fn member<'a>(input: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| input.get(name)?.as_str())
}

/// A text in one line, of at most so many characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut characters = 0_usize;
    // A long text is not read to its end for the sake of its beginning.
    let head = text.char_indices().nth(most.saturating_mul(4)).and_then(|(at, _)| text.get(..at)).unwrap_or(text);
    for word in head.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
            characters = characters.saturating_add(1);
        }
        for character in word.chars() {
            if characters >= most {
                line.push('…');
                return line;
            }
            line.push(character);
            characters = characters.saturating_add(1);
        }
    }
    if head.len() < text.len() {
        line.push('…');
    }
    line
}
