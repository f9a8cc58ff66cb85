use super::*;
use crate::fixtures::at;
use crate::sink::fixtures::{name, replica, sink};
use crate::sink::{GapCause, SinkProgress, Taking};

fn taken() -> Sink {
    Taking { name: name("ops"), by: replica("r1"), at: at(0) }.decide(Some(&sink("ops"))).expect("free")
}

fn settling(step: Step) -> Settling {
    Settling { name: name("ops"), fence: 1, epoch: Epoch::new(7), step, at: at(10) }
}

fn letter(place: u64) -> Letter {
    Letter { place, kind: Some(FleetEventKind::Status), session_id: None, reminder: None }
}

fn failure(rejected: bool) -> Failure {
    Failure { what: "no\nanswer".to_owned(), rejected, pause: Duration::from_secs(3) }
}

fn reminder(n: u128) -> Reminder {
    Reminder { approval: ApprovalId::new(uuid::Uuid::from_u128(n)), place: 4, due: at(20), tries: 0 }
}

#[test]
fn a_lease_is_of_one_replica_until_it_lapses_and_of_the_same_one_again_at_once() {
    let take = |by: &str, second: i64, sink: &Sink| {
        Taking { name: name("ops"), by: replica(by), at: at(second) }.decide(Some(sink))
    };
    let first = taken();
    assert_eq!(first.progress.lease.fence, 1);
    assert_eq!(take("r2", 30, &first), None, "held");
    let second = take("r2", 31, &first).expect("lapsed");
    assert_eq!((second.progress.lease.fence, second.progress.lease.holder.clone()), (2, Some(replica("r2"))));
    assert_eq!(take("r1", 1, &first).expect("its own").progress.lease.fence, 2);
    assert_eq!(take("r1", 1, &Sink { enabled: false, ..sink("ops") }), None);
    assert_eq!(Taking { name: name("ops"), by: replica("r1"), at: at(0) }.decide(None), None);
}

#[test]
fn what_comes_from_an_older_lease_is_not_taken() {
    let sink = taken();
    for fence in [0, 2] {
        assert_eq!(Settling { fence, ..settling(Step::Sent(letter(5))) }.decide(Some(&sink)), None, "{fence}");
    }
    assert_eq!(settling(Step::Sent(letter(5))).decide(None), None);
    let settled = settling(Step::Sent(letter(5))).decide(Some(&sink)).expect("the newest");
    assert_eq!(settled.sink.progress.lease.until, Some(at(40)));
}

#[test]
fn the_cursor_moves_with_success_alone() {
    let failed = settling(Step::Failed(letter(5), failure(false))).decide(Some(&taken())).expect("taken");
    let progress = &failed.sink.progress;
    assert_eq!((progress.cursor, progress.tries, progress.failures), (0, 1, 1));
    assert_eq!((progress.next_try, failed.letters), (Some(at(13)), None));
    assert_eq!(progress.last_error, Some(Trouble { what: "no answer".to_owned(), at: at(10) }));
    let sent = settling(Step::Sent(letter(5))).decide(Some(&failed.sink)).expect("taken").sink.progress;
    assert_eq!((sent.cursor, sent.tries, sent.failures, sent.next_try), (5, 0, 0, None));
    assert_eq!((sent.last_success, sent.epoch), (Some(at(10)), Some(Epoch::new(7))));
    assert_eq!(sent.last_error, progress.last_error.clone());
}

#[test]
fn after_its_tries_a_message_is_a_dead_letter_and_the_next_one_has_its_own_tries() {
    for (rejected, tries) in [(false, 4), (true, 3)] {
        let mut sink = taken();
        for n in 1..tries {
            let settled = settling(Step::Failed(letter(5), failure(rejected))).decide(Some(&sink)).expect("taken");
            assert_eq!((settled.letters, settled.sink.progress.cursor), (None, 0), "try {n}");
            sink = settled.sink;
        }
        let last = settling(Step::Failed(letter(5), failure(rejected))).decide(Some(&sink)).expect("taken");
        let Some(LetterEffect::Died(dead)) = last.letters else { panic!("it lives: {:?}", last.letters) };
        assert_eq!((dead.place, dead.tries, dead.again, dead.error.at), (5, tries, false, at(10)));
        let progress = last.sink.progress;
        assert_eq!((progress.cursor, progress.tries, progress.failures), (5, 0, tries), "the pause goes on growing");
    }
}

#[test]
fn a_dead_letter_that_is_sent_again_goes_or_stays() {
    let sink = taken();
    let gone = settling(Step::Resent { place: 3, sent: true }).decide(Some(&sink)).expect("taken");
    assert_eq!((gone.letters, gone.sink.progress.cursor), (Some(LetterEffect::Gone(3)), 0));
    let stays = settling(Step::NotResent { place: 3, failure: failure(false) }).decide(Some(&sink)).expect("taken");
    assert!(matches!(stays.letters, Some(LetterEffect::Stays(3, _))));
    assert_eq!(stays.sink.progress.next_try, Some(at(13)));
}

#[test]
fn a_reminder_follows_its_request_once() {
    let with = Letter { reminder: Some(reminder(1)), ..letter(4) };
    let sent = settling(Step::Sent(with)).decide(Some(&taken())).expect("taken").sink;
    assert_eq!(sent.progress.due(at(19)), None);
    assert_eq!(sent.progress.due(at(20)), Some(&reminder(1)));
    let approval = reminder(1).approval;
    let said = settling(Step::Reminded { approval, sent: true }).decide(Some(&sent)).expect("taken").sink;
    assert_eq!((said.progress.reminders, said.progress.cursor), (Vec::new(), 4));
    let mut trying = sent;
    for left in [1, 1, 1, 0] {
        trying = settling(Step::NotReminded(approval, failure(false))).decide(Some(&trying)).expect("taken").sink;
        assert_eq!(trying.progress.reminders.len(), left);
    }
}

#[test]
fn reminders_are_bounded() {
    let mut sink = taken();
    for n in 0..=u128::try_from(SinkProgress::MOST_REMINDERS).expect("small") {
        let with = Letter { reminder: Some(reminder(n)), ..letter(4) };
        sink = settling(Step::Sent(with)).decide(Some(&sink)).expect("taken").sink;
    }
    assert_eq!(sink.progress.reminders.len(), SinkProgress::MOST_REMINDERS);
}

#[test]
fn a_gap_is_kept_until_the_next_one() {
    let gap = Gap { cause: GapCause::Removed, after: 0, until: 8, at: at(10) };
    let moved = settling(Step::Moved { to: 8, gap: Some(gap) }).decide(Some(&taken())).expect("taken").sink;
    let on = settling(Step::Moved { to: 9, gap: None }).decide(Some(&moved)).expect("taken").sink;
    assert_eq!((on.progress.gap, on.progress.cursor), (Some(gap), 9));
}

#[test]
fn pauses_double_up_to_five_minutes_and_differ() {
    let whole = [(1, 1_000), (2, 2_000), (3, 4_000), (9, 256_000), (10, 300_000), (40, 300_000), (u32::MAX, 300_000)];
    for (failures, millis) in whole {
        assert_eq!(pause(failures, 0), Duration::from_millis(millis), "{failures}");
        for random in [1, 77, u64::MAX] {
            let one = pause(failures, random);
            assert!(one >= Duration::from_millis(millis / 2) && one <= Duration::from_millis(millis), "{one:?}");
        }
    }
    assert_ne!(pause(5, 11), pause(5, 12));
}
