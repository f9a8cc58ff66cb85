mod push;
mod traced;

use std::sync::Mutex;

use super::*;
use crate::api_key::ApiKey;
use crate::approval::{Approval, ApprovalState};
use crate::audit::AuditHead;
use crate::feed::{FleetEvent, FleetEventDraft};
use crate::fixtures::{approval, audit_draft, session, session_id};
use crate::ids::FeedPosition;
use crate::operator::Actor;
use crate::ports::{AuditLogError, MessageBody, MockClock, MockIdGenerator, MockSinkSender, Outgoing, SendFailed};
use crate::session::{Session, SessionStatus};
use crate::sink::fixtures::{name, replica, sink};
use crate::sink::{DeadLetter, GapCause, LetterEffect, SinkFilter, SinkForm, Trouble};
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::use_cases::Ports;
use crate::use_cases::testing::MockPorts;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(crate::fixtures::at(0).as_micros() + millis * 1_000).expect("within the calendar")
}

/// What the mocks have in common: the one sink, its letters, the feed, a clock, and what was sent.
#[derive(Default)]
struct Stage {
    sink: Option<Sink>,
    letters: Vec<DeadLetter>,
    feed: Vec<FleetEvent>,
    open: Vec<Approval>,
    now: i64,
    epoch: u32,
    /// What the receiver answers next; then it accepts.
    answers: Vec<SendFailed>,
    sent: Vec<(String, MessageBody)>,
    /// A try takes so many milliseconds.
    takes: i64,
    settled: u64,
    /// The store is away when this many messages were settled.
    away_after: Option<u64>,
    /// The key of the subscriber of a browser.
    key: Option<ApiKey>,
    /// Why the sink was removed.
    removed: Option<String>,
}

#[derive(Clone)]
struct Play(Arc<Mutex<Stage>>);

impl Play {
    fn new(sink: Sink) -> Self {
        Self(Arc::new(Mutex::new(Stage { sink: Some(sink), epoch: 7, ..Stage::default() })))
    }

    fn on<T>(&self, work: impl FnOnce(&mut Stage) -> T) -> T {
        work(&mut self.0.lock().expect("a lock"))
    }

    fn events(&self, drafts: impl IntoIterator<Item = FleetEventDraft>) {
        self.on(|stage| {
            for draft in drafts {
                let next = stage.feed.last().map_or(FeedPosition::ZERO, |last| last.position).next();
                stage.feed.push(draft.at_position(next));
            }
        });
    }

