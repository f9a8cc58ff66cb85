//! The rules of retention, and what is archived: [`flightdeck_domain::ports::RetentionRepository`].

use std::collections::BTreeMap;

use flightdeck_domain::action::{ActionName, Intervention};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, FeedPosition, Seq};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{ArchiveRowError, MessageRepository, RetentionChangeError, SessionFilter};
use flightdeck_domain::provider_config::Expected;
use flightdeck_domain::retention::{
    ArchiveObject, ArchivedSession, Days, EndedPlace, NotAsArchived, ObjectDigest, ObjectName, Retention,
    RetentionChange, RetentionLease, RetentionRefused, RetentionRules, RetentionTaking,
};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{MissionId, ReplicaName};
use flightdeck_domain::time::Timestamp;

use crate::given::{actor, at, by, child, inject, messages, observation, registration, session_id, text};
use crate::sink::{MADE, set_sink};
use crate::state::State;
use crate::steps::{
    append, audit, commit, conversation, feed, feed_after, feed_head, newest_entry, observe, register, sessions,
    together, verify,
};
use crate::{Harness, Store};

fn days(days: u32) -> Option<Days> {
    Days::new(days).ok()
}

/// Something in every field.
fn rules() -> RetentionRules {
    let missions = [("apollo \u{e9}", days(1)), ("mercury", None)];
    let missions: BTreeMap<MissionId, Option<Days>> =
        missions.into_iter().map(|(mission, days)| (text(mission), days)).collect();
    RetentionRules { sessions: days(30), missions, feed: days(Days::MAX) }
}

/// The rules are changed at a second.
pub(crate) fn set_rules(expected: u64, second: u32) -> RetentionChange {
    RetentionChange { rules: rules(), expected, by: by(1, second) }
}

pub(crate) fn taking(replica: &str, second: u32) -> RetentionTaking {
    RetentionTaking { by: ReplicaName::new(replica).expect("valid"), at: at(second) }
}

/// What is noted of a session of so many messages and commands. Nothing is removed yet.
pub(crate) fn note(n: u32, messages: u64, commands: u64) -> ArchivedSession {
    let object = ArchiveObject {
        name: ObjectName::new(format!("sessions/{n}-0a.jsonl.zst")).expect("valid"),
        digest: ObjectDigest::new("0a".repeat(32)).expect("valid"),
        bytes: 5_000_000_000,
        messages: Seq::new(messages),
        commands: CommandSeq::new(commands),
    };
    ArchivedSession {
        session: session_id(n),
        archived_at: at(400),
        object,
        manifest: ObjectName::new("manifests/1.json").expect("valid"),
        removed_messages: Seq::ZERO,
        removed_commands: CommandSeq::ZERO,
    }
}

/// So many seconds of days later than [`at`].
fn later(days: i64) -> Timestamp {
    at(days * 86_400)
}

async fn ended(store: &dyn Store, n: u32, second: u32) -> Session {
    register(store, registration(n)).await;
    observe(store, observation(n, SessionStatus::Completed, second)).await
}

/// An ended session with so many messages of its agent, three of an operator, and as many commands.
async fn talked(store: &dyn Store, n: u32, said: u32) -> (Vec<Message>, Vec<Command>) {
    register(store, registration(n)).await;
    for batch in messages(1..=said).chunks(1_000) {
        append(store, n, batch.to_vec()).await;
    }
    for message in [700_001, 700_002, 700_003] {
        commit(store, n, inject(message)).await;
    }
    observe(store, observation(n, SessionStatus::Completed, 300)).await;
    (conversation(store, n).await, commands(store, n).await)
}

async fn commands(store: &dyn Store, n: u32) -> Vec<Command> {
    store.commands_after(session_id(n), CommandSeq::ZERO, 10_000).await.expect("read")
}

async fn archive(store: &dyn Store, n: u32, session: &Session) -> ArchivedSession {
    let wanted = note(n, session.last_seq.get(), session.last_command_seq.get());
    store.note_archived(wanted).await.expect("noted")
}

