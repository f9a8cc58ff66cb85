//! What a script may say, and what is told of a mistake.

use serde_json::json;

use super::*;

fn read_json(context: Value) -> Result<Option<Script>, Mistake> {
    Script::read(&serde_json::from_value(context).expect("an object"))
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(
        json!([{"say": "deep"}]),
        |inner, _| json!([{"spawn": {"agentType": "worker", "taskId": "T", "script": inner}}]),
    )
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_would_be_right() {
    let spawn = |script: Value| json!({"script": [{"wait": {"ms": 1}}, {"spawn": {"agentType": "a", "taskId": "t", "script": script}}]});
    let table = [
        (json!({"scrip": []}), "context.scrip", "unknown field `scrip`, expected one of `script`, `repeat`, `pace`"),
        (json!({"script": "say hello"}), "context.script", "expected a sequence"),
        (json!({"script": [{"say": "x"}], "usage": {}}), "context.usage", "says nothing: give at least one of"),
        (json!({"usage": {"inputTokens": 1}}), "context", "repeat, pace and usage are of use with a script only"),
        (json!({"script": []}), "context.script", "has no step; give at least one"),
        (json!({"script": vec![json!({"say": "x"}); 1_001]}), "context.script", "has 1001 steps; at most 1000"),
        (json!({"script": ["say"]}), "context.script", "step 1: a step is an object with exactly one member"),
        (json!({"script": [{"say": "a", "wait": 1}]}), "context.script", "step 1: a step is an object with exactly"),
        (
            json!({"script": [{"say": "a"}, {"sya": "b"}]}),
            "context.script",
            "step 2: unknown variant `sya`, expected one of `say`, `think`",
        ),
        (json!({"script": [{"say": " "}]}), "context.script", "step 1, say: must not be empty"),
        (
            json!({"script": [{"say": 5}]}),
            "context.script",
            "step 1, say: invalid type: integer `5`, expected a string",
        ),
        (
            json!({"script": [{"wait": {"ms": 600_001}}]}),
            "context.script",
            "step 1, wait.ms: is 600001; at most 600000 (ten minutes)",
        ),
        (json!({"script": [{"wait": {"ms": -1}}]}), "context.script", "step 1, wait.ms: invalid value: integer `-1`"),
        (json!({"script": [{"wait": {"s": 1}}]}), "context.script", "step 1, wait.s: unknown field `s`, expected `ms`"),
        (
            json!({"script": [{"tool": {"name": " ", "output": "x"}}]}),
            "context.script",
            "step 1, tool.name: must not be empty",
        ),
        (json!({"script": [{"tool": {"name": "bash"}}]}), "context.script", "step 1, tool: missing field `output`"),
        (json!({"script": [{"ask": {"title": ""}}]}), "context.script", "step 1, ask.title: must not be empty"),
        (
            json!({"script": [{"ask": {"title": "x", "options": []}}]}),
            "context.script",
            "ask.options: must not be empty",
        ),
        (
            json!({"script": [{"ask": {"title": "x", "expiresInSeconds": 0}}]}),
            "context.script",
            "step 1, ask.expiresInSeconds: must be at least 1",
        ),
        (json!({"script": [{"turn": "over"}]}), "context.script", "unknown variant `over`, expected `end`"),
        (json!({"script": [{"idle": false}]}), "context.script", "step 1, idle: must be true"),
        (json!({"script": [{"idle": true}, {"say": "never"}]}), "context.script", "step 1: idle is for good"),
        (json!({"script": [{"idle": true}], "repeat": 2}), "context.script", "step 1: idle is for good"),
        (json!({"script": [{"fail": ""}]}), "context.script", "step 1, fail: must not be empty"),
        (spawn(json!([{"sya": 1}])), "context.script", "step 2, spawn: step 1: unknown variant `sya`"),
        (
            json!({"script": [{"spawn": {"agentType": "", "taskId": "t"}}]}),
            "context.script",
            "step 1, spawn.agentType: must not be empty",
        ),
        (
            json!({"script": [{"spawn": {"agentType": "a", "taskId": "t", "script": [{"say": "x"}], "repeat": 0}}]}),
            "context.script",
            "step 1, spawn: repeat is 0; 1 to 10000",
        ),
        (json!({"script": nested(9)}), "context.script", "nest at most 8 deep"),
        (json!({"script": [{"say": "x"}], "repeat": 0}), "context.repeat", "is 0; 1 to 10000 is allowed"),
        (json!({"script": [{"say": "x"}], "repeat": 10_001}), "context.repeat", "is 10001; 1 to 10000 is allowed"),
        (
            json!({"script": [{"say": "x"}], "repeat": "often"}),
            "context.repeat",
            "invalid type: string \"often\", expected u32",
        ),
        (json!({"script": [{"say": "x"}], "pace": 600_001}), "context.pace", "is 600001 ms; at most 600000"),
        (json!({"repeat": 2}), "context", "repeat, pace and usage are of use with a script only"),
        (
            json!({"repeat": 200, "script": [{"spawn": {"agentType": "a", "taskId": "t", "repeat": 200, "script": [{"spawn": {"agentType": "a", "taskId": "t"}}]}}]}),
            "context.script",
            "would start 40200 agents in all; at most 10000 are allowed",
        ),
    ];
    for (context, field, problem) in table {
        let mistake = read_json(context.clone()).expect_err(&context.to_string());
        assert_eq!(mistake.field, field, "{context}: {mistake:?}");
        assert!(mistake.problem.contains(problem), "{context}: {mistake:?} lacks {problem:?}");
    }
}

#[test]
fn a_child_carries_its_script_in_its_context() {
    let child = json!([{"say": "hi"}]);
    let context = json!({"script": [{"spawn": {"agentType": "a", "taskId": "t", "script": child, "pace": 5}}]});
    let script = read_json(context).expect("valid").expect("a script");
    let [Step::Spawn(child)] = script.steps.as_slice() else { panic!("{script:?}") };
    assert_eq!(child.context.to_string(), r#"{"script":[{"say":"hi"}],"pace":5}"#);
    assert_eq!(Script::read(&child.context).expect("valid"), child.script);
}

#[test]
fn the_limits_themselves_are_allowed() {
    let steps = vec![json!({"wait": {"ms": 600_000}}); 1_000];
    assert!(read_json(json!({"script": steps, "repeat": 10_000, "pace": 600_000})).is_ok());
    assert!(read_json(json!({"script": nested(8)})).is_ok());
    assert_eq!(read_json(json!({})), Ok(None));
}

#[test]
fn a_quote_is_cut_between_characters() {
    let long = MessageContent::new("ä".repeat(2_001)).expect("valid");
    assert_eq!(quote(&long).chars().count(), 2_003);
    assert_eq!(quote(&MessageContent::new(" look ").expect("valid")), "“look”");
}