    #[expect(clippy::too_many_lines, reason = "one mock behind the other")]
    fn ports(&self) -> Ports {
        let mut mocks = MockPorts::default();
        let stage = self.clone();
        mocks.sinks.expect_sinks().returning(move || Ok(stage.on(|it| it.sink.clone().into_iter().collect())));
        let stage = self.clone();
        mocks.keys.expect_find().returning(move |_| Ok(stage.on(|it| it.key.clone())));
        let stage = self.clone();
        mocks.sinks.expect_change_sink().returning(move |change| {
            assert!(change.draft.is_none() && change.by.actor == Actor::system());
            stage.on(|it| {
                it.removed = change.by.reason.map(|why| why.as_str().to_owned());
                it.sink.take().ok_or_else(|| StoreUnavailable::new("there is none").into())
            })
        });
        let stage = self.clone();
        mocks.sinks.expect_take_sink().returning(move |taking| {
            Ok(stage.on(|it| {
                let taken = taking.decide(it.sink.as_ref())?;
                it.sink = Some(taken.clone());
                Some(taken)
            }))
        });
        let stage = self.clone();
        mocks.sinks.expect_settle_sink().returning(move |settling| {
            stage.on(|it| {
                if it.away_after == Some(it.settled) {
                    return Err(StoreUnavailable::new("away"));
                }
                it.settled += 1;
                let Some(settled) = settling.decide(it.sink.as_ref()) else { return Ok(None) };
                let mut sink = settled.sink;
                match settled.letters {
                    Some(LetterEffect::Died(letter)) => it.letters.push(letter),
                    Some(LetterEffect::Gone(place)) => it.letters.retain(|letter| letter.place != place),
                    Some(LetterEffect::Stays(place, _)) => {
                        for letter in it.letters.iter_mut().filter(|letter| letter.place == place) {
                            letter.again = false;
                        }
                    }
                    None => {}
                }
                sink.progress.again = it.letters.iter().any(|letter| letter.again);
                it.sink = Some(sink.clone());
                Ok(Some(sink))
            })
        });
        let stage = self.clone();
        mocks.sinks.expect_dead_letters().returning(move |query| {
            Ok(stage.on(|it| it.letters.iter().filter(|letter| letter.again == query.again).cloned().collect()))
        });
        let stage = self.clone();
        mocks
            .feed
            .expect_head()
            .returning(move || Ok(stage.on(|it| it.feed.last().map_or(FeedPosition::ZERO, |last| last.position))));
        let stage = self.clone();
        mocks.feed.expect_after().returning(move |after, limit| {
            let behind = |event: &&FleetEvent| event.position > after;
            Ok(stage.on(|it| it.feed.iter().filter(behind).take(limit).cloned().collect()))
        });
        let stage = self.clone();
        mocks.epochs.expect_epoch().returning(move || Ok(Some(Epoch::new(stage.on(|it| it.epoch)))));
        let stage = self.clone();
        mocks
            .approvals
            .expect_get()
            .returning(move |id| Ok(stage.on(|it| it.open.iter().find(|approval| approval.id == id).cloned())));
        mocks.sessions.expect_get().returning(|id| {
            let mission_id = if id == session_id(1) { MissionId::new("apollo").ok() } else { None };
            Ok(Some(Session { mission_id, ..session(1) }))
        });
        mocks.messages.expect_before().returning(traced::conversation);
        mocks.usage.expect_of_session().returning(|_| Ok(None));
        mocks.audit.expect_head().returning(|| {
            let first = audit_draft("one").seal(AuditHead::EMPTY);
            Ok(audit_draft("two").seal(first.head()).head())
        });
        mocks.audit.expect_walk().returning(|after, _| {
            let first = audit_draft("one").seal(AuditHead::EMPTY);
            let second = audit_draft("two").seal(first.head());
            Ok([first, second].into_iter().filter(|entry| entry.seq > after).collect())
        });
        let mut sender = MockSinkSender::new();
        let stage = self.clone();
        sender.expect_send().returning(move |message: Outgoing| {
            stage.on(|it| {
                it.now += it.takes;
                if !it.answers.is_empty() {
                    return Err(it.answers.remove(0));
                }
                it.sent.push((message.id, message.body));
                Ok(())
            })
        });
        let mut ports = mocks.ports().with_sink_sender(Arc::new(sender));
        let (mut clock, stage) = (MockClock::new(), self.clone());
        clock.expect_now().returning(move || at(stage.on(|it| it.now)));
        ports.clock = Arc::new(clock);
        let mut ids = MockIdGenerator::new();
        ids.expect_random_bytes().returning(|| [0; 32]);
        ids.expect_uuid().returning(uuid::Uuid::nil);
        ports.ids = Arc::new(ids);
        ports
    }

    fn deliver(&self, by: &str) -> DeliverSinks {
        let url = PublicUrl::new("https://deck.example").ok();
        DeliverSinks::new(&self.ports(), replica(by), url).expect("there is a sender")
    }

    /// One round by a replica that has just started.
    async fn pass(&self, by: &str) -> Passed {
        let deliver = self.deliver(by);
        let round = deliver.round().await.expect("read");
        let Some(sink) = round.sinks.first().cloned() else { return Passed::default() };
        let mut scan = deliver.scan(&sink);
        if !deliver.is_due(&round, &sink, &scan) {
            return Passed::default();
        }
        deliver.pass(&round, sink, &mut scan).await.unwrap_or_default()
    }

    fn places(&self) -> Vec<u64> {
        let place = |id: &str| id.split('-').nth(2).and_then(|place| place.parse().ok()).expect("a place");
        self.on(|it| it.sent.iter().map(|(id, _)| place(id)).collect())
    }

    fn progress(&self) -> crate::sink::SinkProgress {
        self.on(|it| it.sink.clone()).expect("there").progress
    }
}

