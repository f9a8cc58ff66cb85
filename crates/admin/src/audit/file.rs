//! `flightdeck audit verify FILE`: proves an export, without server and database.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flightdeck_domain::audit::{CheckpointKey, ExportProblem, ExportSummary, ExportVerifier};
use flightdeck_terminal::json_pretty;
use serde_json::{Value, json};

/// The longest line that is read: far longer than any entry can be.
const MAX_LINE: u64 = 16 * 1_048_576;

/// Why an export is not proven.
#[derive(Debug, thiserror::Error)]
pub(super) enum VerifyError {
    #[error("cannot read {path}")]
    File { path: String, source: io::Error },
    #[error("{path} is NOT what the server once held: line {line}{}", at_entry(source))]
    Fault { path: String, line: u64, source: ExportProblem },
    #[error(
        "nothing vouches for the {entries} entries in {path}: they fit together, and no signed checkpoint says that they were not \
         rewritten as a whole"
    )]
    Unvouched { path: String, entries: u64 },
}

fn at_entry(problem: &ExportProblem) -> String {
    problem.seq().map(|seq| format!(", at entry {seq}")).unwrap_or_default()
}

/// Proves the export in a file, or in standard input when the path is `-`, and says what is proven.
pub(super) fn prove(path: &str, trusted: Option<CheckpointKey>, json: bool) -> Result<String, VerifyError> {
    let summary = if path == "-" {
        verify(io::stdin().lock(), path, trusted)?
    } else {
        let file = File::open(path).map_err(|source| VerifyError::File { path: path.to_owned(), source })?;
        verify(BufReader::new(file), path, trusted)?
    };
    if summary.entries > 0 && summary.checkpoints == 0 {
        return Err(VerifyError::Unvouched { path: path.to_owned(), entries: summary.entries });
    }
    Ok(if json { json_pretty(&as_json(&summary)) } else { told(&summary, trusted.is_some()) })
}

fn verify(mut lines: impl BufRead, path: &str, trusted: Option<CheckpointKey>) -> Result<ExportSummary, VerifyError> {
    let mut verifier = ExportVerifier::new(trusted);
    let mut number = 0;
    let mut line = Vec::new();
    let fault = |line| move |source| VerifyError::Fault { path: path.to_owned(), line, source };
    loop {
        line.clear();
        let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.map_err(|source| VerifyError::File { path: path.to_owned(), source })? == 0 {
            return verifier.finish().map_err(fault(number));
        }
        number += 1;
        verifier.next(line.trim_ascii_end()).map_err(fault(number))?;
    }
}

fn as_json(summary: &ExportSummary) -> Value {
    let ExportSummary { entries, after, head, checkpoints, signed_up_to, key } = summary;
    json!({
        "valid": true,
        "entries": entries,
        "after": after,
        "head": {"seq": head.seq, "hash": head.hash},
        "checkpoints": checkpoints,
        "signedUpTo": signed_up_to,
        "publicKey": key.map(|key| key.to_string()),
    })
}

fn told(summary: &ExportSummary, trusted: bool) -> String {
    let ExportSummary { entries, after, head, checkpoints, signed_up_to, key } = summary;
    let what = if *entries == 0 {
        format!("good: no entry after {after}")
    } else {
        format!("good: {entries} entries, {} to {}\n  head         {}", after.next(), head.seq, head.hash)
    };
    let beginning = if after.get() > 0 {
        format!("\n  beginning    what stood before entry {} is not in this file", after.next())
    } else {
        String::new()
    };
    let signed = match (signed_up_to, key) {
        (Some(seq), Some(key)) => {
            let whose = if trusted { "the key that you gave" } else { "which this file itself names; compare it" };
            format!("{checkpoints}, up to entry {seq}\n  signed with  {key} ({whose})")
        }
        (Some(seq), None) => format!("{checkpoints}, up to entry {seq}, signatures unchecked: give --public-key"),
        (None, _) => "none".to_owned(),
    };
    format!("{what}{beginning}\n  checkpoints  {signed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_with_its_line() {
        let text = "{\"flightdeckAudit\":\"v1\",\"after\":0,\"to\":1}\nhello\n";
        let error = verify(text.as_bytes(), "x.jsonl", None).expect_err("no line");
        assert_eq!(error.to_string(), "x.jsonl is NOT what the server once held: line 2");
        let error = verify(text.lines().next().expect("a line").as_bytes(), "x.jsonl", None).expect_err("cut off");
        assert_eq!(error.to_string(), "x.jsonl is NOT what the server once held: line 1, at entry 0");
    }

    #[test]
    fn an_empty_export_says_so() {
        let text = "{\"flightdeckAudit\":\"v1\",\"after\":7,\"to\":7}\n";
        let summary = verify(text.as_bytes(), "-", None).expect("good");
        assert!(told(&summary, false).starts_with("good: no entry after 7\n"), "{}", told(&summary, false));
    }
}
