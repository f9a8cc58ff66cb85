//! What a program said last before it ended, as far as it tells why.

use flightdeck_agent_io::text;

/// So much of a log is looked at, in bytes.
pub(super) const LOOKED_AT: u64 = 16 << 10;
/// So much of it is told, in bytes.
const TOLD: usize = 1_000;
/// So many lines at most.
const LINES: usize = 4;
/// Words of lines that tell what went wrong.
const TELLING: [&str; 16] = [
    "error",
    "panic",
    "fatal",
    "exception",
    "denied",
    "cannot",
    "can't",
    "failed",
    "failure",
    "not found",
    "unauthori",
    "invalid",
    "missing",
    "refused",
    "timed out",
    "unable",
];

/// The lines of a log's end that say what went wrong; those of a stack are left out. When none does, the last lines, or
/// nothing where they have nothing to do with the end.
pub(super) fn last_words(log: &str, or_any: bool) -> Option<String> {
    let lines: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !is_noise(line)).collect();
    let tells = |line: &str| {
        let line = line.to_lowercase();
        TELLING.iter().any(|word| line.contains(word))
    };
    let near = lines.len().saturating_sub(12);
    let place = lines.iter().rposition(|line| tells(line)).filter(|place| *place >= near);
    let from = match place {
        // What went wrong is often told in several lines, the first of which names it.
        Some(mut place) => {
            while place > near && lines.get(place - 1).is_some_and(|line| tells(line)) {
                place -= 1;
            }
            place
        }
        None if !or_any => return None,
        None => lines.len().saturating_sub(2),
    };
    let told: Vec<&str> = lines.into_iter().skip(from).take(LINES).map(str::trim_start).collect();
    let told = text::shown(told.join("\n").trim(), TOLD);
    (!told.is_empty()).then_some(told)
}

/// Where it was, and what every program of a kind adds.
fn is_noise(line: &str) -> bool {
    let trimmed = line.trim_start();
    let is_frame = trimmed.len() < line.len() && (trimmed.starts_with("at ") || trimmed.starts_with("File \""));
    let is_mark = !trimmed.is_empty() && trimmed.chars().all(|c| matches!(c, '^' | '~' | '|' | ' '));
    let starts =
        ["Node.js v", "Traceback (most recent", "note: run with `RUST_BACKTRACE", "stack backtrace:", "goroutine "];
    trimmed.is_empty() || is_frame || is_mark || starts.iter().any(|start| trimmed.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_crash_the_reason_is_told_and_not_where_it_was() {
        let node = "file:///a.js:12\n    throw new Error(\"no key\")\n          ^\n\nError: no key\n    at f (a.js:12:7)\n    at g\n\nNode.js v22.1.0\n";
        assert!(last_words(node, true).expect("told").ends_with("Error: no key"));
        let python = "starting\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    run()\nValueError: bad key\n";
        assert_eq!(last_words(python, true).as_deref(), Some("ValueError: bad key"));
        let rust = "thread \'main\' panicked at a.rs:2:5:\nno key\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(last_words(rust, true).as_deref(), Some("thread \'main\' panicked at a.rs:2:5:\nno key"));
    }

    #[test]
    fn what_says_nothing_of_an_error_is_told_by_its_last_lines() {
        assert_eq!(last_words("one\ntwo\n\nit broke\n", true).as_deref(), Some("two\nit broke"));
        assert_eq!(last_words("  \n\n", true), None);
        assert_eq!(last_words("one\ntwo\n", false), None);
        assert!(last_words(&format!("Error: {}", "x".repeat(5_000)), true).expect("told").len() <= TOLD);
    }
}
