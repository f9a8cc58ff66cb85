//! What a tool call does, in a line, and what it was given.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::facts::{Facts, member, one_line};
use crate::limits::{Allowance, TEXT};
use crate::node::{Diff, Node};
use crate::{code, diff};

/// So much of what a call is about stands in its line, in characters.
const SUBJECT: usize = 200;
const PATHS: [&str; 8] =
    ["file_path", "filePath", "absolute_path", "notebook_path", "path", "dir_path", "filename", "file"];

/// A tool call in a line: `Edit src/a.rs +3 −1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RenderedCall)]
pub struct Call {
    /// What is done: the tool's own name, or a word for its kind where the name says nothing.
    pub verb: String,
    /// What it is done to: a file, a command, a pattern.
    pub subject: String,
    /// How many lines it adds, where that follows from what it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub added: Option<u64>,
    /// How many lines it removes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub removed: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Edit,
    Write,
    Read,
    Run,
    Search,
    Fetch,
    Ask,
    Other,
}

/// The names that agents give their tools, in small letters and without what stands between words.
const TOOLS: [(&str, Act); 43] = [
    ("edit", Act::Edit),
    ("multiedit", Act::Edit),
    ("notebookedit", Act::Edit),
    ("replace", Act::Edit),
    ("editfile", Act::Edit),
    ("strreplace", Act::Edit),
    ("strreplaceeditor", Act::Edit),
    ("strreplacebasededittool", Act::Edit),
    ("applypatch", Act::Edit),
    ("patch", Act::Edit),
    ("write", Act::Write),
    ("writefile", Act::Write),
    ("createfile", Act::Write),
    ("create", Act::Write),
    ("read", Act::Read),
    ("readfile", Act::Read),
    ("readmanyfiles", Act::Read),
    ("view", Act::Read),
    ("notebookread", Act::Read),
    ("bash", Act::Run),
    ("shell", Act::Run),
    ("localshell", Act::Run),
    ("terminal", Act::Run),
    ("execcommand", Act::Run),
    ("command", Act::Run),
    ("runshellcommand", Act::Run),
    ("runcommand", Act::Run),
    ("execute", Act::Run),
    ("grep", Act::Search),
    ("glob", Act::Search),
    ("ls", Act::Search),
    ("list", Act::Search),
    ("listdirectory", Act::Search),
    ("search", Act::Search),
    ("searchfilecontent", Act::Search),
    ("grepsearch", Act::Search),
    ("webfetch", Act::Fetch),
    ("fetch", Act::Fetch),
    ("websearch", Act::Fetch),
    ("googlewebsearch", Act::Fetch),
    ("task", Act::Ask),
    ("agent", Act::Ask),
    ("skill", Act::Ask),
];

fn act_of_name(name: &str) -> Act {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    TOOLS.into_iter().find(|(tool, _)| *tool == name).map_or(Act::Other, |(_, act)| act)
}

/// The kinds of the Agent Client Protocol, with a word for each.
fn act_of_kind(kind: &str) -> Option<(Act, &'static str)> {
    Some(match kind {
        "read" => (Act::Read, "Read"),
        "edit" => (Act::Edit, "Edit"),
        "delete" => (Act::Read, "Delete"),
        "move" => (Act::Read, "Move"),
        "search" => (Act::Search, "Search"),
        "execute" => (Act::Run, "Run"),
        "fetch" => (Act::Fetch, "Fetch"),
        _ => return None,
    })
}

/// What a program is started with: a text, or a list of words, in which a shell before its script is left out.
fn command(input: &Value) -> Option<String> {
    let given = ["command", "cmd", "script", "commands"].into_iter().find_map(|name| input.get(name))?;
    match given {
        Value::String(command) => Some(command.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                [_, "-c" | "-lc" | "-ic", script] => Some((*script).to_owned()),
                words => Some(words.join(" ")),
            }
        }
        _ => None,
    }
}