async fn remove_all(store: &dyn Store, n: u32) -> u32 {
    let mut steps = 0;
    loop {
        let now = store.archived(session_id(n)).await.expect("read").expect("archived");
        if now.next_removal().is_none() {
            return steps;
        }
        store.remove_archived(session_id(n)).await.expect("removed").expect("archived");
        steps += 1;
    }
}

async fn left(store: &dyn Store, n: u32) -> Vec<u64> {
    let slice = MessageRepository::after(store, session_id(n), Seq::ZERO, 10_000).await.expect("read");
    slice.expect("the session is there").messages.iter().map(|message| message.seq.get()).collect()
}

/// Before the first change there are none.
pub async fn the_rules_read_back_and_a_change_needs_their_revision(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.retention().await.expect("read"), Retention::default());
    let set = store.change_retention(set_rules(0, 250)).await.expect("changed");
    assert_eq!((set.revision, &set.rules, set.lease.clone()), (1, &rules(), RetentionLease::default()));
    assert_eq!(set.changed.as_ref().map(|changed| (changed.by.clone(), changed.at)), Some((actor(1), at(250))));
    assert_eq!(store.retention().await.expect("read"), set);
    let stale = store.change_retention(set_rules(0, 251)).await.expect_err("it is another one");
    let refused = RetentionRefused::Stale { expected: 0, current: 1 };
    assert!(matches!(stale, RetentionChangeError::Refused(why) if why == refused));
    let none = RetentionChange { rules: RetentionRules::default(), ..set_rules(1, 252) };
    assert_eq!(store.change_retention(none).await.expect("changed").rules, RetentionRules::default());
    for revision in 2..20 {
        let many = together(8, |n| {
            let store = harness.store();
            async move { store.change_retention(set_rules(revision, 260 + n)).await }
        });
        assert_eq!(many.await.into_iter().flatten().count(), 1);
    }
}

/// Who changed what, refusals too.
pub async fn changes_of_the_rules_are_on_record(harness: &dyn Harness) {
    let store = harness.store();
    store.change_retention(set_rules(0, 250)).await.expect("changed");
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.target), (ActionName::RetentionSet, AuditTarget::Fleet));
    assert_eq!((entry.outcome, entry.actor, entry.at), (AuditOutcome::Accepted, actor(1), at(250)));
    assert_eq!(entry.details.get("sessionDays").map(String::as_str), Some("30"));
    assert_eq!(entry.details.get("missions").map(String::as_str), Some("apollo \u{e9}: 1, mercury: for ever"));
    store.change_retention(set_rules(9, 251)).await.expect_err("it is another one");
    assert_eq!(newest_entry(&*store).await.outcome, AuditOutcome::Refused);
    assert_eq!(audit(&*store).await.len(), 2);
    assert!(verify(&*store).await.valid);
}

/// No change without a record of who made it.
pub async fn the_rules_are_not_changed_without_their_entry(harness: &dyn Harness) {
    let store = harness.store();
    store.change_retention(set_rules(0, 250)).await.expect("changed");
    let before = State::of(&*store).await;
    harness.break_audit().await;
    let error = store.change_retention(set_rules(1, 251)).await.expect_err("no entry, no change");
    assert!(matches!(error, RetentionChangeError::Unavailable(_)), "{error:?}");
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
}

/// Without rules there is nothing to do. A lease that has run out goes to whoever asks.
pub async fn of_racing_replicas_one_archives(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.take_retention(taking("r0", 249)).await.expect("asked"), None);
    store.change_retention(set_rules(0, 250)).await.expect("changed");
    let taken = together(8, |n| {
        let store = harness.store();
        async move { store.take_retention(taking(&format!("r{n}"), 251)).await.expect("asked") }
    });
    let taken: Vec<Retention> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(store.retention().await.expect("read"), taken[0]);
    let holder = taken[0].lease.holder.clone().expect("somebody");
    let again = RetentionTaking { by: holder, at: at(300) };
    assert!(store.take_retention(again).await.expect("asked").is_some(), "it keeps it for longer");
    assert_eq!(store.take_retention(taking("other", 600)).await.expect("asked"), None);
    assert!(store.take_retention(taking("other", 601)).await.expect("asked").is_some());
}

