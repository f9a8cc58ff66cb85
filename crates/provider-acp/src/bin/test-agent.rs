//! An agent that speaks the protocol by a script: its prompt, a line for each step. It is what the tests run, and its own
//! supervisor besides.
//!
//! | step | what it does |
//! | --- | --- |
//! | `say TEXT`, `think TEXT` | says it in pieces of five characters |
//! | `wait MS` | waits; a cancel cuts it short and ends the turn |
//! | `deaf MS` | the same, and no cancel is heard |
//! | `miss MS` | the same, and cancels that come meanwhile are lost |
//! | `stubborn MS` | waits, and lets nobody set anything meanwhile |
//! | `tick MS TEXT` | says it every so often, each time as an item of its own, until the turn is cancelled; a prompt that comes meanwhile is answered at once |
//! | `tool NAME OUTPUT` | a tool call that succeeds |
//! | `ask TITLE` | asks for permission and says what was decided |
//! | `question TEXT` | asks for a name and says what was answered |
//! | `plan STEP` | a plan of one step |
//! | `usage N` | says that it has used N tokens |
//! | `print TEXT` | writes a line to standard output that is no message |
//! | `log TEXT` | writes a line to standard error |
//! | `stop REASON` | ends the turn with that stop reason |
//! | `error TEXT` | answers the prompt with an error |
//! | `raw LINE` | writes a line as it stands, with `$S` for its session and `$P` for the id of the prompt, and `\\xNN` for a byte |
//! | `after-ms MS LINE` | the same after so long, whatever the agent does by then |
//! | `unanswered` | ends the turn without an answer: a `raw` line may have given it |
//! | `set` | says what was set before the first prompt |
//! | `env NAME` | says what the variable holds |
//! | `cwd` | says where it works |
//! | `make NAME` | makes a file in its folder |
//! | `spin` | uses processor time until the turn is cancelled |
//! | `children N` | starts N processes that nobody waits for, each in a session of its own, and that ignore TERM |
//! | `crash` | ends with exit code 3 |
//! | `exit` | ends with exit code 0 after the turn |
//!
//! `$ENV(NAME)` in a step stands for what the variable holds. Anything else is said back. Its first argument may be
//! `slow-start`, `mute` (never answers), `garbage` (prints no protocol at all) or `forgetful` (cannot take up an earlier
//! session).

#![expect(clippy::indexing_slicing, reason = "a member that a JSON value does not have is null")]

