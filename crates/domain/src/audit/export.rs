//! An export of the audit log, and its verification without the store.
//!
//! Each line is JSON: a header, then the entries in their order with the exact hashed bytes, and each checkpoint after
//! the entry that it was signed over.

use serde::{Deserialize, Serialize};

use super::{
    AuditHash, AuditHead, AuditProblem, ChainVerifier, Checkpoint, CheckpointKey, CheckpointProblem, SealedAuditEntry,
};
use crate::ids::AuditSeq;

/// The first line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportHeader {
    /// The format: `v1`.
    pub flightdeck_audit: String,
    /// The export begins after this entry.
    pub after: AuditSeq,
    /// Its last entry.
    pub to: AuditSeq,
    /// The key that the export names for its checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<CheckpointKey>,
}

impl ExportHeader {
    /// The format of this version.
    pub const FORMAT: &'static str = "v1";
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedEntry {
    /// Its place.
    pub seq: AuditSeq,
    /// The hash of its bytes.
    pub hash: AuditHash,
    /// The exact bytes that were hashed.
    pub bytes: String,
}

impl From<&SealedAuditEntry> for ExportedEntry {
    /// Bytes that are no text were changed. Their replacement has another hash, and that is the finding.
    fn from(entry: &SealedAuditEntry) -> Self {
        Self { seq: entry.seq, hash: entry.hash, bytes: String::from_utf8_lossy(&entry.bytes).into_owned() }
    }
}

/// What prevented the server from exporting further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFault {
    /// The place.
    pub seq: AuditSeq,
    /// What is wrong there.
    pub problem: String,
}

/// Any line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExportLine {
    /// The first.
    Header(ExportHeader),
    /// An entry.
    Entry(ExportedEntry),
    /// A checkpoint, after its entry; or at the end, if the chain no longer reaches its entry.
    Checkpoint {
        /// The checkpoint.
        checkpoint: Checkpoint,
    },
    /// The end of what can be read.
    Fault {
        /// What is wrong.
        fault: ExportFault,
    },
}

impl ExportLine {
    /// The line, with its end.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Texts, integers and what is made of them: there is nothing in it that JSON cannot express.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// What is wrong with an export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportProblem {
    /// The first line is not a header.
    #[error("it does not begin with the header of an export")]
    NoHeader,
    /// The header is of another version.
    #[error("its format is {0:?}, and this program reads \"v1\"")]
    Format(String),
    /// A line is something else.
    #[error("it is no line of an export")]
    NoLine,
    /// The server found a fault.
    #[error("the server could not export further: {}", .0.problem)]
    Fault(ExportFault),
    /// An entry or a checkpoint was changed or moved.
    #[error(transparent)]
    Chain(#[from] AuditProblem),
    /// The end is missing.
    #[error("it ends at entry {end}, and its header says entry {to}")]
    CutOff {
        /// The last entry.
        end: AuditSeq,
        /// What the header says.
        to: AuditSeq,
    },
    /// A key was given, and the export has no checkpoint.
    #[error("no checkpoint in it is signed with the given key, so nothing says that it was not rewritten as a whole")]
    Unsigned,
}

impl ExportProblem {
    /// The entry at fault, if the fault concerns one.
    #[must_use]
    pub const fn seq(&self) -> Option<AuditSeq> {
        match self {
            Self::Chain(problem) => Some(problem.seq()),
            Self::Fault(fault) => Some(fault.seq),
            Self::CutOff { end, .. } => Some(*end),
            Self::NoHeader | Self::Format(_) | Self::NoLine | Self::Unsigned => None,
        }
    }
}

/// What an export proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportSummary {
    /// How many entries are in it.
    pub entries: u64,
    /// The entry after which it begins; the link to that entry is not proven.
    pub after: AuditSeq,
    /// Its last entry.
    pub head: AuditHead,
    /// How many checkpoints were valid.
    pub checkpoints: u64,
    /// The newest valid checkpoint.
    pub signed_up_to: Option<AuditSeq>,
    /// The key that they were checked against.
    pub key: Option<CheckpointKey>,
}

/// Reads an export line by line, in constant memory.
#[derive(Clone, Debug, Default)]
pub struct ExportVerifier {
    trusted: Option<CheckpointKey>,
    header: Option<ExportHeader>,
    chain: Option<ChainVerifier>,
}