/// By the rule of its mission, and not while something below is at work.
pub async fn what_is_due_has_ended_with_all_below_it(harness: &dyn Harness) {
    let store = harness.store();
    for (n, mission) in [(1, None), (2, Some("apollo \u{e9}")), (3, Some("mercury"))] {
        register(
            &*store,
            flightdeck_domain::session::Registration { mission_id: mission.map(text), ..registration(n) },
        )
        .await;
    }
    register(&*store, registration(4)).await;
    register(&*store, child(5, 4)).await;
    register(&*store, registration(6)).await;
    for n in 1..=4 {
        observe(&*store, observation(n, SessionStatus::Failed, 10 * n)).await;
    }
    let due = async |rules: RetentionRules, now| {
        let page = store.due_sessions(rules, now, None, 100).await.expect("read");
        assert_eq!(page.next, None);
        page.sessions.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(due(RetentionRules::default(), later(36_000)).await, []);
    assert_eq!(due(rules(), later(1)).await, []);
    assert_eq!(due(rules(), later(2)).await, [session_id(2)]);
    assert_eq!(due(rules(), later(31)).await, [session_id(1), session_id(2)], "what ended first comes first");
    observe(&*store, observation(5, SessionStatus::Killed, 90)).await;
    assert_eq!(due(rules(), later(31)).await, [1, 2, 4, 5].map(session_id));
    assert_eq!(due(RetentionRules { sessions: None, ..rules() }, later(31)).await, [session_id(2)]);
    archive(&*store, 2, &crate::steps::session(&*store, 2).await).await;
    assert_eq!(due(rules(), later(31)).await, [1, 4, 5].map(session_id), "what is archived is not due again");
}

/// Pages of any size are the whole, and one that has nothing due is not the last.
pub async fn due_sessions_come_in_pages(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=7 {
        // Two end at the same moment.
        ended(&*store, n, 10 * (n / 2)).await;
    }
    let only = RetentionRules { sessions: days(1), ..RetentionRules::default() };
    let mut whole: Option<Vec<Session>> = None;
    for limit in [100, 1, 2, 3] {
        let (mut all, mut place): (Vec<Session>, Option<EndedPlace>) = (Vec::new(), None);
        loop {
            let page = store.due_sessions(only.clone(), later(2), place, limit).await.expect("read");
            assert!(page.sessions.len() <= limit);
            all.extend(page.sessions);
            place = page.next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(all.len(), 7);
        assert_eq!(whole.get_or_insert_with(|| all.clone()), &all, "pages of {limit}");
    }
    let of_nobody = RetentionRules { sessions: None, missions: [(text("x"), days(1))].into(), feed: None };
    let page = store.due_sessions(of_nobody, later(2), None, 3).await.expect("read");
    assert!(page.sessions.is_empty() && page.next.is_some());
}

/// Nor is one whose object lacks something; and a note that is there stays.
pub async fn a_session_at_work_is_not_noted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=3)).await;
    let refused = async |note| match store.note_archived(note).await.expect_err("refused") {
        ArchiveRowError::Unfit(why) => why,
        other => panic!("{other:?}"),
    };
    let status = SessionStatus::Running;
    assert_eq!(refused(note(1, 3, 0)).await, NotAsArchived::NotEnded { session: session_id(1), status });
    observe(&*store, observation(1, SessionStatus::Completed, 20)).await;
    let differs = |messages, commands| NotAsArchived::Differs {
        session: session_id(1),
        messages: Seq::new(messages),
        commands: CommandSeq::new(commands),
    };
    assert_eq!(refused(note(1, 3, 0)).await, differs(4, 0), "the status is a message, too");
    assert_eq!(refused(note(1, 4, 1)).await, differs(4, 0));
    let unknown = store.note_archived(note(2, 0, 0)).await.expect_err("refused");
    assert!(matches!(unknown, ArchiveRowError::UnknownSession(id) if id == session_id(2)), "{unknown:?}");
    assert_eq!(store.archived(session_id(1)).await.expect("read"), None);
    assert_eq!(store.remove_archived(session_id(1)).await.expect("asked"), None, "nothing goes without a note");
    assert_eq!(left(&*store, 1).await, [1, 2, 3, 4]);
    let noted = store.note_archived(note(1, 4, 0)).await.expect("noted");
    assert_eq!(noted, note(1, 4, 0));
    let other = ArchivedSession { archived_at: at(500), ..note(1, 4, 0) };
    assert_eq!(store.note_archived(other).await.expect("noted"), noted, "the first one stays");
    assert_eq!(store.archived(session_id(1)).await.expect("read"), Some(noted.clone()));
    let among = store.archived_among(vec![session_id(2), session_id(1)]).await.expect("read");
    assert_eq!(among, [noted]);
}