/// A text that is replaced, with the one in its place.
fn replacement(edit: &Value) -> Option<(&str, &str)> {
    let old = member(edit, &["old_string", "oldString", "old_str", "oldText", "old_source"]);
    let new = member(edit, &["new_string", "newString", "new_str", "newText", "new_source"]);
    (old.is_some() || new.is_some()).then(|| (old.unwrap_or_default(), new.unwrap_or_default()))
}

/// The diffs that follow from what an edit was given.
fn diffs(path: &str, input: &Value) -> Vec<Diff> {
    let written = member(input, &["patch", "input", "patchText", "diff"]).and_then(diff::written);
    if let Some(diff) = written {
        return vec![diff];
    }
    let edits = input.get("edits").and_then(Value::as_array);
    let edits = edits.map_or(std::slice::from_ref(input), Vec::as_slice);
    let edits = edits.iter().take(50).filter_map(replacement);
    edits
        .filter(|(old, new)| old.len().saturating_add(new.len()) <= TEXT)
        .filter_map(|(old, new)| diff::between(path, old, new))
        .collect()
}

/// What a call is about, as far as one can tell from what it was given.
fn subject(act: Act, facts: Facts<'_>, input: &Value) -> Option<String> {
    let path = || member(input, &PATHS).or_else(|| facts.location()).map(ToOwned::to_owned);
    let searched = || {
        let pattern = member(input, &["pattern", "query", "regex", "glob"])?;
        let place = member(input, &PATHS).map(|path| format!(" in {path}")).unwrap_or_default();
        Some(format!("{pattern}{place}"))
    };
    let said = |names: &[&str]| member(input, names).map(ToOwned::to_owned);
    match act {
        Act::Run => command(input).or_else(path),
        Act::Search => searched().or_else(path),
        Act::Fetch => said(&["url", "query", "prompt"]),
        Act::Ask => said(&["description", "prompt", "skill", "name"]),
        Act::Edit | Act::Write | Act::Read => path(),
        Act::Other => command(input).or_else(path).or_else(searched).or_else(|| said(&["url", "description"])),
    }
}

