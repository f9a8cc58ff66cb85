//! What an agent changed, as the API tells it.

use std::sync::Arc;

use flightdeck_domain::changes::{
    ChangeList, ChangedFile, Compared, DiffLine, DiffOp, FileDiff, FileKind, FilePath, FileStatus, Hunk, KeptChanges,
    KeptTurn, Stretch, Unkept,
};
use flightdeck_domain::ports::{ChangesError, MockChanges};
use flightdeck_domain::time::Timestamp;
use serde_json::{Value, json};

use crate::server::{TestServer, options};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000).expect("a time")
}

fn compared<T>(found: T) -> Compared<T> {
    let turn = KeptTurn { number: 1, began_at: at(1), ended_at: Some(at(2)) };
    let going = KeptTurn { number: 2, began_at: at(3), ended_at: None };
    let kept = KeptChanges {
        folder: "/srv/work".to_owned(),
        commit: Some("c0ffee".to_owned()),
        branch: None,
        turns: vec![turn, going],
    };
    Compared { kept, from_at: at(0), to_at: at(4), is_now: true, found }
}

fn file() -> ChangedFile {
    ChangedFile {
        path: FilePath::new(b"na\xefve.rs".to_vec()).expect("a path"),
        from: Some("old.rs".parse().expect("a path")),
        status: FileStatus::Renamed,
        kind: FileKind::Text,
        added: Some(1),
        removed: Some(0),
        executable: None,
        size: None,
    }
}

fn server(changes: MockChanges) -> TestServer {
    TestServer::with_ports(options(), |ports| ports.with_changes(Arc::new(changes)))
}

#[test]
fn files_and_lines_come_with_what_they_are_of() {
    let mut changes = MockChanges::new();
    changes.expect_list().withf(|_, stretch| *stretch == Stretch::Whole).returning(|_, _| {
        let found = ChangeList { files: vec![file()], total: 3, added: 7, removed: 2 };
        Ok(compared(found))
    });
    let line = |op, old, new| DiffLine { op, old, new, text: "<b>x</b>".to_owned() };
    let lines = vec![line(DiffOp::Same, Some(8), Some(8)), line(DiffOp::Added, None, Some(9))];
    changes.expect_file().withf(|_, stretch, path| *stretch == Stretch::Turn(2) && *path == file().path).returning(
        move |_, _, _| {
            let hunks = vec![Hunk { heading: "fn f()".to_owned(), lines: lines.clone() }];
            Ok(compared(FileDiff { file: file(), hunks, truncated: true }))
        },
    );
    let server = server(changes);
    let agent = server.session(None);
    let list = server.get(&format!("/agents/{agent}/changes")).expect(200);
    let file = json!({"path": r"na\xefve.rs", "from": "old.rs", "status": "renamed", "kind": "text", "added": 1, "removed": 0});
    let frame = |more: Value| {
        let mut frame = json!({"folder": "/srv/work", "commit": "c0ffee",
            "turns": [{"number": 1, "beganAt": "2026-01-01T00:00:01Z", "endedAt": "2026-01-01T00:00:02Z"},
                {"number": 2, "beganAt": "2026-01-01T00:00:03Z"}],
            "fromAt": "2026-01-01T00:00:00Z", "toAt": "2026-01-01T00:00:04Z", "isNow": true, "files": [file], "truncated": true});
        let members = frame.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        frame
    };
    assert_eq!(list, frame(json!({"total": 3, "added": 7, "removed": 2})));
    let one = server.get(&format!("/agents/{agent}/changes?turn=2&path=na%5Cxefve.rs")).expect(200);
    let lines =
        json!([{"op": "same", "old": 8, "new": 8, "text": "<b>x</b>"}, {"op": "added", "new": 9, "text": "<b>x</b>"}]);
    let hunks = json!([{"heading": "fn f()", "lines": lines}]);
    assert_eq!(one, frame(json!({"turn": 2, "total": 1, "added": 1, "removed": 0, "hunks": hunks})));
}

#[test]
fn why_there_is_nothing_is_an_answer_of_its_own() {
    type Fault = fn() -> ChangesError;
    let cases: [(Fault, u16, &str, &str); 4] = [
        (|| Unkept("/srv is in no repository".to_owned()).into(), 409, "changes-not-kept", "/srv is in no repository"),
        (|| ChangesError::UnknownTurn { turn: 9, turns: 2 }, 404, "unknown-turn", "there is no turn 9"),
        (|| ChangesError::UnknownFile("a".parse().expect("a path")), 404, "unknown-file", "a was not changed"),
        (|| ChangesError::Unreadable("git took too long".to_owned()), 409, "changes-unreadable", "git took too long"),
    ];
    for (fault, status, kind, detail) in cases {
        let mut changes = MockChanges::new();
        changes.expect_list().returning(move |_, _| Err(fault()));
        let server = server(changes);
        let agent = server.session(None);
        let told = server.get(&format!("/agents/{agent}/changes")).expect(status);
        assert_eq!(told["type"], format!("urn:flightdeck:problem:{kind}"));
        assert!(told["detail"].as_str().is_some_and(|text| text.contains(detail)), "{told}");
    }
}

