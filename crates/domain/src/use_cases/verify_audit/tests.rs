use std::sync::Arc;

use super::*;
use crate::action::ActionName;
use crate::audit::CheckpointSigningKey;
use crate::fixtures::{at, audit_draft};
use crate::ports::{ArchiveHolds, ArchivePage, ArchivePlace, MockCheckpointArchive};
use crate::use_cases::testing::{MockPorts, reader};

fn chain(length: usize) -> Vec<SealedAuditEntry> {
    let mut head = AuditHead::EMPTY;
    (0..length)
        .map(|_| {
            let sealed = audit_draft("why").seal(head);
            head = sealed.head();
            sealed
        })
        .collect()
}

/// A log that holds these entries and checkpoints, and gives these heads one after the other.
fn mocks(entries: Vec<SealedAuditEntry>, heads: Vec<AuditHead>, stored: Vec<Checkpoint>) -> MockPorts {
    let mut mocks = MockPorts::default();
    let mut heads = heads.into_iter();
    let mut last = AuditHead::EMPTY;
    mocks
        .actions
        .expect_record()
        .withf(|draft| draft.action == ActionName::AuditRead && draft.details["read"] == "verify")
        .times(1)
        .returning(|_| Ok(AuditSeq::ZERO));
    mocks.audit.expect_head().returning(move || {
        last = heads.next().unwrap_or(last);
        Ok(last)
    });
    mocks.audit.expect_walk().returning(move |after, limit| {
        Ok(entries.iter().filter(|entry| entry.seq > after).take(limit).cloned().collect())
    });
    mocks.audit.expect_checkpoints().returning(move |after, limit| {
        Ok(stored.iter().filter(|checkpoint| checkpoint.seq > after).take(limit).copied().collect())
    });
    mocks
}

async fn verify(entries: Vec<SealedAuditEntry>, heads: Vec<AuditHead>) -> AuditVerification {
    let ports = mocks(entries, heads, vec![]).ports();
    VerifyAudit::new(&ports).execute(reader()).await.expect("answered")
}

fn signer() -> CheckpointSigningKey {
    CheckpointSigningKey::from_seed(&[1; 32])
}

fn signed(entry: &SealedAuditEntry) -> Checkpoint {
    Checkpoint::sign(entry.head(), at(0), &signer())
}

/// Verifies with checkpoints in the database and in the archive.
async fn verify_signed(
    entries: Vec<SealedAuditEntry>,
    heads: Vec<AuditHead>,
    stored: Vec<Checkpoint>,
    archived: Vec<Checkpoint>,
) -> AuditVerification {
    verify_kept(entries, heads, stored, archived, ArchiveHolds::Nothing).await
}

async fn verify_kept(
    entries: Vec<SealedAuditEntry>,
    heads: Vec<AuditHead>,
    stored: Vec<Checkpoint>,
    archived: Vec<Checkpoint>,
    holds: ArchiveHolds,
) -> AuditVerification {
    let mut archive = MockCheckpointArchive::new();
    archive.expect_holds().return_const(holds);
    archive.expect_turn().returning(|| Ok(Box::new(())));
    archive.expect_page().returning(move |from, _| {
        let rest = archived.iter().skip(usize::try_from(from.0).expect("small"));
        let checkpoints: Vec<_> = rest.take(2).copied().collect();
        let next = ArchivePlace(from.0 + u64::try_from(checkpoints.len()).expect("small"));
        Ok(ArchivePage { checkpoints, next })
    });
    let ports = mocks(entries, heads, stored).ports().with_checkpoints(Arc::new(signer()), Arc::new(archive));
    VerifyAudit::new(&ports).execute(reader()).await.expect("answered")
}

#[tokio::test]
async fn a_clean_chain_of_several_pages_verifies() {
    let entries = chain(2_500);
    let head = entries[2_499].head();
    let result = verify(entries, vec![head]).await;
    assert!(result.valid && result.entries == 2_500, "{result:?}");
    assert!(verify(vec![], vec![AuditHead::EMPTY]).await.valid);
}

#[tokio::test]
async fn an_entry_written_meanwhile_is_no_false_alarm() {
    let entries = chain(3);
    let heads = vec![entries[1].head(), entries[2].head()];
    assert!(verify(entries, heads).await.valid);
}