/// Everything that was given, in a line: a single value as it is, otherwise as JSON.
fn whole(input: &Value) -> String {
    match input {
        Value::Object(members) if members.is_empty() => String::new(),
        Value::Object(members) if members.len() == 1 => match members.values().next() {
            Some(Value::String(text)) => text.clone(),
            _ => input.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The line of a call, and what it was given as nodes where there is a better form than JSON. `content` is what the message
/// says.
pub(crate) fn read(facts: Facts<'_>, content: &str, allowance: &mut Allowance) -> (Call, Vec<Node>) {
    let nothing = Value::Null;
    let input = facts.input().unwrap_or(&nothing);
    let said = content.strip_prefix("command: ").filter(|_| facts.tool().is_none());
    let name = facts.tool().unwrap_or(if said.is_some() { "command" } else { "tool" });
    let (act, verb) = match (act_of_name(name), act_of_kind(facts.kind_of_tool())) {
        (Act::Other, Some((act, word))) => (act, word),
        (act, _) => (act, name),
    };
    let path = member(input, &PATHS).or_else(|| facts.location()).unwrap_or_default();
    let changes = match act {
        Act::Edit => diffs(path, input),
        // Some agents edit with a tool for all that one does to files.
        Act::Write | Act::Other => match member(input, &["content", "file_text", "contents"]) {
            Some(text) if act == Act::Write => diff::between(path, "", text).into_iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let is_known = !changes.is_empty();
    let about = match said {
        Some(command) => command.to_owned(),
        None => {
            subject(act, facts, input).or_else(|| changes.first().map(|diff| diff.path.clone())).unwrap_or_else(|| {
                // The title of the Agent Client Protocol says it in words.
                if verb == name { whole(input) } else { name.to_owned() }
            })
        }
    };
    let sum = |of: fn(&Diff) -> u64| is_known.then(|| changes.iter().map(of).fold(0, u64::saturating_add));
    let call = Call {
        verb: one_line(verb, 60),
        subject: one_line(&about, SUBJECT),
        added: sum(|diff| diff.added),
        removed: sum(|diff| diff.removed),
    };
    let mut nodes: Vec<Node> = changes.into_iter().map(Node::changes).collect();
    if act == Act::Run && nodes.is_empty() {
        let script = said.map(ToOwned::to_owned).or_else(|| command(input)).filter(|script| script.len() <= TEXT);
        nodes.extend(script.map(|script| code::block("bash", &script, allowance)));
    }
    (call, nodes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(metadata: &Value, content: &str) -> String {
        let metadata = metadata.as_object().expect("an object");
        let (call, _) = read(Facts(metadata), content, &mut Allowance::default());
        let counts = |sign: char, count: Option<u64>| count.map(|count| format!(" {sign}{count}")).unwrap_or_default();
        format!("{} {}{}{}", call.verb, call.subject, counts('+', call.added), counts('-', call.removed))
    }

    #[test]
    fn the_calls_of_every_agent_have_a_line() {
        let table = [
            (
                json!({"data": {"tool_name": "Edit", "tool_input": {"file_path": "src/a.rs", "old_string": "a\nb", "new_string": "a\nc\nd"}}}),
                "Edit src/a.rs +2 -1",
            ),
            (
                json!({"tool": "MultiEdit", "input": {"file_path": "b", "edits": [{"old_string": "x", "new_string": "y"}, {"old_string": "1\n2", "new_string": "1"}]}}),
                "MultiEdit b +1 -2",
            ),
            (json!({"tool": "Write", "input": {"file_path": "n.md", "content": "# N\n\ntext\n"}}), "Write n.md +3 -0"),
            (
                json!({"tool": "Bash", "input": {"command": "cargo test\n  --all", "description": "Run"}}),
                "Bash cargo test --all",
            ),
            (json!({"tool": "Read", "input": {"file_path": "/etc/hosts", "limit": 3}}), "Read /etc/hosts"),
            (json!({"tool": "Grep", "input": {"pattern": "fn main", "path": "src"}}), "Grep fn main in src"),
            (json!({"tool": "Task", "input": {"description": "Look", "prompt": "long"}}), "Task Look"),
            (
                json!({"tool": "edit", "input": {"filePath": "o.ts", "oldString": "", "newString": "x"}}),
                "edit o.ts +1 -0",
            ),
            (
                json!({"tool": "replace", "input": {"file_path": "g.py", "old_string": "a", "new_string": "b", "instruction": "i"}}),
                "replace g.py +1 -1",
            ),
            (json!({"tool": "run_shell_command", "input": {"command": "ls"}}), "run_shell_command ls"),
            (json!({"name": "shell", "input": {"command": ["bash", "-lc", "make"]}}), "shell make"),
            (
                json!({"name": "apply_patch", "input": {"input": "*** Begin Patch\n*** Update File: p.rs\n-a\n+b\n*** End Patch"}}),
                "apply_patch p.rs +1 -1",
            ),
            (json!({"name": "Edit the parser", "kind": "edit", "input": {"path": "p.rs"}}), "Edit p.rs"),
            (json!({"name": "ls", "kind": "execute", "input": {"command": "ls -l"}}), "ls ls -l"),
            (json!({"name": "Ask for the docs", "kind": "fetch", "input": {"what": [1]}}), "Fetch Ask for the docs"),
            (
                json!({"name": "grep TODO", "kind": "search", "input": {}, "locations": [{"path": "/src"}]}),
                "Search /src",
            ),
            (json!({"name": "deploy", "input": {"to": "prod", "n": 2}}), "deploy {\"to\":\"prod\",\"n\":2}"),
            (json!({"name": "note", "input": {"words": "hello"}}), "note hello"),
            (json!({"toolUseId": "i"}), "tool "),
        ];
        for (metadata, expected) in table {
            assert_eq!(line(&metadata, "whatever"), expected, "{metadata}");
        }
        assert_eq!(line(&json!({"toolUseId": "i"}), "command: cargo test"), "command cargo test");
    }

    #[test]
    fn a_line_is_short() {
        let long = line(&json!({"tool": "Bash", "input": {"command": "x ".repeat(100_000)}}), "");
        assert!(long.chars().count() < 220 && long.ends_with('…'), "{long}");
    }
}