fn told(more: Value) -> Value {
    let lines = json!([{"op": "added", "new": 2.0, "text": "<b>x</b>"}]);
    let mut told = json!({"folder": "/home/ann/work", "fromAt": "2026-01-01T00:00:00Z", "toAt": "2026-01-01T00:00:05Z",
        "turns": [{"number": 1, "beganAt": "2026-01-01T00:00:01Z"}],
        "files": [{"path": "src/a.rs", "status": "modified", "added": 1, "removed": 0, "hunks": [{"lines": lines}]},
            {"path": r"na\xef", "status": "added", "kind": "binary"}]});
    let Value::Object(more) = more else { panic!("no object: {more}") };
    told.as_object_mut().expect("an object").extend(more);
    told
}

#[test]
fn what_an_agent_tells_is_shown_where_nobody_sees_its_folder() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/changes");
    let nothing = server.get(&path).expect(409);
    assert!(
        nothing["detail"].as_str().expect("a text").ends_with("this one has not told what it changed"),
        "{nothing}"
    );
    server.post(&path, &told(json!({}))).expect(204);
    let list = server.get(&path).expect(200);
    assert_eq!((&list["folder"], &list["isNow"], &list["total"]), (&json!("/home/ann/work"), &json!(false), &json!(2)));
    assert_eq!((&list["added"], &list["removed"], &list["truncated"]), (&json!(1), &json!(0), &json!(false)));
    assert_eq!(list["files"][1], json!({"path": r"na\xef", "status": "added", "kind": "binary"}));
    assert_eq!(list["files"][0].get("hunks"), None, "a list has no lines");
    let file = server.get(&format!("{path}?path=src/a.rs")).expect(200);
    let line = json!({"op": "added", "new": 2, "text": "<b>x</b>"});
    assert_eq!(file["hunks"], json!([{"heading": "", "lines": [line]}]));
    let untold = server.get(&format!("{path}?path=na%5Cxef")).expect(409);
    assert_eq!(untold["type"], "urn:flightdeck:problem:changes-not-told");

    server.get(&format!("{path}?turn=1")).expect(404);
    server.post(&format!("{path}?turn=1"), &told(json!({"total": 7}))).expect(204);
    assert_eq!(server.get(&format!("{path}?turn=1")).expect(200)["total"], 7);
    let older = told(json!({"toAt": "2026-01-01T00:00:04Z", "total": 9}));
    server.post(&path, &older).expect(204);
    assert_eq!(server.get(&path).expect(200)["total"], 2, "the later state stays");
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    server.post(&path, &told(json!({"toAt": "2026-01-01T00:01:00Z", "total": 8}))).expect(204);
    assert_eq!(server.get(&path).expect(200)["total"], 8, "also after the end");
}

#[test]
fn a_report_with_a_fault_names_the_field() {
    let server = TestServer::start();
    let path = format!("/agents/{}/changes", server.session(None));
    let file = |more: Value| told(json!({"files": [more]}));
    let faults = [
        (told(json!({"folder": ""})), "/folder"),
        (told(json!({"toAt": "2025-01-01T00:00:00Z"})), "/toAt"),
        (told(json!({"toAt": "yesterday"})), "/toAt"),
        (told(json!({"total": 1})), "/total"),
        (told(json!({"added": 9_007_199_254_740_992_u64})), "/added"),
        (told(json!({"turns": [{"number": 0, "beganAt": "2026-01-01T00:00:00Z"}]})), "/turns/0/number"),
        (file(json!({"path": "a\\", "status": "added"})), "/files/0/path"),
        (file(json!({"path": "a", "status": "gone"})), "/files/0/status"),
        (
            file(json!({"path": "a", "status": "added", "hunks": [{"lines": [{"op": "+", "text": ""}]}]})),
            "/files/0/hunks/0/lines/0/op",
        ),
        (file(json!({"path": "a", "status": "added", "size": -1})), "/files/0/size"),
        (file(json!({"path": "a", "status": "added", "extra": 1})), "/files/0/extra"),
        (file(json!({"path": "a", "status": "added", "hunks": [{"heading": "x".repeat(1 << 20), "lines": []}]})), ""),
    ];
    for (body, field) in faults {
        let refused = server.post(&path, &body).expect(400);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let refused = server.post(&format!("{path}?turn=0"), &told(json!({}))).expect(400);
    assert_eq!(refused["errors"][0]["field"], "turn", "{refused}");
    server.get(&path).expect(409);
}
