//! What Claude Code and Qwen Code wrote, and what is told of it.

use super::*;
use crate::run::presets::given::read_by;

#[test]
fn a_turn_is_told_part_by_part() {
    let parts = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}]);
    let init = json!({"type": "system", "subtype": "init", "session_id": "s", "model": "opus"});
    let tool =
        json!([{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "a.rs"}]}]);
    let read = read_by(
        "claude",
        &[
            init.clone(),
            json!({"type": "assistant", "message": {"content": parts, "usage": {"input_tokens": 5}}}),
            json!({"type": "user", "message": {"content": tool}}),
            json!({"type": "stream_event"}),
            init,
        ],
    );
    assert_eq!(
        read.said,
        ["system: session started (opus)", "assistant: hm", "assistant: Looking.", "assistant: Bash: ls", "tool: a.rs"]
    );
    assert_eq!(read.sessions, ["s"]);
}

#[test]
fn what_a_sub_agent_is_asked_is_not_the_users() {
    let user = |more: Value| {
        let mut event = json!({"type": "user", "message": {"content": [{"type": "text", "text": "find it"}]}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        event
    };
    let read = read_by(
        "claude",
        &[
            user(json!({"isReplay": true, "parent_tool_use_id": null})),
            user(json!({"parent_tool_use_id": "toolu_1"})),
            user(json!({"origin": {"kind": "task-notification"}})),
        ],
    );
    assert_eq!(read.said, ["user: find it", "system: find it", "system: find it"]);
}

fn assistant(id: &str, model: &str, input: u64) -> Value {
    let usage = json!({"input_tokens": input, "output_tokens": 1});
    json!({"type": "assistant", "message": {"id": id, "model": model, "content": "x", "usage": usage}})
}

fn result(models: &Value, total: f64) -> Value {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    json!({"type": "result", "subtype": "success", "is_error": false, "total_cost_usd": total, "usage": usage,
        "modelUsage": models})
}

#[test]
fn a_message_counts_as_it_goes_by_and_once() {
    let lines: Vec<Value> = ["a", "b", "c", "c", "d"].map(|id| assistant(id, "opus", 51_999)).to_vec();
    assert_eq!(read_by("claude", &lines).tokens, [207_996, 4, 0, 0]);
}

#[test]
fn the_result_completes_what_was_counted_with_all_models_and_the_cost_of_the_same_scope() {
    let models = json!({
        "opus[1m]": {"inputTokens": 700, "outputTokens": 40, "cacheReadInputTokens": 300, "costUSD": 0.02},
        "haiku": {"inputTokens": 90, "outputTokens": 9, "costUSD": 0.001}});
    let read = read_by(
        "claude",
        &[
            assistant("a", "opus", 700),
            result(&models, 0.021),
            // The same totals again, as after a sub-agent's notice.
            result(&models, 0.021),
        ],
    );
    assert_eq!((read.tokens, read.cost.as_str()), ([790, 49, 300, 0], "0.021"));
    assert_eq!(read.models, ["haiku", "opus", "opus[1m]"]);
}

#[test]
fn a_run_that_takes_up_a_session_counts_what_it_adds() {
    let before = json!({"inputTokens": 1400, "outputTokens": 80, "costUSD": 0.00732});
    let more = json!({"inputTokens": 700, "outputTokens": 40, "costUSD": 0.00279});
    let mut event = result(&json!({"opus": before, "sonnet": more}), 0.010_110_000_000_000_001);
    event["model_usage_since_last_result"] = json!({"sonnet": more});
    let read = read_by("claude", &[assistant("a", "sonnet", 700), event]);
    assert_eq!((read.tokens, read.cost.as_str()), ([700, 40, 0, 0], "0.00279"));
    // Before versions that say so, the earlier run is asked.
    let earlier = read_by("claude", &[result(&json!({"opus": before}), 0.00732)]);
    let totals = serde_json::from_value(earlier.messages[0]["metadata"]["totals"].clone()).expect("totals");
    let mut reader = StreamJson::new(Dialect { input_has_cache: false, results_are_totals: false });
    reader.going_on_from(totals);
    let mut told = Told::default();
    reader.event(&result(&json!({"opus": before, "sonnet": more}), 0.010_11), "", &mut told);
    let read = crate::run::presets::given::summed(&told.take());
    assert_eq!((read.tokens, read.cost.as_str()), ([700, 40, 0, 0], "0.00279"));
}

#[test]
fn older_versions_tell_the_turn_and_the_total_cost() {
    let event = |total: f64| {
        let usage = json!({"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 6, "service_tier": "standard"});
        json!({"type": "result", "subtype": "success", "is_error": false, "total_cost_usd": total, "usage": usage})
    };
    let read = read_by("claude", &[event(0.25), event(0.75)]);
    assert_eq!((read.tokens, read.cost.as_str()), ([6, 8, 10, 12], "0.75"));
}

#[test]
fn a_failed_turn_says_why() {
    let event = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "errors": ["no key"]});
    assert_eq!(read_by("claude", &[event]).said, ["system: turn failed (error_during_execution): no key"]);
}

#[test]
fn qwen_counts_the_cache_within_the_input_and_tells_totals() {
    let usage = json!({"input_tokens": 1000, "output_tokens": 40, "cache_read_input_tokens": 300});
    let message = json!({"type": "assistant", "message": {"id": "a", "model": "m", "content": "x", "usage": usage}});
    let total = json!({"input_tokens": 2000, "output_tokens": 80, "cache_read_input_tokens": 600});
    let result = json!({"type": "result", "subtype": "success", "usage": total});
    let read = read_by("qwen", &[message, result.clone(), result]);
    assert_eq!((read.tokens, read.models), ([1400, 80, 600, 0], vec!["m".to_owned()]));
}
