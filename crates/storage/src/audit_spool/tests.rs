//! The spool, over crashes, torn writes and the end of its space.

use std::io::Write;

use flightdeck_domain::action::{Intervention, OperatorAction, Origin};
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::{IdempotencyKey, Reason, RequestId};
use flightdeck_domain::time::Timestamp;

use super::*;

fn stop(n: u128, reason: Option<&str>) -> SpooledAction {
    let by = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
    let by = by.at(Timestamp::from_micros(0).expect("a moment"));
    let session_id = SessionId::new(Uuid::from_u128(1));
    let operation = Some(OperationId::new(Uuid::from_u128(2)));
    let action = OperatorAction { session_id, intervention: Intervention::Kill, operation, able: None, by };
    let reason = reason.map(|reason| Reason::new(reason).expect("a reason"));
    let idempotency_key = reason.is_some().then(|| IdempotencyKey::new("k".repeat(64)).expect("a key"));
    SpooledAction { reason, idempotency_key, ..SpooledAction::one(Uuid::from_u128(n), &action).expect("a stop") }
}

async fn ids(spool: &SpoolFile) -> Vec<(u128, Option<Fate>)> {
    let waiting = spool.waiting().await.expect("read");
    waiting.into_iter().map(|waiting| (waiting.action.id.as_u128(), waiting.fate)).collect()
}

async fn keep(spool: &SpoolFile, these: impl IntoIterator<Item = u128>) {
    for n in these {
        spool.keep(stop(n, None)).await.expect("kept");
    }
}

async fn remove(spool: &SpoolFile, these: impl IntoIterator<Item = u128>) {
    for n in these {
        spool.remove(Uuid::from_u128(n)).await.expect("removed");
    }
}

fn open(folder: &tempfile::TempDir) -> SpoolFile {
    SpoolFile::open_with(folder.path(), 64 << 10).expect("opened")
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_crash_in_its_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(&folder);
    keep(&spool, 1..=3).await;
    spool.settle(Uuid::from_u128(2), Fate::Done).await.expect("noted");
    remove(&spool, [1]).await;
    drop(spool);
    let spool = open(&folder);
    assert_eq!(ids(&spool).await, [(2, Some(Fate::Done)), (3, None)]);
    keep(&spool, [4]).await;
    remove(&spool, 2..=4).await;
    assert_eq!(ids(&open(&folder)).await, []);
}

/// Every generation is written over the one before, and a crash may come at any byte of any line.
#[tokio::test]
async fn a_line_torn_at_any_byte_neither_loses_nor_revives_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE);
    let spool = open(&folder);
    keep(&spool, 1..=3).await;
    remove(&spool, 1..=3).await;
    let mut expected: Vec<(u128, Option<Fate>)> = Vec::new();
    for n in 11..=13 {
        let before = std::fs::read(&path).expect("read");
        keep(&spool, [n]).await;
        let after = std::fs::read(&path).expect("read");
        let changed: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
        let (first, last) = (changed[0], changed[changed.len() - 1]);
        for torn in first..=last {
            // The front of the line arrived, or its back, as the disk pleases.
            for (from_after, from_before) in [(..torn, torn..), (..0, 0..)] {
                let mut text = after[from_after].to_vec();
                text.extend(&before[from_before]);
                let crashed = tempfile::tempdir().expect("a folder");
                std::fs::write(crashed.path().join(FILE), &text).expect("written");
                assert_eq!(ids(&open(&crashed)).await, expected, "stop {n} torn at {torn}");
            }
            let mut text = before[..torn].to_vec();
            text.extend(&after[torn..]);
            let read = lines::read(&text).map(|found| found.waiting.len());
            assert!(read == Ok(expected.len()) || torn == first && read == Ok(expected.len() + 1), "{torn}: {read:?}");
        }
        expected.push((n, None));
        assert_eq!(ids(&open(&folder)).await, expected);
    }
}

/// A later generation that counted them would go on behind them, under their number.
#[test]
fn the_rest_of_an_earlier_generation_is_written_over() {
    let line = |step: Step, generation| lines::line(&step, generation).expect("a line");
    let newest = line(Step::Keep(stop(3, None)), 2);
    let rest = [line(Step::Keep(stop(2, None)), 1), line(Step::Remove { id: Uuid::from_u128(2) }, 1)].concat();
    let found = lines::read(&[newest.clone(), rest].concat()).expect("nothing is spoilt");
    assert_eq!((found.waiting.len(), found.end, found.generation), (1, newest.len(), 2));
}