fn status(n: u128, status: SessionStatus) -> FleetEventDraft {
    FleetEventDraft::status(&Session { status, ..session(n) }, SessionStatus::Running, at(0))
}

fn idle(count: u128) -> impl Iterator<Item = FleetEventDraft> {
    (0..count).map(|_| status(1, SessionStatus::Idle))
}

fn opened(n: u128, millis: i64, expires: Option<i64>) -> (Approval, FleetEventDraft) {
    let approval = Approval { expires_at: expires.map(at), ..approval(n) };
    let event = FleetEventDraft::approval(&approval, at(millis));
    (approval, event)
}

#[tokio::test]
async fn events_go_out_in_order_and_once() {
    let play = Play::new(sink("ops"));
    play.events(idle(3));
    assert_eq!(play.pass("r1").await, Passed { sent: 3, ..Passed::default() });
    assert_eq!(play.places(), [1, 2, 3]);
    assert_eq!(play.on(|it| it.sent[0].0.clone()), "event-00000007-1-ops");
    assert_eq!(play.pass("r1").await, Passed::default(), "nothing is left");
    assert_eq!(play.progress().cursor, 3);
}

#[tokio::test]
async fn a_long_log_is_read_in_pages() {
    let play = Play::new(sink("ops"));
    play.events(idle(250));
    let mut passes = 0;
    while play.pass("r1").await.sent > 0 {
        passes += 1;
    }
    assert_eq!((passes, play.places().len()), (3, 250));
    assert!(play.places().is_sorted());
}

#[tokio::test]
async fn what_was_sent_and_not_settled_is_sent_again_under_the_same_id() {
    let play = Play::new(sink("ops"));
    play.events(idle(3));
    play.on(|it| it.away_after = Some(1));
    play.pass("r1").await;
    assert_eq!((play.places(), play.progress().cursor), (vec![1, 2], 1));
    play.on(|it| it.away_after = None);
    play.pass("r1").await;
    assert_eq!(play.places(), [1, 2, 2, 3]);
    assert!(play.on(|it| it.sent[1].0 == it.sent[2].0));
}

#[tokio::test]
async fn a_failure_stops_the_pass_and_the_next_try_comes_after_the_pause() {
    let play = Play::new(sink("ops"));
    play.events(idle(2));
    play.on(|it| it.answers = vec![SendFailed::new("no answer")]);
    assert_eq!(play.pass("r1").await, Passed { failed: 1, ..Passed::default() });
    assert_eq!((play.progress().cursor, play.progress().next_try), (0, Some(at(1_000))));
    play.on(|it| it.now = 999);
    assert_eq!(play.pass("r1").await, Passed::default());
    play.on(|it| it.now = 1_000);
    assert_eq!(play.pass("r1").await.sent, 2);
    assert_eq!(play.places(), [1, 2]);
}

#[tokio::test]
async fn a_receiver_that_wants_to_be_left_alone_is_for_a_while() {
    let play = Play::new(sink("ops"));
    play.events(idle(1));
    let busy = |secs| SendFailed { retry_after: Some(Duration::from_secs(secs)), ..SendFailed::new("busy") };
    play.on(|it| it.answers = vec![busy(60)]);
    play.pass("r1").await;
    assert_eq!(play.progress().next_try, Some(at(60_000)));
    play.on(|it| (it.now, it.answers) = (60_000, vec![busy(86_400)]));
    play.pass("r1").await;
    assert_eq!(play.progress().next_try, Some(at(360_000)), "five minutes at the most");
}

#[tokio::test]
async fn after_its_tries_a_message_is_a_dead_letter_and_can_be_sent_again() {
    let play = Play::new(sink("ops"));
    play.events(idle(2));
    play.on(|it| it.answers = vec![SendFailed::new("no"); 4]);
    for n in 0..4 {
        play.on(|it| it.now = n * 400_000);
        play.pass("r1").await;
    }
    assert_eq!((play.progress().cursor, play.on(|it| it.letters.len())), (1, 1));
    play.on(|it| it.now += 400_000);
    play.pass("r1").await;
    assert_eq!(play.places(), [2]);
    play.on(|it| {
        it.letters[0].again = true;
        it.sink.as_mut().expect("there").progress.again = true;
    });
    assert_eq!(play.pass("r1").await.sent, 1);
    assert_eq!((play.places(), play.on(|it| it.letters.len())), (vec![2, 1], 0));
}

