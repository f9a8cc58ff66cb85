//! What came of a tool call.

use serde::Serialize;
use utoipa::ToSchema;

use crate::facts::Facts;

/// What came of a tool call, as the message of its result says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RenderedOutcome)]
pub struct Outcome {
    /// Whether it failed, was denied, or ended with a code other than 0.
    pub failed: bool,
    /// The code with which a program ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    pub exit: Option<i64>,
    /// How many lines it said.
    pub lines: u64,
}

/// The code that stands in the text: at the beginning as Claude Code says it, at the end as Flightdeck does for agents that
/// speak the Agent Client Protocol.
fn said(content: &str) -> Option<i64> {
    let first = content.lines().next().unwrap_or_default().trim_start_matches("Error: ");
    let last = content.trim_end().lines().next_back().unwrap_or_default();
    let of_first = || first.strip_prefix("Exit code ")?.trim().parse().ok();
    let of_last = || last.strip_prefix("[exit code ")?.strip_suffix(']')?.parse().ok();
    of_first().or_else(of_last)
}

pub(crate) fn read(facts: Facts<'_>, content: &str) -> Outcome {
    let exit = facts.exit().or_else(|| said(content));
    let lines = u64::try_from(content.lines().count()).unwrap_or(u64::MAX);
    Outcome { failed: facts.failed() || exit.is_some_and(|code| code != 0), exit, lines }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_results_of_every_agent_are_understood() {
        let table: [(Value, &str, bool, Option<i64>); 10] = [
            (json!({"type": "tool_result"}), "fine", false, None),
            (json!({"type": "tool_error"}), "Exit code 101\ncompile error", true, Some(101)),
            (json!({"type": "tool_error"}), "Error: Exit code 2", true, Some(2)),
            (json!({"type": "tool_denied"}), "denied", true, None),
            (json!({"type": "tool_result", "exitCode": 0}), "", false, Some(0)),
            (json!({"type": "tool_result", "exitCode": 7}), "", true, Some(7)),
            (json!({"type": "tool_result", "exit": {"exit_code": 3}}), "x", true, Some(3)),
            (json!({"type": "tool_result", "failed": false}), "x\n[exit code 2]\n", true, Some(2)),
            (json!({"type": "tool_result", "failed": true}), "x", true, None),
            (json!({"type": "tool_result"}), "the exit code 4 is odd", false, None),
        ];
        for (metadata, content, failed, exit) in table {
            let outcome = read(Facts(metadata.as_object().expect("an object")), content);
            assert_eq!((outcome.failed, outcome.exit), (failed, exit), "{metadata} {content}");
        }
    }
}