use std::io::{BufRead, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn main() -> ExitCode {
    if let Some(code) = flightdeck_processes::divert() {
        return code;
    }
    let (sender, messages) = channel();
    std::thread::spawn(move || read(&sender));
    match std::env::args().nth(1).as_deref() {
        Some("mute") => std::thread::sleep(Duration::from_hours(1)),
        Some("garbage") => print("I am no agent, {\"but\": I write\n"),
        Some("slow-start") => std::thread::sleep(Duration::from_millis(300)),
        _ => {}
    }
    let mut agent = Agent { messages, waiting: Vec::new(), next_id: 1, exit: false, set: Vec::new() };
    while let Some(message) = agent.next() {
        agent.answer(&message);
        if agent.exit {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn read(sender: &Sender<Value>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if let Ok(message) = serde_json::from_str(&line)
            && sender.send(message).is_err()
        {
            return;
        }
    }
}

/// A step with what its variables hold.
fn filled(step: &str) -> String {
    let mut parts = step.split("$ENV(");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(')').unwrap_or((part, ""));
        text.push_str(&std::env::var(name).unwrap_or_default());
        text.push_str(rest);
    }
    text
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever does not listen is gone.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn send(message: &Value) {
    print(&format!("{message}\n"));
}

struct Agent {
    messages: Receiver<Value>,
    /// What came while it was at work.
    waiting: Vec<Value>,
    next_id: u64,
    exit: bool,
    /// What was set before the first prompt.
    set: Vec<String>,
}

/// Why a turn is over.
enum Over {
    Unanswered,
    Stop(String),
    Error(String),
}

impl Agent {
    fn next(&mut self) -> Option<Value> {
        if self.waiting.is_empty() { self.messages.recv().ok() } else { Some(self.waiting.remove(0)) }
    }

    fn answer(&mut self, message: &Value) {
        let (id, params) = (message["id"].clone(), &message["params"]);
        let forgetful = std::env::args().nth(1).as_deref() == Some("forgetful");
        match message["method"].as_str() {
            Some("initialize") => {
                let can = json!({"loadSession": !forgetful});
                let who = json!({"name": "test-agent", "version": "1"});
                send(&json!({"jsonrpc": "2.0", "id": id, "result":
                    {"protocolVersion": 1, "agentCapabilities": can, "agentInfo": who, "authMethods": [{"id": "key", "name": "Key"}]}}));
            }
            Some("session/new") => {
                self.set.push(format!("mcp={}", params["mcpServers"].as_array().map_or(0, Vec::len)));
                let modes = json!({"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "plan", "name": "Plan"}]});
                let option = json!({"id": "llm", "name": "Model", "category": "model", "type": "select", "currentValue": "small",
                    "options": [{"value": "small", "name": "S"}, {"value": "large", "name": "L"}]});
                send(&json!({"jsonrpc": "2.0", "id": id, "result":
                    {"sessionId": format!("s{}", std::process::id()), "modes": modes, "configOptions": [option]}}));
            }
            Some("authenticate" | "session/set_mode" | "session/set_config_option") => {
                let word = |name: &str| params[name].as_str().map_or_else(|| params[name].to_string(), str::to_owned);
                let set = match message["method"].as_str() {
                    Some("authenticate") => format!("auth={}", word("methodId")),
                    Some("session/set_mode") => format!("mode={}", word("modeId")),
                    _ => format!("{}={}", word("configId"), word("value")),
                };
                if set.ends_with("=bad") {
                    let error =
                        json!({"code": -32602, "message": "Invalid params", "data": {"details": "no such thing"}});
                    return send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
                }
                self.set.push(set);
                send(&json!({"jsonrpc": "2.0", "id": id, "result": {}}));
            }
            Some("session/load") => {
                let session = params["sessionId"].as_str().unwrap_or_default();
                update(session, &json!({"sessionUpdate": "user_message_chunk", "content": text("before")}));
                update(session, &json!({"sessionUpdate": "agent_message_chunk", "content": text("I did.")}));
                send(&json!({"jsonrpc": "2.0", "id": id, "result": {}}));
            }
            Some("session/prompt") => {
                let session = params["sessionId"].as_str().unwrap_or_default();
                let script = params["prompt"][0]["text"].as_str().unwrap_or_default();
                let reply = match self.play(session, script, &id) {
                    Over::Stop(reason) => json!({"jsonrpc": "2.0", "id": id, "result": {"stopReason": reason}}),
                    Over::Unanswered => return,
                    Over::Error(text) => {
                        json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": text}})
                    }
                };
                send(&reply);
            }
            // What was asked outside of a turn is decided.
            None if message["result"]["outcome"].is_object() => {
                let chosen = message["result"]["outcome"]["optionId"].as_str().unwrap_or("nothing");
                let session = std::env::args().nth(2).unwrap_or_else(|| format!("s{}", std::process::id()));
                said(&session, "agent_message_chunk", &format!("decided: {chosen}"));
            }
            _ => {}
        }
    }

    fn play(&mut self, session: &str, script: &str, id: &Value) -> Over {
        for step in script.lines() {
            let step = &filled(step);
            let (word, rest) = step.split_once(' ').unwrap_or((step, ""));
            let number = || rest.parse::<u64>().unwrap_or(0);
            let cut = match word {
                "say" => said(session, "agent_message_chunk", rest),
                "think" => said(session, "agent_thought_chunk", rest),
                "wait" => self.wait(Duration::from_millis(number())),
                "deaf" => {
                    std::thread::sleep(Duration::from_millis(number()));
                    false
                }
                "stubborn" => self.stubborn(Duration::from_millis(number())),
                "tick" => self.tick(session, rest),
                "tool" => tool(session, rest),
                "ask" => self.ask(session, rest),
                "question" => self.question(session, rest),
                "plan" => {
                    let entry = json!({"content": rest, "priority": "medium", "status": "pending"});
                    update(session, &json!({"sessionUpdate": "plan", "entries": [entry]}))
                }
                "usage" => update(session, &json!({"sessionUpdate": "usage_update", "used": number(), "size": 1000})),
                "print" => {
                    print(&format!("{rest}\n"));
                    false
                }
                "log" => std::io::stderr().write_all(format!("{rest}\n").as_bytes()).is_err(),
                "raw" => raw(rest, session, id),
                "after-ms" => later(rest, session, id),
                "unanswered" => return Over::Unanswered,
                "set" => said(session, "agent_message_chunk", &self.set.join(" ")),
                "env" => said(session, "agent_message_chunk", &std::env::var(rest).unwrap_or_else(|_| "none".into())),
                "cwd" => {
                    let cwd = std::env::current_dir().map(|cwd| cwd.display().to_string());
                    said(session, "agent_message_chunk", &cwd.unwrap_or_default())
                }
                "make" => std::fs::write(rest, rest).is_err(),
                "miss" => self.miss(Duration::from_millis(number())),
                "spin" => self.spin(),
                "children" => children(number()),
                "stop" => return Over::Stop(rest.to_owned()),
                "error" => return Over::Error(rest.to_owned()),
                "crash" => std::process::exit(3),
                "exit" => {
                    self.exit = true;
                    false
                }
                _ => said(session, "agent_message_chunk", &format!("You said: {step}")),
            };
            if cut {
                return Over::Stop("cancelled".to_owned());
            }
        }
        Over::Stop("end_turn".to_owned())
    }

    /// Waits; `true` when it was cancelled.
    fn wait(&mut self, span: Duration) -> bool {
        let until = Instant::now() + span;
        while let Ok(message) = self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if message["method"] == "session/cancel" {
                return true;
            }
            self.waiting.push(message);
        }
        false
    }

    /// Waits, and refuses to be set.
    fn stubborn(&mut self, span: Duration) -> bool {
        let until = Instant::now() + span;
        while let Ok(message) = self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            match message["method"].as_str() {
                Some("session/cancel") => return true,
                Some("session/set_mode" | "session/set_config_option") => {
                    let error = json!({"code": -32000, "message": "busy"});
                    send(&json!({"jsonrpc": "2.0", "id": message["id"], "error": error}));
                }
                _ => self.waiting.push(message),
            }
        }
        false
    }

    /// Waits, and loses every cancel.
    fn miss(&mut self, span: Duration) -> bool {
        let until = Instant::now() + span;
        while self.wait(until.saturating_duration_since(Instant::now())) {}
        false
    }

    /// Says something again and again until it is cancelled. What it is told meanwhile it takes into the turn.
    fn tick(&mut self, session: &str, rest: &str) -> bool {
        let (ms, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let span = Duration::from_millis(ms.parse().unwrap_or(0));
        // Of two items of the same kind nobody knows where the second begins.
        for kind in ["agent_message_chunk", "agent_thought_chunk"].into_iter().cycle() {
            said(session, kind, text);
            let until = Instant::now() + span;
            while let Ok(message) = self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                match message["method"].as_str() {
                    Some("session/cancel") => return true,
                    Some("session/prompt") => {
                        let words = message["params"]["prompt"][0]["text"].as_str().unwrap_or_default();
                        said(session, "agent_message_chunk", &format!("You said: {words}"));
                        send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": {"stopReason": "end_turn"}}));
                    }
                    _ => self.waiting.push(message),
                }
            }
        }
        true
    }

    fn spin(&mut self) -> bool {
        loop {
            while let Ok(message) = self.messages.try_recv() {
                if message["method"] == "session/cancel" {
                    return true;
                }
                self.waiting.push(message);
            }
        }
    }

    /// Asks a question, and waits for the answer.
    fn question(&mut self, session: &str, text: &str) -> bool {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
        let params = json!({"sessionId": session, "mode": "form", "message": text, "requestedSchema": schema});
        send(&json!({"jsonrpc": "2.0", "id": "question", "method": "elicitation/create", "params": params}));
        while let Ok(message) = self.messages.recv() {
            if message["id"] == "question" {
                return said(session, "agent_message_chunk", &message["result"].to_string());
            }
            self.waiting.push(message);
        }
        true
    }

    /// Asks, and waits for the answer; `true` when it was cancelled.
    fn ask(&mut self, session: &str, title: &str) -> bool {
        let id = format!("ask-{}", self.next_id);
        self.next_id += 1;
        let options = json!([
            {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
            {"optionId": "no", "name": "No", "kind": "reject_once"},
        ]);
        let call = json!({"toolCallId": "asked", "title": title, "rawInput": {"command": title}});
        let params = json!({"sessionId": session, "toolCall": call, "options": options});
        send(&json!({"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params}));
        let mut cancelled = false;
        while let Ok(message) = self.messages.recv() {
            if message["id"] == id.as_str() {
                let outcome = &message["result"]["outcome"];
                let chosen = outcome["optionId"].as_str().unwrap_or("nothing");
                said(session, "agent_message_chunk", &format!("decided: {chosen}"));
                return cancelled;
            }
            if message["method"] == "session/cancel" {
                cancelled = true;
            } else {
                self.waiting.push(message);
            }
        }
        true
    }
}

/// Writes a line as it stands, but for what is put in.
fn raw(line: &str, session: &str, id: &Value) -> bool {
    let line = line.replace("$S", session).replace("$P", &id.to_string());
    let mut bytes = Vec::new();
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.as_bytes());
        let (digits, behind) = after.split_at(after.len().min(2));
        bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
        rest = behind;
    }
    bytes.extend(rest.as_bytes());
    bytes.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&bytes).and_then(|()| out.flush()).is_err()
}

fn later(rest: &str, session: &str, id: &Value) -> bool {
    let (ms, line) = rest.split_once(' ').unwrap_or((rest, ""));
    let (span, line) = (Duration::from_millis(ms.parse().unwrap_or(0)), line.to_owned());
    let (session, id) = (session.to_owned(), id.clone());
    std::thread::spawn(move || {
        std::thread::sleep(span);
        raw(&line, &session, &id)
    });
    false
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn update(session: &str, update: &Value) -> bool {
    let params = json!({"sessionId": session, "update": update});
    send(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}));
    false
}

fn said(session: &str, kind: &str, whole: &str) -> bool {
    let letters: Vec<char> = whole.chars().collect();
    for piece in letters.chunks(5) {
        let piece: String = piece.iter().collect();
        update(session, &json!({"sessionUpdate": kind, "content": text(&piece)}));
    }
    false
}

fn tool(session: &str, rest: &str) -> bool {
    let (name, output) = rest.split_once(' ').unwrap_or((rest, ""));
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": name, "title": name, "status": "in_progress",
                      "rawInput": {"of": name}});
    update(session, &call);
    let content = json!([{"type": "content", "content": text(output)}]);
    let ended =
        json!({"sessionUpdate": "tool_call_update", "toolCallId": name, "status": "completed", "content": content});
    update(session, &ended)
}

/// In a shell: a process that ignores a signal hands that on to what it starts.
fn children(count: u64) -> bool {
    let script = format!("trap '' TERM; n=0; while [ $n -lt {count} ]; do (setsid sleep 1000 &); n=$((n+1)); done");
    let started = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    started.is_err()
}