#[tokio::test]
async fn a_spoilt_line_is_not_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE);
    let spool = open(&folder);
    keep(&spool, 1..=3).await;
    let good = std::fs::read(&path).expect("read");
    let ends: Vec<usize> = good.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    for line in 0..2 {
        let mut bad = good.clone();
        bad[ends[line] - 5] ^= 1;
        std::fs::write(&path, &bad).expect("written");
        let Err(error) = SpoolFile::open(folder.path()) else { panic!("opened without line {line}") };
        assert!(error.to_string().contains(&format!("line {} of", line + 1)), "{error}");
    }
    let unknown = lines::line(&Step::Remove { id: Uuid::from_u128(1) }, 1).expect("a line");
    let text = String::from_utf8(unknown).expect("text").replace("remove", "forget");
    let body = text.trim_end().split_once(' ').expect("a body").1;
    std::fs::write(&path, format!("{:08x} {body}\n", crc32fast::hash(body.as_bytes()))).expect("written");
    assert!(matches!(SpoolFile::open(folder.path()), Err(SpoolError::Line { line: 1, .. })));
}

#[tokio::test]
async fn a_file_of_an_earlier_version_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(FILE);
    let mut file = File::create(&path).expect("made");
    for n in 1..=2 {
        let step = serde_json::to_string(&Step::Keep(stop(n, None))).expect("a step");
        writeln!(file, "{step}").expect("written");
    }
    file.write_all(b"{\"keep\":{\"id\"").expect("half a line");
    let spool = open(&folder);
    assert_eq!(ids(&spool).await, [(1, None), (2, None)]);
    keep(&spool, [3]).await;
    drop(spool);
    let spool = open(&folder);
    assert_eq!(ids(&spool).await, [(1, None), (2, None), (3, None)]);
    remove(&spool, 1..=3).await;
    keep(&spool, [4]).await;
    assert_eq!(ids(&open(&folder)).await, [(4, None)]);
    std::fs::write(&path, "{\"forget\":{}}\n").expect("written");
    assert!(matches!(SpoolFile::open(folder.path()), Err(SpoolError::Line { line: 1, .. })));
}

/// What the documentation promises, by the bytes that a stop takes.
#[test]
fn the_reserved_space_holds_what_is_promised() {
    for (stops, reason) in [(2_000, "r".repeat(200)), (700, format!("r{}r", "\n".repeat(1_998)))] {
        let keep = lines::line(&Step::Keep(stop(u128::MAX, Some(&reason))), u32::MAX).expect("a line");
        let needed = stops * (size(keep.len()) + TO_THE_END);
        assert!(needed <= RESERVED, "{stops} stops need {needed} bytes");
    }
    let id = Uuid::from_u128(u128::MAX);
    let fate = Fate::NotDone("x".repeat(700));
    let end =
        [Step::Settle { id, fate }, Step::Remove { id }].map(|step| lines::line(&step, u32::MAX).expect("a line"));
    assert!(size(end.concat().len()) <= TO_THE_END, "{}", end.concat().len());
}

#[tokio::test]
async fn the_space_is_there_and_stays_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = SpoolFile::open(folder.path()).expect("opened");
    keep(&spool, [1]).await;
    remove(&spool, [1]).await;
    let found = std::fs::metadata(folder.path().join(FILE)).expect("there");
    assert_eq!(found.len(), RESERVED);
    assert!(is_reserved(&found, RESERVED));
}

/// What ends a stop is written on a full disk too, so its place is there before the stop is kept.
#[tokio::test]
async fn the_room_to_end_what_waits_is_there_from_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = open(&folder);
    let reserved = || std::fs::metadata(folder.path().join(FILE)).expect("there").len();
    let first = reserved();
    let mut kept = 0;
    while reserved() == first {
        kept += 1;
        keep(&spool, [kept]).await;
        let end = size(spool.open.lock().expect("not poisoned").contents.end);
        let needed = end + u64::try_from(kept).expect("few") * TO_THE_END;
        assert!(reserved() >= needed, "{kept} stops need {needed} of {} bytes", reserved());
    }
}