#[tokio::test]
async fn truncation_and_an_entry_beyond_the_head_are_found() {
    let entries = chain(3);
    let (second, third) = (entries[1].head(), entries[2].head());
    let truncated = verify(entries[..2].to_vec(), vec![third]).await;
    assert_eq!(truncated.problem.as_deref(), Some("the chain ends at entry 2 and the head says entry 3"));
    assert!(!verify(entries, vec![second]).await.valid);
}

#[tokio::test]
async fn every_checkpoint_is_held_against_the_chain() {
    let entries = chain(9);
    let all = [1, 4, 8].map(|n| signed(&entries[n])).to_vec();
    let heads = vec![entries[8].head()];
    let result = verify_signed(entries.clone(), heads.clone(), all.clone(), all.clone()).await;
    assert!(result.valid, "{result:?}");
    assert_eq!((result.checkpoints, result.signed_up_to), (3, Some(AuditSeq::new(9))));
    // The archive may have lost some, or all: a crash came between, or somebody moved the file.
    for archived in [vec![], all[1..].to_vec()] {
        assert!(verify_signed(entries.clone(), heads.clone(), all.clone(), archived).await.valid);
    }
    let removed = verify_signed(entries.clone(), heads.clone(), all[..2].to_vec(), all.clone()).await;
    assert_eq!(removed.problem_seq, Some(AuditSeq::new(9)), "{removed:?}");
    let mut forged = all.clone();
    forged[1].at = at(5);
    assert!(!verify_signed(entries.clone(), heads.clone(), forged, all.clone()).await.valid);
    // Somebody rewrote everything from the third entry on, in the database alone.
    let mut rewritten = entries[..2].to_vec();
    for _ in 2..9 {
        let last = rewritten.last().map_or(AuditHead::EMPTY, SealedAuditEntry::head);
        rewritten.push(audit_draft("forged").seal(last));
    }
    let heads = vec![rewritten[8].head()];
    let found = verify_signed(rewritten, heads, all[..1].to_vec(), all.clone()).await;
    assert_eq!(found.problem.as_deref(), Some("entry 5 is not the one that its checkpoint was signed over"));
}

#[tokio::test]
async fn an_end_cut_off_with_all_memory_of_it_is_found_by_the_archive() {
    let entries = chain(9);
    let all = [1, 4, 8].map(|n| signed(&entries[n])).to_vec();
    let left = entries[..6].to_vec();
    let found = verify_signed(left.clone(), vec![left[5].head()], all[..2].to_vec(), all).await;
    let expected = "the chain ends at entry 6, and a checkpoint was signed at entry 9: the end was cut off";
    assert_eq!(found.problem.as_deref(), Some(expected));
}

