//! Stepping in on agents that obey: a command ends well when it was seen.

use serde_json::Value;

use crate::given::Desk;
use crate::support::process::told;

#[test]
fn what_was_seen_is_told_and_ends_well() {
    let desk = Desk::empty();
    let script = r#"{"script":[{"say":"working"},{"wait":{"ms":600000}},{"idle":true}]}"#;
    let spawn = ["spawn", "--provider", "scripted", "--type", "robot", "--task", "R-1", "--context", script];
    let (id, err) = told(&desk.run(&spawn));
    assert!(err.starts_with("run by the provider scripted (agent robot)\n"), "{err}");
    assert!(err.contains("spawning; look at it with: flightdeck logs -f "), "{err}");
    let id = id.trim();
    let tail = id.get(28..).expect("a whole id");
    for (verb, done) in [("pause", "paused"), ("resume", "resumed"), ("interrupt", "interrupted")] {
        let output = desk.run(&[verb, tail, "--wait", "60s"]);
        assert_eq!(told(&output).0, format!("agent {tail} {done}\n"), "{output:?}");
        assert!(output.status.success(), "{output:?}");
    }
    let injected = desk.run(&["inject", tail, "Are you there?", "--wait", "60s", "--json"]);
    let reply: Value = serde_json::from_str(&told(&injected).0).expect("JSON");
    assert_eq!(reply["receipt"], "consumed", "{reply}");
    let killed = desk.run(&["kill", tail, "--scope", "subtree", "--yes", "--wait", "60s", "--json"]);
    let operation: Value = serde_json::from_str(&told(&killed).0).expect("JSON");
    assert_eq!((&operation["state"], &operation["observed"]), (&"done".into(), &1.into()), "{operation}");
    let (listed, _) = told(&desk.run(&["operations", "--json"]));
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let operation = listed[0]["operationId"].as_str().expect("an id");
    let (shown, err) = told(&desk.run(&["operations", "show", operation.get(28..).expect("a whole id")]));
    assert!(shown.contains(operation) && shown.contains("1   (1 as wished)"), "{shown}{err}");
    assert!(shown.lines().any(|line| line.starts_with(tail) && line.contains("observed")), "{shown}");
    let (out, _) = told(&desk.run(&["tree", tail]));
    assert!(out.contains("killed"), "{out}");
}