#[tokio::test]
async fn a_letter_whose_event_is_gone_is_forgotten() {
    let play = Play::new(sink("ops"));
    let letter = DeadLetter {
        sink: name("ops"),
        place: 1,
        kind: None,
        session_id: None,
        tries: 4,
        error: Trouble::new("x", at(0)),
        again: true,
    };
    play.on(|it| {
        it.letters = vec![letter];
        let progress = &mut it.sink.as_mut().expect("there").progress;
        progress.again = true;
        progress.cursor = 1;
    });
    assert_eq!(play.pass("r1").await, Passed::default());
    assert_eq!(play.on(|it| it.letters.len()), 0);
}

#[tokio::test]
async fn a_request_that_is_decided_within_its_second_calls_nobody() {
    let play = Play::new(Sink { filter: SinkFilter { needs_person: true, ..SinkFilter::default() }, ..sink("ops") });
    let ((first, one), (second, two)) = (opened(1, 0, None), opened(2, 0, None));
    play.events([one, two]);
    play.on(|it| (it.open, it.now) = (vec![first, second], 400));
    let held = play.pass("r1").await;
    assert_eq!(held, Passed { wait: Some(Duration::from_millis(600)), ..Passed::default() });
    play.on(|it| {
        it.now = 1_000;
        let why = crate::approval::ExpiryReason::Withdrawn;
        it.open[0].state = ApprovalState::Expired { why, at: at(900) };
    });
    assert_eq!(play.pass("r1").await.sent, 1);
    assert_eq!(play.places(), [2]);
}

#[tokio::test]
async fn a_request_from_a_clock_that_is_wrong_holds_nothing_up() {
    let play = Play::new(sink("ops"));
    let (approval, event) = opened(1, 3_600_000, None);
    play.events([event]);
    play.on(|it| it.open = vec![approval]);
    assert_eq!(play.pass("r1").await.sent, 1);
}

#[tokio::test]
async fn an_open_request_has_one_reminder_and_a_closed_one_none() {
    let play = Play::new(sink("ops"));
    let ((first, one), (second, two)) = (opened(1, 0, Some(60_000)), opened(2, 0, Some(60_000)));
    play.events([one, two]);
    play.on(|it| (it.open, it.now) = (vec![first, second], 2_000));
    assert_eq!(play.pass("r1").await.sent, 2);
    play.on(|it| it.now = 44_999);
    assert_eq!(play.pass("r1").await.sent, 0);
    play.on(|it| {
        it.now = 45_000;
        it.open.remove(0);
    });
    assert_eq!(play.pass("r1").await.sent, 1);
    let (id, body) = play.on(|it| it.sent.pop()).expect("sent");
    let MessageBody::Notice(notice) = body else { panic!("not a notice") };
    assert_eq!((id.as_str(), notice.kind.as_str()), ("reminder-00000007-2-ops", "approval.expiring"));
    play.on(|it| it.now = 50_000);
    assert_eq!(play.pass("r1").await.sent, 0);
    assert!(play.progress().reminders.is_empty());
}

#[tokio::test]
async fn what_is_not_wanted_moves_the_cursor_and_sends_nothing() {
    let filter = SinkFilter {
        needs_person: true,
        missions: [MissionId::new("apollo").expect("valid")].into(),
        ..SinkFilter::default()
    };
    let play = Play::new(Sink { filter, ..sink("ops") });
    let failed = SessionStatus::Failed;
    play.events([status(1, SessionStatus::Idle), status(1, failed), status(2, failed), status(1, SessionStatus::Idle)]);
    assert_eq!(play.pass("r1").await.sent, 1);
    assert_eq!((play.places(), play.progress().cursor), (vec![2], 4));
}

#[tokio::test]
async fn one_replica_sends_and_another_takes_over_when_it_is_silent() {
    let play = Play::new(sink("ops"));
    play.events(idle(1));
    assert_eq!(play.pass("r1").await.sent, 1);
    play.events(idle(1));
    assert_eq!(play.pass("r2").await, Passed::default(), "the first one has the lease");
    play.on(|it| it.now = 30_001);
    assert_eq!(play.pass("r2").await.sent, 1);
    assert_eq!(play.places(), [1, 2]);
}

