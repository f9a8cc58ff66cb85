//! A server with a small fleet of agents that report by themselves, and commands on it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Output;

use serde_json::json;
use tempfile::TempDir;

use crate::support::process::{Server, flightdeck, run, told};

pub(crate) const LEAD: &str = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11";
pub(crate) const TESTER: &str = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b22";
pub(crate) const EDITOR: &str = "0198c1f0-7d3e-7c2a-9a51-3f6f0d0e8b33";
pub(crate) const APPROVAL: &str = "0198c1f0-7d3e-7c2a-9a51-3f6f0e0e8b44";

pub(crate) struct Desk {
    _folder: TempDir,
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Server,
}

impl Desk {
    /// A server on which nothing has happened.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let server = Server::start(&data_dir);
        Self { _folder: folder, data_dir, server }
    }

    /// The same on a server with a configuration of agents.
    pub(crate) fn with_agents(configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("flightdeck.toml"), configuration).expect("written");
        let data_dir = folder.path().join("data");
        let server = Server::start(&data_dir);
        Self { _folder: folder, data_dir, server }
    }

    /// With a lead, a tester below it that waits for permission, and an editor that has failed.
    pub(crate) fn with_fleet() -> Self {
        let desk = Self::empty();
        let admin = desk.server.admin();
        let sessions = [
            (LEAD, None, "lead", "PAY-1", Some("ledger")),
            (TESTER, Some(LEAD), "tester", "PAY-2", None),
            (EDITOR, None, "editor", "DOC-1", None),
        ];
        for (id, parent, kind, task, mission) in sessions {
            let body = json!({"sessionId": id, "parentSessionId": parent, "agentType": kind, "taskId": task,
                "missionId": mission});
            assert_eq!(admin.post("/agents", &body).0, 201);
        }
        let said = json!([
            {"role": "user", "content": "Move the ledger."},
            {"role": "assistant", "content": "Two steps:\n1. write both\n2. compare", "metadata": {"type": "thought"}},
            {"role": "tool", "content": "3 failed"},
        ]);
        assert_eq!(admin.post(&format!("/agents/{LEAD}/messages"), &said).0, 201);
        let asks = json!({"id": APPROVAL, "title": "Push to main", "detail": {"cmd": "git push"}});
        assert_eq!(admin.post(&format!("/agents/{TESTER}/approvals"), &asks).0, 201);
        let failed = json!({"status": "failed", "reason": "the disk is full"});
        assert_eq!(admin.post(&format!("/agents/{EDITOR}/status"), &failed).0, 200);
        desk
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(&mut flightdeck(&self.data_dir, arguments))
    }

    /// Commands with what they print and end with, as a person would see them, less what differs from run to run.
    pub(crate) fn transcript(&self, commands: &[&[&str]]) -> String {
        let mut text = String::new();
        for arguments in commands {
            let output = self.run(arguments);
            let (out, err) = told(&output);
            let shown: Vec<String> = arguments
                .iter()
                .map(|word| if word.contains(' ') { format!("\"{word}\"") } else { (*word).to_owned() })
                .collect();
            writeln!(text, "$ flightdeck {}", shown.join(" ")).expect("written");
            text.extend([out, err]);
            match output.status.code() {
                Some(0) => {}
                code => writeln!(text, "[{}]", code.expect("it ends by itself")).expect("written"),
            }
            text.push('\n');
        }
        let text = text.replace(&self.server.address.to_string(), "127.0.0.1:7600");
        let text = text.replace(&self.data_dir.display().to_string(), "flightdeck-data");
        redact(&text)
    }
}

/// Times, ages, minted ids and hashes differ from run to run. What takes their place is as long, so that columns stay.
fn redact(text: &str) -> String {
    text.lines().map(redact_line).collect::<Vec<_>>().join("\n")
}

fn redact_line(line: &str) -> String {
    // What was typed, and what is said of it.
    if line.starts_with("$ ") || line.starts_with("flightdeck: --") {
        return line.to_owned();
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = Vec::new();
    // An age may have become longer while the test waited for a busy machine.
    let mut due = 0;
    for word in line.split(' ') {
        let blanks = if word == "ago" { 0 } else { std::mem::take(&mut due) };
        if word.strip_suffix(['s', 'm']).is_some_and(digits) {
            // In the tree ages end at one place, in tables they begin at one.
            let (before, behind) = if line.contains(" msgs") { (word.len() - 2, 0) } else { (0, word.len() - 2) };
            due = behind;
            words.push(format!("{}#s", " ".repeat(before)));
        } else {
            words.push(format!("{}{}", " ".repeat(blanks), redact_ids(word)));
        }
    }
    words.join(" ").trim_end().to_owned()
}

fn redact_ids(word: &str) -> String {
    // JSON has them between quotes, and nothing stands below it.
    if word.contains('"') {
        return word.split('"').map(redact_ids).collect::<Vec<_>>().join("\"");
    }
    // The id of a key stands behind its name.
    if let Some(id) = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')) {
        return format!("({})", redact_ids(id));
    }
    if [LEAD, TESTER, EDITOR, APPROVAL]
        .iter()
        .any(|known| *known == word || known.get(28..) == Some(word) || known.get(..8) == Some(word))
    {
        return word.to_owned();
    }
    let shaped = |shape: &str| {
        word.len() == shape.len()
            && word.bytes().zip(shape.bytes()).all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                like => byte == like,
            })
    };
    let known = [
        "0000-00-00",
        "00:00:00",
        "00:00:00Z",
        "0000-00-00T00:00:00.000000Z",
        "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
        "xxxxxxxxxxxx",
        "xxxxxxxx",
    ];
    known.into_iter().find(|shape| shaped(shape)).unwrap_or(word).to_owned()
}