impl ExportVerifier {
    /// Sets the trusted key. Without one, checkpoints are checked against the key that the export itself names.
    #[must_use]
    pub fn new(trusted: Option<CheckpointKey>) -> Self {
        Self { trusted, ..Self::default() }
    }

    /// Reads the next line, without its line end.
    ///
    /// # Errors
    /// The line is wrong; the reading ends there.
    pub fn next(&mut self, line: &[u8]) -> Result<(), ExportProblem> {
        let Some(header) = &self.header else {
            self.header = Some(header(line)?);
            return Ok(());
        };
        let key = self.trusted.or(header.public_key);
        let after = header.after;
        match serde_json::from_slice(line).or(Err(ExportProblem::NoLine))? {
            ExportLine::Header(_) => return Err(ExportProblem::NoLine),
            ExportLine::Entry(ExportedEntry { seq, hash, bytes }) => {
                let chain = self.chain.get_or_insert_with(|| begin(after, &bytes).with_key(key));
                chain.next_bytes(seq, hash, bytes.as_bytes())?;
            }
            ExportLine::Checkpoint { checkpoint } => {
                let nothing = AuditHead { seq: after, hash: AuditHash::GENESIS };
                let chain = self.chain.get_or_insert_with(|| ChainVerifier::starting_after(nothing).with_key(key));
                chain.checkpoint(&checkpoint).map_err(AuditProblem::from)?;
            }
            ExportLine::Fault { fault } => return Err(ExportProblem::Fault(fault)),
        }
        Ok(())
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Something is missing.
    pub fn finish(self) -> Result<ExportSummary, ExportProblem> {
        let header = self.header.ok_or(ExportProblem::NoHeader)?;
        let nothing = AuditHead { seq: header.after, hash: AuditHash::GENESIS };
        let chain = self.chain.unwrap_or_else(|| ChainVerifier::starting_after(nothing));
        let head = chain.head();
        if head.seq != header.to.max(header.after) {
            return Err(ExportProblem::CutOff { end: head.seq, to: header.to });
        }
        let report = chain.report(None);
        if self.trusted.is_some() && report.checkpoints == 0 {
            return Err(ExportProblem::Unsigned);
        }
        Ok(ExportSummary {
            entries: head.seq.get().saturating_sub(header.after.get()),
            after: header.after,
            head,
            checkpoints: report.checkpoints,
            signed_up_to: report.signed_up_to,
            key: self.trusted.or(header.public_key),
        })
    }
}

fn header(line: &[u8]) -> Result<ExportHeader, ExportProblem> {
    let header: ExportHeader = serde_json::from_slice(line).or(Err(ExportProblem::NoHeader))?;
    if header.flightdeck_audit == ExportHeader::FORMAT {
        Ok(header)
    } else {
        Err(ExportProblem::Format(header.flightdeck_audit))
    }
}

/// The first entry of an export from the midst of the chain says itself what stood before it.
fn begin(after: AuditSeq, bytes: &str) -> ChainVerifier {
    #[derive(Deserialize)]
    struct Previous {
        previous: AuditHash,
    }
    if after == AuditSeq::ZERO {
        return ChainVerifier::default();
    }
    let hash = serde_json::from_str::<Previous>(bytes).map_or(AuditHash::GENESIS, |first| first.previous);
    ChainVerifier::starting_after(AuditHead { seq: after, hash })
}

/// A checkpoint beyond the end of what can be exported is the trace of what was cut off.
impl From<CheckpointProblem> for ExportProblem {
    fn from(problem: CheckpointProblem) -> Self {
        Self::Chain(problem.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::CheckpointSigningKey;
    use crate::fixtures::{at, audit_draft};
    use crate::ports::CheckpointSigner;

    fn signer() -> CheckpointSigningKey {
        CheckpointSigningKey::from_seed(&[1; 32])
    }

    /// Entries 1 to 6, with checkpoints at 3 and 6.
    fn export(after: u64) -> Vec<String> {
        let mut head = AuditHead::EMPTY;
        let header = ExportHeader {
            flightdeck_audit: "v1".into(),
            after: AuditSeq::new(after),
            to: AuditSeq::new(6),
            public_key: Some(signer().public_key()),
        };
        let mut lines = vec![ExportLine::Header(header)];
        for n in 1..=6 {
            let sealed = audit_draft(&format!("reason {n}\n\"é\"")).seal(head);
            head = sealed.head();
            if n > after {
                lines.push(ExportLine::Entry(ExportedEntry::from(&sealed)));
                if n % 3 == 0 {
                    lines.push(ExportLine::Checkpoint { checkpoint: Checkpoint::sign(head, at(0), &signer()) });
                }
            }
        }
        lines.iter().map(ExportLine::to_text).collect()
    }

    fn verify(lines: &[String], trusted: Option<CheckpointKey>) -> Result<ExportSummary, ExportProblem> {
        let mut verifier = ExportVerifier::new(trusted);
        for line in lines {
            verifier.next(line.as_bytes())?;
        }
        verifier.finish()
    }

    #[test]
    fn an_export_proves_itself_and_a_part_of_it_too() {
        let whole = verify(&export(0), Some(signer().public_key())).expect("good");
        assert_eq!((whole.entries, whole.head.seq.get(), whole.checkpoints), (6, 6, 2));
        assert_eq!(whole.signed_up_to, Some(AuditSeq::new(6)));
        let part = verify(&export(4), None).expect("good");
        assert_eq!((part.entries, part.after.get(), part.checkpoints), (2, 4, 1));
        assert_eq!(part.key, Some(signer().public_key()));
        assert_eq!(verify(&export(6)[..1], None).expect("nothing is missing").entries, 0);
    }

    #[test]
    fn a_line_less_or_more_or_elsewhere_is_found() {
        let good = export(0);
        for at in 0..good.len() {
            let mut lines = good.clone();
            let removed = lines.remove(at);
            let checkpoint = removed.contains("checkpoint");
            assert_eq!(verify(&lines, None).is_ok(), checkpoint, "without line {at}");
            if !checkpoint {
                lines.insert(at, removed.clone());
                lines.insert(at, removed);
                verify(&lines, None).expect_err("a line twice");
            }
            let mut lines = good.clone();
            lines.swap(at, (at + 1) % good.len());
            verify(&lines, None).expect_err("swapped");
        }
        assert!(matches!(verify(&good[..5], None), Err(ExportProblem::CutOff { .. })));
    }

    #[test]
    fn only_the_trusted_key_counts_when_there_is_one() {
        let other = CheckpointSigningKey::from_seed(&[2; 32]).public_key();
        let wrong = verify(&export(0), Some(other)).expect_err("another key");
        assert!(matches!(wrong, ExportProblem::Chain(AuditProblem::Checkpoint(CheckpointProblem::OtherKey { .. }))));
        let unsigned: Vec<_> = export(0).into_iter().filter(|line| !line.contains("checkpoint")).collect();
        assert_eq!(verify(&unsigned, Some(other)), Err(ExportProblem::Unsigned));
        assert_eq!(verify(&unsigned, None).expect("a chain").checkpoints, 0);
    }

    #[test]
    fn a_checkpoint_beyond_the_end_tells_of_what_was_cut_off() {
        let mut lines = export(0);
        lines[0] = lines[0].replace("\"to\":6", "\"to\":5");
        let last_entry = lines.iter().position(|line| line.starts_with("{\"seq\":6")).expect("there");
        lines.remove(last_entry);
        let found = verify(&lines, None).expect_err("cut off").to_string();
        assert!(found.contains("the chain ends at entry 5, and a checkpoint was signed at entry 6"), "{found}");
    }

    #[test]
    fn an_entry_of_a_later_version_is_proven_by_its_bytes() {
        let bytes = format!("{{\"action\":\"teleport\",\"previous\":\"{}\",\"seq\":1}}", AuditHash::GENESIS);
        let entry = ExportedEntry { seq: AuditSeq::new(1), hash: AuditHash::of(bytes.as_bytes()), bytes };
        let header = "{\"flightdeckAudit\":\"v1\",\"after\":0,\"to\":1,\"later\":true}".to_owned();
        assert_eq!(verify(&[header, ExportLine::Entry(entry).to_text()], None).expect("good").entries, 1);
        assert_eq!(
            verify(&["{\"flightdeckAudit\":\"v2\",\"after\":0,\"to\":1}".into()], None),
            Err(ExportProblem::Format("v2".into()))
        );
    }
}
