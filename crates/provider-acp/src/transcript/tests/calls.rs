//! Calls that end twice, late, elsewhere, or not at all.

use super::*;

fn call(value: &Value) -> Value {
    let mut call = json!({"sessionUpdate": "tool_call_update", "toolCallId": "t"});
    for (name, value) in value.as_object().expect("an object") {
        call[name] = value.clone();
    }
    call
}

fn begin(value: &Value) -> Value {
    let mut call = call(value);
    call["sessionUpdate"] = "tool_call".into();
    call
}

fn text(text: &str) -> Value {
    json!([{"type": "content", "content": {"type": "text", "text": text}}])
}

/// The kinds and texts of all lines.
fn lines(updates: &[Value]) -> Vec<(String, String)> {
    let mut transcript = Transcript::default();
    let mut lines: Vec<Line> = updates.iter().flat_map(|update| transcript.take(update)).collect();
    lines.extend(transcript.end_turn());
    told(&lines).into_iter().map(|(_, text, kind)| (kind, text)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn what_is_told_of_a_call_that_has_ended_makes_no_other() {
    let done = call(&json!({"status": "completed", "title": "ls", "content": text("a.rs")}));
    let expected = pairs(&[("tool_call", "ls"), ("tool_result", "a.rs")]);
    let again = begin(&json!({"status": "completed", "title": "ls", "content": text("a.rs")}));
    for late in [
        call(&json!({"_meta": {"x": 1}})),
        done.clone(),
        call(&json!({"status": "completed"})),
        call(&json!({"status": "in_progress"})),
        call(&json!({"title": "ls"})),
        again,
    ] {
        assert_eq!(lines(&[done.clone(), late.clone()]), expected, "{late}");
    }
    assert_eq!(lines(&[call(&json!({"_meta": {"x": 1}}))]), [], "nothing was ever heard of it");
}

#[test]
fn an_id_is_used_again_for_another_call() {
    let one = |title: &str| begin(&json!({"title": title, "status": "in_progress"}));
    let done = |output: &str| call(&json!({"status": "completed", "content": text(output)}));
    let expected =
        pairs(&[("tool_call", "ls"), ("tool_result", "a.rs"), ("tool_call", "pwd"), ("tool_result", "/home")]);
    assert_eq!(lines(&[one("ls"), done("a.rs"), one("pwd"), done("/home")]), expected);
}

#[test]
fn the_output_of_a_terminal_is_in_the_result() {
    let begun = begin(
        &json!({"title": "echo hi", "status": "in_progress", "content": [{"type": "terminal", "terminalId": "t"}]}),
    );
    let piece = |data: &str| call(&json!({"_meta": {"terminal_output_delta": {"data": data, "terminal_id": "t"}}}));
    let exit = |code: i64| json!({"terminal_exit": {"exit_code": code, "signal": null, "terminal_id": "t"}});
    let ended = |code: i64, status: &str| call(&json!({"status": status, "_meta": exit(code)}));
    let expected = pairs(&[("tool_call", "echo hi"), ("tool_result", "one\ntwo\n")]);
    assert_eq!(lines(&[begun.clone(), piece("one\n"), piece("two\n"), ended(0, "completed")]), expected);
    let expected = pairs(&[("tool_call", "echo hi"), ("tool_result", "one\n[exit code 2]")]);
    assert_eq!(lines(&[begun.clone(), piece("one\n"), ended(2, "failed")]), expected);
    // All at once, and after the end.
    let both = json!({"terminal_output_delta": {"data": "one\n"}, "terminal_exit": {"exit_code": 0}});
    let expected = pairs(&[("tool_call", "echo hi"), ("tool_result", "one\n")]);
    assert_eq!(lines(&[begun.clone(), call(&json!({"status": "completed", "_meta": both}))]), expected);
    let late = [begin(&json!({"title": "echo hi", "status": "completed"})), call(&json!({"_meta": both}))];
    let expected = pairs(&[("tool_call", "echo hi"), ("tool_result", "completed"), ("tool_result", "one\n")]);
    assert_eq!(lines(&late), expected);
}

#[test]
fn a_call_that_was_not_finished_by_the_turn_is_finished_by_what_comes_later() {
    let mut transcript = Transcript::default();
    let mut lines = transcript.take(&begin(&json!({"title": "build", "status": "in_progress"})));
    lines.extend(transcript.end_turn());
    lines.extend(transcript.take(&call(&json!({"status": "completed", "content": text("built")}))));
    lines.extend(transcript.end_turn());
    let expected = [
        line_of("tool", "build", "tool_call"),
        line_of("tool", "unfinished", "tool_result"),
        line_of("tool", "built", "tool_result"),
    ];
    assert_eq!(told(&lines), expected);
    assert_eq!(lines[2].metadata.as_map()["late"], true);
}

#[test]
fn a_call_that_was_rejected_is_closed_once_and_told_of_when_it_runs_all_the_same() {
    let asked = json!({"toolCallId": "t", "title": "touch x", "rawInput": {"command": "touch x"}});
    let run = |after: &Value| {
        let mut transcript = Transcript::default();
        let (mut lines, _) = transcript.asked("t", &asked);
        lines.extend(transcript.refused("t", "rejected", "rejected by an operator"));
        lines.extend(transcript.take(after));
        lines.extend(transcript.end_turn());
        told(&lines).into_iter().map(|(_, text, _)| text).collect::<Vec<_>>()
    };
    let failed = call(&json!({"status": "failed", "content": text("The user rejected permission")}));
    let rejected = ["touch x {\"command\":\"touch x\"}", "rejected by an operator"];
    assert_eq!(run(&failed), rejected);
    let ran = call(&json!({"status": "completed", "content": text("done")}));
    assert_eq!(run(&ran), [rejected[0], rejected[1], "done"]);
}

#[test]
fn what_is_asked_is_named_by_what_it_would_do() {
    let cases = [
        (json!({"title": "bash", "rawInput": {"command": "rm -rf build"}}), "bash: rm -rf build"),
        (json!({"title": "rm -rf build", "rawInput": {"command": "rm -rf build"}}), "rm -rf build"),
        (json!({"title": "Shell", "content": text("ls\n-la")}), "Shell: ls\n-la"),
        (json!({"title": "echo hi; touch x", "content": text("[current working directory /x]")}), "echo hi; touch x"),
        (json!({"title": "exec", "rawInput": {"command": ["git", "push"]}}), "exec: git push"),
        (json!({"kind": "edit", "rawInput": {"file_path": "/a.rs", "content": "x"}}), "edit: /a.rs"),
        (json!({"rawInput": "ls"}), "use a tool: ls"),
        (json!({}), "use a tool"),
    ];
    for (asked, expected) in cases {
        let (_, asked) = Transcript::default().asked("t", &asked);
        assert_eq!(asked.title, expected);
    }
}

#[test]
fn the_whole_command_is_on_the_record_also_when_the_call_was_told_without_it() {
    let mut transcript = Transcript::default();
    let mut lines = transcript.take(&begin(&json!({"title": "bash", "status": "in_progress", "rawInput": {}})));
    let asked = json!({"toolCallId": "t", "title": "bash", "rawInput": {"command": "make deploy"}});
    lines.extend(transcript.asked("t", &asked).0);
    lines.extend(transcript.asked("t", &asked).0);
    let expected =
        [line_of("tool", "bash", "tool_call"), line_of("tool", "bash {\"command\":\"make deploy\"}", "tool_call")];
    assert_eq!(told(&lines), expected);
}