/// A thousand at a time, the oldest first, messages before commands; then nothing is left.
pub async fn rows_go_in_batches_after_the_note(harness: &dyn Harness) {
    let store = harness.store();
    let (said, told) = talked(&*store, 1, 1_500).await;
    talked(&*store, 2, 2).await;
    let whole = u64::try_from(said.len()).expect("few");
    assert_eq!(told.len(), 3);
    assert!(store.conversation_bytes(session_id(1)).await.expect("read") > 1_500 * 9);
    let session = crate::steps::session(&*store, 1).await;
    let noted = archive(&*store, 1, &session).await;
    assert_eq!(left(&*store, 1).await.len(), said.len(), "the note removes nothing");
    assert_eq!(store.unfinished_removals(10).await.expect("read"), [noted]);

    let first = store.remove_archived(session_id(1)).await.expect("removed").expect("archived");
    assert_eq!((first.removed_messages, first.removed_commands), (Seq::new(1_000), CommandSeq::ZERO));
    assert_eq!(left(&*store, 1).await, (1_001..=whole).collect::<Vec<_>>());
    let page = MessageRepository::before(&*store, session_id(1), Seq::new(1_003), 10).await.expect("read");
    assert_eq!(page.expect("there").messages, &said[1_000..1_002]);
    let page = MessageRepository::after(&*store, session_id(1), Seq::new(1_200), 2).await.expect("read");
    assert_eq!(page.expect("there").messages, &said[1_200..1_202]);
    store.remove_archived(session_id(1)).await.expect("removed").expect("archived");
    assert_eq!((left(&*store, 1).await, commands(&*store, 1).await), (vec![], told));
    let last = store.remove_archived(session_id(1)).await.expect("removed").expect("archived");
    assert_eq!(last.next_removal(), None);
    assert_eq!(commands(&*store, 1).await, []);
    assert_eq!(store.remove_archived(session_id(1)).await.expect("asked"), Some(last), "again is the same");
    assert_eq!(store.unfinished_removals(10).await.expect("read"), []);
    assert_eq!(store.conversation_bytes(session_id(1)).await.expect("read"), 0);
    assert_eq!((left(&*store, 2).await.len(), commands(&*store, 2).await.len()), (6, 3), "others stay");
}

/// Whatever is removed, the session stays as it was.
pub async fn an_archived_session_is_listed_as_before(harness: &dyn Harness) {
    let store = harness.store();
    talked(&*store, 1, 3).await;
    let before = sessions(&*store, SessionFilter::default()).await;
    archive(&*store, 1, &before[0]).await;
    remove_all(&*store, 1).await;
    assert_eq!(sessions(&*store, SessionFilter::default()).await, before);
    let end = MessageRepository::ends(&*store, vec![session_id(1)]).await.expect("read");
    assert_eq!(end[0].last_seq, before[0].last_seq);
    let again = store.append(session_id(1), messages(1..=1), at(900)).await;
    assert!(again.is_err(), "what is gone is not put there again: {again:?}");
    assert_eq!(left(&*store, 1).await, Vec::<u64>::new());
}

