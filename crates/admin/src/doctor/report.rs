//! What was found, for people and for programs.

use std::fmt;

use serde::Serialize;

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    /// It works, and will hurt some day.
    Warning,
    /// A server does not start with it, or loses what it acknowledged.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    /// What was found; nothing secret.
    pub(super) found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Ok, found: found.into(), advice: None }
    }

    pub(super) fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, state: State::Warning, found: found.into(), advice: Some(advice.into()) }
    }

    pub(super) fn failed(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, state: State::Failed, found: found.into(), advice: Some(advice.into()) }
    }
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ok: bool,
    pub(super) checks: Vec<Check>,
}

impl Report {
    pub(super) fn of(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.state != State::Failed), checks }
    }

    pub(super) fn failed(&self) -> usize {
        self.checks.iter().filter(|check| check.state == State::Failed).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Check { name, state, found, advice }) in self.checks.iter().enumerate() {
            let state = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "FAIL",
            };
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{state:<8} {name:<18} {found}")?;
            if let Some(advice) = advice {
                write!(f, "; {advice}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_aligned_line_each() {
        let checks = vec![
            Check::ok("a", "good"),
            Check::warning("long name", "so so", "do x"),
            Check::failed("b", "bad", "do y"),
        ];
        let report = Report::of(checks);
        let lines = [
            "ok       a                  good",
            "warning  long name          so so; do x",
            "FAIL     b                  bad; do y",
        ];
        assert_eq!(report.to_string(), lines.join("\n"));
        assert_eq!((report.ok, report.failed()), (false, 1));
        assert!(Report::of(vec![Check::warning("a", "b", "c")]).ok);
    }
}
