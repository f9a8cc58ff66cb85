//! Usage, in the ways in which agents tell it.

use flightdeck_domain::usage::{Totals, Usage};

use super::*;

fn sum(lines: &[Line]) -> Totals {
    lines.iter().filter_map(|line| Usage::of(&line.metadata)).fold(Totals::default(), |sum, usage| sum.with(&usage))
}

/// The sum after each of these answers to prompts.
fn after(scope: UsageScope, answers: &[Value]) -> Vec<u64> {
    let mut transcript = Transcript::new(scope);
    let mut lines = Vec::new();
    let mut sums = Vec::new();
    for answer in answers {
        lines.extend(transcript.answered(answer));
        lines.extend(transcript.end_turn());
        sums.push(sum(&lines).tokens());
    }
    sums
}

fn cost(amount: f64) -> Value {
    json!({"sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": amount, "currency": "USD"}})
}

#[test]
fn tokens_of_an_answer_are_counted_by_turn_or_by_session() {
    let answer = |tokens: u64| json!({"stopReason": "end_turn", "usage": {"totalTokens": tokens, "inputTokens": tokens - 10, "outputTokens": 10}});
    let answers = [answer(10_000), answer(10_000), answer(25_000)];
    assert_eq!(after(UsageScope::Turn, &answers), [10_000, 20_000, 45_000]);
    assert_eq!(after(UsageScope::Session, &answers), [10_000, 10_000, 25_000]);
    let nothing = [
        json!({"usage": null, "_meta": {"quota": {"token_count": null, "model_usage": []}}}),
        json!(null),
        json!({"usage": 7}),
    ];
    assert_eq!(after(UsageScope::Turn, &nothing), [0, 0, 0]);
}

#[test]
fn each_way_of_telling_is_counted_once() {
    let codex = json!({"stopReason": "end_turn", "usage": {"totalTokens": 2080, "inputTokens": 1400, "cachedReadTokens": 600, "outputTokens": 80},
        "_meta": {"quota": {"token_count": {"totalTokens": 2080, "inputTokens": 1400, "cachedInputTokens": 600, "outputTokens": 80},
            "model_usage": [{"model": "scripted", "token_count": {"totalTokens": 2080, "inputTokens": 1400, "cachedInputTokens": 600, "outputTokens": 80}}]}}});
    let gemini = json!({"stopReason": "end_turn", "_meta": {"quota": {"token_count": {"input_tokens": 1000, "output_tokens": 40},
        "model_usage": [{"model": "gemini-2.5-flash", "token_count": {"input_tokens": 1000, "output_tokens": 40}}]}}});
    // The model calls beside the turn count, too.
    let claude = json!({"stopReason": "end_turn", "usage": {"inputTokens": 700, "outputTokens": 40, "cachedReadTokens": 300, "totalTokens": 1040},
        "_meta": {"quota": {"model_usage": [{"model": "opus", "token_count": {"totalTokens": 2080, "inputTokens": 1400, "cachedInputTokens": 600, "outputTokens": 80}},
            {"model": "haiku", "token_count": {"inputTokens": 5, "outputTokens": 5}}]}}});
    assert_eq!(after(UsageScope::Turn, &[codex, gemini, claude]), [2080, 3120, 5210]);
    // A cache that is counted within the input is known by the sum.
    let within = json!({"usage": {"totalTokens": 110, "inputTokens": 100, "cachedReadTokens": 40, "outputTokens": 10}});
    assert_eq!(after(UsageScope::Turn, &[within]), [110]);
}

#[test]
fn what_comes_with_a_chunk_and_again_with_the_answer_counts_once() {
    let chunk = |used: u64| {
        json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "x"},
               "_meta": {"usage": {"input_tokens": used, "output_tokens": 1}}})
    };
    let mut transcript = Transcript::default();
    let mut lines = Vec::new();
    for used in [50, 50, 99] {
        lines.extend(transcript.take(&chunk(used)));
    }
    lines.extend(transcript.flush());
    assert_eq!(sum(&lines).tokens(), 100);
    lines.extend(transcript.answered(&json!({"usage": {"inputTokens": 120, "outputTokens": 3}})));
    lines.extend(transcript.end_turn());
    assert_eq!(sum(&lines).tokens(), 123);
}

#[test]
fn totals_of_an_agent_that_began_anew_add_up() {
    let mut transcript = Transcript::default();
    let mut lines: Vec<Line> =
        [0.25, 0.05, 0.07, 0.30].iter().flat_map(|amount| transcript.take(&cost(*amount))).collect();
    lines.extend(transcript.end_turn());
    assert_eq!(sum(&lines).cost.to_string(), "0.55");
}

#[test]
fn a_session_that_takes_up_another_goes_on_from_its_totals() {
    let totals = |lines: &[Line]| {
        let last = lines.iter().rev().find_map(|line| line.metadata.as_map().get(TOTALS)).expect("totals");
        serde_json::from_value::<Vec<Reading>>(last.clone()).expect("readings")
    };
    let mut lines = Vec::new();
    for (amount, replayed) in [(0.011_34, None), (0.022_68, Some(0.011_34)), (0.039_690_000_000_000_01, None)] {
        let mut transcript = Transcript::default();
        if !lines.is_empty() {
            transcript.go_on_from(totals(&lines));
        }
        if let Some(replayed) = replayed {
            transcript.replay(true);
            assert_eq!(transcript.take(&cost(replayed)), []);
            assert_eq!(transcript.end_turn(), []);
            transcript.replay(false);
        }
        lines.extend(transcript.take(&cost(amount)));
        lines.extend(transcript.answered(&json!({"usage": {"inputTokens": 7, "outputTokens": 3}})));
        lines.extend(transcript.end_turn());
    }
    assert_eq!((sum(&lines).cost.to_string().as_str(), sum(&lines).tokens()), ("0.03969", 30));
    let texts: Vec<&str> = lines.iter().map(|line| line.content.as_str()).collect();
    assert_eq!(texts[2], "context 1 of 9 tokens, cost 0.03969 USD so far, used 7 tokens in, 3 out");
    assert_eq!(lines[2].metadata.as_map()["cost"]["amount"].to_string(), "0.03969");
}

#[test]
fn what_another_made_before_it_was_taken_up_is_not_counted() {
    let mut transcript = Transcript::default();
    transcript.replay(true);
    transcript.take(&cost(0.5));
    transcript.replay(false);
    transcript.take(&cost(0.75));
    assert_eq!(sum(&transcript.end_turn()).cost.to_string(), "0.25");
}