/// In order, whole, and not twice.
pub async fn what_was_archived_is_put_back_as_it_was(harness: &dyn Harness) {
    let store = harness.store();
    let (said, told) = talked(&*store, 1, 5).await;
    let session = crate::steps::session(&*store, 1).await;
    let unarchived = store.put_back(session_id(1), said.clone(), told.clone()).await;
    assert!(matches!(unarchived, Err(ArchiveRowError::Occupied(_))), "{unarchived:?}");
    archive(&*store, 1, &session).await;
    let too_early = store.put_back(session_id(1), said.clone(), told.clone()).await;
    assert!(matches!(too_early, Err(ArchiveRowError::Occupied(_))), "{too_early:?}");
    remove_all(&*store, 1).await;
    let hole = store.put_back(session_id(1), said[1..].to_vec(), vec![]).await;
    assert!(matches!(hole, Err(ArchiveRowError::Occupied(_))), "{hole:?}");
    store.put_back(session_id(1), said[..4].to_vec(), vec![]).await.expect("put back");
    let twice = store.put_back(session_id(1), said[..4].to_vec(), vec![]).await;
    assert!(matches!(twice, Err(ArchiveRowError::Occupied(_))), "{twice:?}");
    assert!(!store.end_restoring(session_id(1)).await.expect("asked"), "something is missing");
    store.put_back(session_id(1), said[4..].to_vec(), told[..1].to_vec()).await.expect("put back");
    assert!(!store.end_restoring(session_id(1)).await.expect("asked"), "commands are missing");
    store.put_back(session_id(1), vec![], told[1..].to_vec()).await.expect("put back");
    assert!(store.end_restoring(session_id(1)).await.expect("asked"));
    assert_eq!((conversation(&*store, 1).await, commands(&*store, 1).await), (said, told));
    assert_eq!(store.archived(session_id(1)).await.expect("read"), None);
    assert_eq!(crate::steps::session(&*store, 1).await, session);
}

/// A position is never given twice, and what is left is as it was.
pub async fn the_feed_is_cut_and_keeps_its_end(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=5 {
        ended(&*store, n, 10).await;
    }
    let (whole, head) = (feed(&*store).await, feed_head(&*store).await);
    assert_eq!(store.cut_feed(whole[3].position).await.expect("cut"), 4);
    assert_eq!(feed(&*store).await, whole[4..]);
    assert_eq!(feed_after(&*store, whole[5].position).await, whole[6..]);
    assert_eq!(store.cut_feed(whole[3].position).await.expect("cut"), 0, "again is nothing");
    let rest = u64::try_from(whole.len()).expect("few") - 5;
    assert_eq!(store.cut_feed(FeedPosition::new(u64::MAX)).await.expect("cut"), rest);
    assert_eq!((feed(&*store).await, feed_head(&*store).await), (whole[whole.len() - 1..].to_vec(), head));
    register(&*store, registration(6)).await;
    assert_eq!(feed_head(&*store).await, head.next());
    commit(&*store, 6, Intervention::Pause).await;
    assert!(feed(&*store).await.len() >= 3);
}

/// What a sink has still to deliver stays.
pub async fn the_feed_is_not_cut_past_a_sink(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=5 {
        ended(&*store, n, 10).await;
    }
    // It begins behind position five.
    store.change_sink(set_sink("x", Expected::Absent, MADE)).await.expect("made");
    assert_eq!(store.cut_feed(FeedPosition::new(8)).await.expect("cut"), 5);
    assert_eq!(feed(&*store).await[0].position, FeedPosition::new(6));
}