#[tokio::test]
async fn a_replica_that_lost_its_lease_in_the_middle_settles_nothing() {
    let play = Play::new(sink("ops"));
    play.events(idle(2));
    let deliver = play.deliver("r1");
    let round = deliver.round().await.expect("read");
    let sink = round.sinks[0].clone();
    let mut scan = deliver.scan(&sink);
    // The try takes longer than the lease, and the other one is faster.
    play.on(|it| it.takes = 31_000);
    let other = play.clone();
    let slow = async { deliver.pass(&round, sink, &mut scan).await.expect("read") };
    let first = slow.await;
    assert_eq!(first.sent, 2, "nobody else was there: it takes the lease again");
    play.events(idle(1));
    let round = deliver.round().await.expect("read");
    let sink = round.sinks[0].clone();
    // Between its look and its pass another replica has sent.
    other.on(|it| (it.now, it.takes) = (200_000, 0));
    assert_eq!(other.pass("r2").await.sent, 1);
    assert_eq!(deliver.pass(&round, sink, &mut scan).await.expect("read").sent, 0);
    assert_eq!(play.places(), [1, 2, 3]);
}

#[tokio::test]
async fn a_restore_and_removed_events_are_gaps_that_the_state_tells() {
    let play = Play::new(sink("ops"));
    play.events(idle(3));
    play.pass("r1").await;
    // The store is an earlier one, and places are given anew.
    play.on(|it| {
        it.feed.truncate(2);
        it.epoch = 8;
    });
    play.pass("r1").await;
    let gap = play.progress().gap.expect("told");
    assert_eq!((gap.cause, gap.after, gap.until, play.progress().cursor), (GapCause::Restored, 3, 2, 2));
    play.events(idle(1));
    assert_eq!(play.pass("r1").await.sent, 1);
    assert_eq!(play.on(|it| it.sent[3].0.clone()), "event-00000008-3-ops");
    play.events(idle(4));
    play.on(|it| it.feed.retain(|event| event.position > FeedPosition::new(5)));
    assert_eq!(play.pass("r1").await.sent, 2);
    let gap = play.progress().gap.expect("told");
    assert_eq!((gap.cause, gap.after, gap.until, play.progress().cursor), (GapCause::Removed, 3, 5, 7));
}

#[tokio::test]
async fn the_audit_log_goes_out_whole() {
    let play = Play::new(Sink { form: SinkForm::Syslog, ..sink("ops") });
    assert_eq!(play.pass("r1").await.sent, 2);
    let sent = play.on(|it| std::mem::take(&mut it.sent));
    let mut verifier = crate::audit::ChainVerifier::default();
    for (id, body) in sent {
        let MessageBody::Audit(entry) = body else { panic!("not an entry") };
        assert_eq!(id, format!("audit-00000007-{}-ops", entry.seq));
        verifier.next(&entry).expect("whole");
    }
}

#[tokio::test]
async fn an_audit_log_that_cannot_be_read_is_a_trouble_and_no_dead_letter() {
    let play = Play::new(Sink { form: SinkForm::Syslog, ..sink("ops") });
    let mut ports = play.ports();
    let mut audit = crate::ports::MockAuditLog::new();
    audit.expect_head().returning(|| Ok(AuditHead::EMPTY));
    audit.expect_walk().returning(|seq, _| Err(AuditLogError::Broken { seq, detail: "bits".to_owned() }));
    ports.audit = Arc::new(audit);
    let deliver = DeliverSinks::new(&ports, replica("r1"), None).expect("there is a sender");
    let round = deliver.round().await.expect("read");
    let sink = round.sinks[0].clone();
    let mut scan = deliver.scan(&sink);
    deliver.pass(&round, sink, &mut scan).await.expect("no fault of the store");
    let progress = play.progress();
    assert_eq!((progress.cursor, progress.tries, play.on(|it| it.letters.len())), (0, 0, 0));
    assert!(progress.last_error.expect("told").what.contains("bits"));
    assert!(progress.next_try.is_some());
}