#[tokio::test]
async fn a_checkpoint_made_meanwhile_is_no_false_alarm() {
    let entries = chain(4);
    let newer = vec![signed(&entries[3])];
    let heads = vec![entries[1].head(), entries[3].head()];
    let result = verify_signed(entries, heads, newer.clone(), newer).await;
    assert!(result.valid && result.checkpoints == 0, "{result:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_finding() {
    let mut mocks = mocks(vec![], vec![chain(1)[0].head()], vec![]);
    mocks.audit.checkpoint();
    mocks
        .audit
        .expect_walk()
        .returning(|_, _| Err(AuditLogError::Broken { seq: AuditSeq::new(1), detail: "no hash".to_owned() }));
    mocks.audit.expect_head().returning(|| Ok(chain(1)[0].head()));
    let result = VerifyAudit::new(&mocks.ports()).execute(reader()).await.expect("answered");
    assert_eq!((result.valid, result.problem_seq), (false, Some(AuditSeq::new(1))));
}

/// A log that takes no entry, and has this for a head.
fn closed(head: Result<AuditHead, HeadProblem>, entries: Vec<SealedAuditEntry>) -> MockPorts {
    let mut mocks = MockPorts::default();
    mocks.actions.expect_record().returning(|_| Err(StoreUnavailable::new("it takes none")));
    mocks.audit.expect_head().returning(move || head.clone().map_err(AuditHeadError::Broken));
    mocks
        .audit
        .expect_walk()
        .returning(move |after, _| Ok(entries.iter().filter(|entry| entry.seq > after).cloned().collect()));
    mocks.audit.expect_checkpoints().returning(|_, _| Ok(vec![]));
    mocks
}

#[tokio::test]
async fn what_cannot_be_recorded_is_told_only_when_it_is_broken() {
    let entries = chain(3);
    let good = closed(Ok(entries[2].head()), entries.clone());
    assert!(VerifyAudit::new(&good.ports()).execute(reader()).await.is_err(), "good, and not told");
    let told = |head| async {
        let broken = closed(head, chain(3));
        let found = VerifyAudit::new(&broken.ports()).execute(reader()).await.expect("told");
        (found.valid, found.entries, found.problem_seq.map(AuditSeq::get), found.problem.unwrap_or_default())
    };
    let rewound = "the head says entry 2, and entry 3 stands behind it".to_owned();
    assert_eq!(told(Ok(entries[1].head())).await, (false, 2, Some(3), rewound));
    let missing = "the chain ends at entry 3, and the head of the log is missing".to_owned();
    assert_eq!(told(Err(HeadProblem::Missing)).await, (false, 3, Some(3), missing));
}

#[tokio::test]
async fn without_a_head_a_checkpoint_still_tells_what_was_cut_off() {
    let entries = chain(4);
    let newest = signed(&entries[3]);
    let mut archive = MockCheckpointArchive::new();
    archive.expect_holds().return_const(ArchiveHolds::Nothing);
    archive.expect_turn().returning(|| Ok(Box::new(())));
    archive.expect_page().returning(move |from, _| {
        let checkpoints = if from.0 == 0 { vec![newest] } else { vec![] };
        Ok(ArchivePage { checkpoints, next: ArchivePlace(1) })
    });
    let ports = closed(Err(HeadProblem::Missing), entries[..2].to_vec())
        .ports()
        .with_checkpoints(Arc::new(signer()), Arc::new(archive));
    let found = VerifyAudit::new(&ports).execute(reader()).await.expect("told");
    let expected = "the chain ends at entry 2, and a checkpoint was signed at entry 4: the end was cut off";
    assert_eq!(found.problem.as_deref(), Some(expected));
}

/// What the archive has to hold, and what is left of it: whether that is a finding, and at which entry.
#[tokio::test]
async fn an_archive_that_has_lost_a_checkpoint_is_a_finding() {
    use ArchiveHolds::{All, Nothing, Seen};
    let entries = chain(9);
    let stored: Vec<_> = [1, 3, 5, 7].map(|at| signed(&entries[at])).to_vec();
    for (holds, left, expected) in [
        (All, &[0, 1, 2, 3][..], None),
        (All, &[], Some(2)),
        (All, &[1, 2, 3], Some(2)),
        (All, &[0, 1, 3], Some(6)),
        (All, &[0, 1, 2], Some(8)),
        // One of several replicas: it began later, and others have signed since.
        (Seen, &[0, 1, 2, 3], None),
        (Seen, &[1, 2, 3], None),
        (Seen, &[1, 2], None),
        (Seen, &[], Some(2)),
        (Seen, &[0, 3], Some(4)),
        (Nothing, &[], None),
    ] {
        let archived = left.iter().map(|at| stored[*at]).collect();
        let heads = vec![entries[8].head()];
        let found = verify_kept(entries.clone(), heads, stored.clone(), archived, holds).await;
        assert_eq!(found.problem_seq, expected.map(AuditSeq::new), "{holds:?} {left:?} {found:?}");
        assert_eq!(found.verdict == crate::audit::AuditVerdict::Good, expected.is_none());
        assert!(expected.is_none() || found.problem.is_some_and(|told| told.contains("--refill")));
    }
}

#[tokio::test]
async fn a_log_that_nothing_vouches_for_is_not_good() {
    let entries = chain(2);
    let heads = || vec![entries[1].head()];
    let found = verify_signed(entries.clone(), heads(), vec![], vec![]).await;
    assert_eq!((found.valid, found.verdict), (true, crate::audit::AuditVerdict::Unvouched));
    let vouched = verify_signed(entries.clone(), heads(), vec![signed(&entries[0])], vec![]).await;
    assert_eq!(vouched.verdict, crate::audit::AuditVerdict::Good);
    let empty = verify_signed(vec![], vec![AuditHead::EMPTY], vec![], vec![]).await;
    assert_eq!(empty.verdict, crate::audit::AuditVerdict::Good);
}
