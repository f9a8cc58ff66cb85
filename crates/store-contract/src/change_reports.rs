//! What agents changed, as others told it: [`flightdeck_domain::ports::ChangeReports`].

use flightdeck_domain::changes::{
    ChangeReport, ChangedFile, DiffLine, DiffOp, FileKind, FileStatus, Hunk, KeptTurn, ReportedFile, Stretch,
};
use flightdeck_domain::ports::SaveReportError;

use crate::given::{AWKWARD, at, messages, observation, registration, session_id};
use crate::retention::note;
use crate::steps::{append, observe, register};
use crate::{Harness, Store};
use flightdeck_domain::session::SessionStatus;

/// A report whose later state was looked at so many seconds after the first one.
pub(crate) fn report(second: u32) -> ChangeReport {
    let line = DiffLine { op: DiffOp::Added, old: None, new: Some(1), text: format!("{AWKWARD}\0{second}") };
    let file = |path: Vec<u8>, hunks: Option<Vec<Hunk>>| ReportedFile {
        file: ChangedFile {
            path: flightdeck_domain::changes::FilePath::new(path).expect("a path"),
            from: None,
            status: FileStatus::Modified,
            kind: FileKind::Text,
            added: Some(1),
            removed: Some(0),
            executable: Some(true),
            size: None,
        },
        truncated: hunks.is_some(),
        hunks,
    };
    let hunk = Hunk { heading: AWKWARD.to_owned(), lines: vec![line] };
    ChangeReport {
        folder: AWKWARD.to_owned(),
        commit: None,
        branch: Some("main".to_owned()),
        turns: vec![KeptTurn { number: 1, began_at: at(1), ended_at: None }],
        from_at: at(0),
        to_at: at(second),
        files: vec![file(b"na\xefve\\x".to_vec(), Some(vec![hunk])), file(b"b".to_vec(), None)],
        total: 9,
        added: 2,
        removed: 0,
    }
}

async fn save(store: &dyn Store, n: u32, stretch: Stretch, report: ChangeReport) {
    store.save_change_report(session_id(n), stretch, report).await.expect("saved");
}

async fn read(store: &dyn Store, n: u32, stretch: Stretch) -> Option<ChangeReport> {
    store.change_report(session_id(n), stretch).await.expect("read")
}

/// Those of a session of which some tests write.
pub(crate) async fn reports(store: &dyn Store, n: u32) -> Vec<ChangeReport> {
    let mut found = Vec::new();
    for stretch in [Stretch::Whole, Stretch::Turn(1), Stretch::Turn(101)] {
        found.extend(read(store, n, stretch).await);
    }
    found
}

/// The whole session and each turn have one of their own, also after the session has ended.
pub async fn a_report_of_changes_reads_back_as_it_was_told(harness: &dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    register(store, registration(2)).await;
    assert_eq!(read(store, 1, Stretch::Whole).await, None);
    save(store, 1, Stretch::Whole, report(10)).await;
    save(store, 1, Stretch::Turn(1), report(11)).await;
    observe(store, observation(1, SessionStatus::Completed, 20)).await;
    save(store, 1, Stretch::Turn(2), report(12)).await;
    assert_eq!(read(store, 1, Stretch::Whole).await, Some(report(10)));
    assert_eq!(read(store, 1, Stretch::Turn(1)).await, Some(report(11)));
    assert_eq!(read(store, 1, Stretch::Turn(2)).await, Some(report(12)));
    assert_eq!(read(store, 1, Stretch::Turn(u32::MAX)).await, None);
    assert_eq!(read(store, 2, Stretch::Whole).await, None);
    let unknown = store.save_change_report(session_id(3), Stretch::Whole, report(1)).await.expect_err("refused");
    assert!(matches!(unknown, SaveReportError::UnknownSession(id) if id == session_id(3)), "{unknown:?}");
}

/// Whichever comes first.
pub async fn of_two_reports_of_changes_the_later_one_stays(harness: &dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    for (told, stays) in [(10, 10), (9, 10), (11, 11)] {
        save(store, 1, Stretch::Whole, report(told)).await;
        assert_eq!(read(store, 1, Stretch::Whole).await, Some(report(stays)));
    }
    let other = ChangeReport { total: 20, ..report(11) };
    save(store, 1, Stretch::Whole, other.clone()).await;
    assert_eq!(read(store, 1, Stretch::Whole).await, Some(other), "of the same moment the last one that was told");
}

/// That on the whole session stays.
pub async fn reports_on_old_turns_go(harness: &dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    save(store, 1, Stretch::Whole, report(1)).await;
    for turn in [1, 2, 3, 101, 102] {
        save(store, 1, Stretch::Turn(turn), report(turn)).await;
    }
    for (turn, stays) in [(1, false), (2, false), (3, true), (101, true), (102, true)] {
        assert_eq!(read(store, 1, Stretch::Turn(turn)).await.is_some(), stays, "turn {turn}");
    }
    assert!(read(store, 1, Stretch::Whole).await.is_some());
}

/// And none is taken from then on.
pub async fn reports_of_changes_go_with_the_conversation(harness: &dyn Harness) {
    let store = &*harness.store();
    for n in [1, 2] {
        register(store, registration(n)).await;
        append(store, n, messages(1..=2)).await;
        save(store, n, Stretch::Whole, report(1)).await;
        save(store, n, Stretch::Turn(u32::MAX), report(1)).await;
        observe(store, observation(n, SessionStatus::Completed, 20)).await;
    }
    store.note_archived(note(1, 3, 0)).await.expect("noted");
    assert_eq!(read(store, 1, Stretch::Whole).await, None);
    assert_eq!(read(store, 1, Stretch::Turn(u32::MAX)).await, None);
    assert!(read(store, 2, Stretch::Whole).await.is_some());
    let late = store.save_change_report(session_id(1), Stretch::Whole, report(2)).await.expect_err("refused");
    assert!(matches!(late, SaveReportError::Archived(id) if id == session_id(1)), "{late:?}");
}
