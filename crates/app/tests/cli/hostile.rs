//! Agents that say what a terminal would obey.

use serde_json::{Value, json};

use crate::given::{Desk, LEAD, TESTER};
use crate::support::process::told;

/// Clears the screen, sets the clipboard, overwrites the line, turns text around, and C1's one-character CSI.
const HOSTILE: &str = "\x1b[2J\x1b]52;c;cm0gLXJm\x07\rroot# \u{9b}31m\u{202e}txt.exe\u{2066}\u{7f}\x08";

fn is_harmless(text: &str) -> bool {
    text.chars()
        .all(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')))
}

#[test]
fn hostile_output_is_printed_harmlessly_and_as_json_unchanged() {
    let desk = Desk::with_fleet();
    let admin = desk.server.admin();
    let said = json!({"role": "assistant", "content": HOSTILE, "metadata": {"type": HOSTILE}});
    assert_eq!(admin.post(&format!("/agents/{LEAD}/messages"), &said).0, 201);
    let asks = json!({"title": "Push", "detail": {HOSTILE: HOSTILE}});
    assert_eq!(admin.post(&format!("/agents/{TESTER}/approvals"), &asks).0, 201);
    let id = json!({"sessionId": null, "agentType": "w", "taskId": "T", "metadata": {"x": HOSTILE}, "context": {"y": HOSTILE}});
    let (status, session) = admin.post("/agents", &id);
    assert_eq!(status, 201, "{session}");
    let other = session["agentId"].as_str().expect("an id");
    assert_eq!(admin.post(&format!("/agents/{LEAD}/inject"), &json!({"message": HOSTILE})).0, 200);
    let (_, open) = admin.get("/approvals?status=open&limit=1");
    let approval = open["approvals"][0]["id"].as_str().expect("an id").to_owned();

    let commands: [&[&str]; 9] = [
        &["tree"],
        &["ps"],
        &["show", LEAD],
        &["show", other],
        &["logs", LEAD, "--all"],
        &["approvals"],
        &["approvals", "show", &approval],
        &["missions"],
        &["audit", "list"],
    ];
    for arguments in commands {
        for json in [false, true] {
            let arguments = [arguments, if json { &["--json"] } else { &[] }].concat();
            let output = desk.run(&arguments);
            let (out, err) = told(&output);
            assert!(output.status.success(), "{arguments:?} {err}");
            assert!(is_harmless(&out) && is_harmless(&err), "{arguments:?} {out:?} {err:?}");
        }
    }
    let (out, _) = told(&desk.run(&["logs", LEAD, "--all"]));
    assert!(
        out.contains("\\x1b[2J\\x1b]52;c;cm0gLXJm\\x07\\rroot# \\x9b31m\\u{202e}txt.exe\\u{2066}\\x7f\\x08"),
        "{out}"
    );
    let (out, _) = told(&desk.run(&["logs", LEAD, "--all", "--json"]));
    let contents: Vec<Value> =
        out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["content"].take()).collect();
    assert!(contents.contains(&json!(HOSTILE)), "the value is what the agent said");
    // A mistake that quotes it is as harmless.
    let (_, err) = told(&desk.run(&["show", "\x1b[2Jx"]));
    assert!(is_harmless(&err), "{err:?}");
}
