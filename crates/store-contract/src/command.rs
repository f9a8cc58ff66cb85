//! The commands that wait for an agent: [`flightdeck_domain::ports::CommandQueue`].

use flightdeck_domain::action::{Intervention, OperatorAction};
use flightdeck_domain::command::{Command, Delivery, Receipt};
use flightdeck_domain::feed::{FleetEventDraft, FleetEventKind};
use flightdeck_domain::ids::{CommandSeq, FeedPosition, Seq};
use flightdeck_domain::ports::{AcknowledgeError, FleetFeed, MessageRepository, OperatorActions};
use flightdeck_domain::session::Choice;
use flightdeck_domain::text::ChoiceName;

use crate::given::{AWKWARD, action, at, by, inject, message_id, messages, reason, registration, session_id, text};
use crate::state::State;
use crate::steps::{append, commit, feed, feed_after, feed_head, of_kind, pending, register, session, together};
use crate::{Harness, Store};

async fn acknowledge(store: &dyn Store, seq: u64, receipt: Receipt, second: u32) -> Command {
    let done = store.acknowledge(session_id(1), CommandSeq::new(seq), receipt, at(second)).await;
    done.expect("acknowledged")
}

fn refused() -> Receipt {
    Receipt::Refused { reason: reason(AWKWARD) }
}

fn seqs(commands: &[Command]) -> Vec<u64> {
    commands.iter().map(|command| command.seq.get()).collect()
}

/// A running session with so many injects in its queue.
async fn queue(store: &dyn Store, length: u32) {
    register(store, registration(1)).await;
    for n in 1..=length {
        commit(store, 1, inject(n)).await;
    }
}

/// Every kind with every option, and with and without a reason.
pub async fn a_command_reads_back_as_the_rule_made_it(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let inject = |n, delivery| Intervention::Inject { message_id: message_id(n), content: text("x"), delivery };
    let chosen = |name: &str| Some(ChoiceName::new(name).expect("valid"));
    let interventions = [
        inject(1, Delivery::Steer),
        inject(2, Delivery::Queue),
        inject(3, Delivery::Interrupt),
        Intervention::Pause,
        Intervention::Resume,
        Intervention::Interrupt { drop_queued: false },
        Intervention::Configure(Choice { model: chosen("opus"), mode: None }),
        Intervention::Configure(Choice { model: None, mode: chosen("plan \" \\ é") }),
        Intervention::Configure(Choice { model: chosen("opus"), mode: chosen("plan") }),
        Intervention::Kill,
    ];
    let mut expected = Vec::new();
    for (second, intervention) in (50..).zip(interventions) {
        let mut by = by(1, second);
        by.reason = by.reason.filter(|_| second % 2 == 0);
        let action = OperatorAction { by, ..action(1, intervention) };
        let decision = action.decide(Some(&session(&*store, 1).await), &[]);
        let command = decision.outcome.expect("allowed").command.expect("something to do");
        let done = OperatorActions::commit(&*store, action).await.expect("accepted");
        assert_eq!(done.command.as_ref(), Some(&command));
        expected.push(command);
    }
    assert_eq!(pending(&*store, 1).await, expected);
    for command in &expected {
        assert_eq!(store.command(session_id(1), command.seq).await.expect("read").as_ref(), Some(command));
    }
    for (unknown, seq) in [(1, 99), (9, 1)] {
        assert_eq!(store.command(session_id(unknown), CommandSeq::new(seq)).await.expect("read"), None);
    }
    assert_eq!(acknowledge(&*store, 1, refused(), 70).await.receipt, refused());
    assert_eq!(acknowledge(&*store, 1, Receipt::Delivered, 71).await.receipt, refused());
}

/// A reader goes through the queue page by page.
pub async fn commands_come_in_order_after_a_place(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 7).await;
    let whole = pending(&*store, 1).await;
    assert_eq!(seqs(&whole), [1, 2, 3, 4, 5, 6, 7]);
    for (after, limit, expected) in [(0, 3, 0..3), (3, 3, 3..6), (6, 3, 6..7), (7, 3, 7..7), (2, 100, 2..7)] {
        let page = store.pending(session_id(1), CommandSeq::new(after), limit).await.expect("read");
        assert_eq!(page.expect("known"), whole[expected], "{limit} after {after}");
    }
    assert_eq!(store.pending(session_id(9), CommandSeq::ZERO, 5).await.expect("read"), None);
}

/// A command that was delivered and never acted on comes again; a final one does not, and leaves no gap for its
/// followers to fall into.
pub async fn a_command_comes_again_until_it_is_final(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 4).await;
    let delivered = acknowledge(&*store, 1, Receipt::Delivered, 60).await;
    assert_eq!((&delivered.receipt, delivered.updated_at), (&Receipt::Delivered, at(60)));
    assert_eq!(pending(&*store, 1).await[0], delivered);
    acknowledge(&*store, 2, Receipt::Consumed, 61).await;
    acknowledge(&*store, 3, refused(), 62).await;
    assert_eq!(seqs(&pending(&*store, 1).await), [1, 4]);
    let page = store.pending(session_id(1), CommandSeq::new(1), 1).await.expect("read");
    assert_eq!(seqs(&page.expect("known")), [4]);
    acknowledge(&*store, 1, Receipt::Consumed, 63).await;
    acknowledge(&*store, 4, Receipt::Consumed, 63).await;
    assert_eq!(pending(&*store, 1).await, []);
}

/// Each step of a receipt stands on the feed, as the rule tells it.
pub async fn a_receipt_that_moves_is_an_event(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 1).await;
    for (second, receipt) in [(60, Receipt::Delivered), (61, refused())] {
        let head = feed_head(&*store).await;
        let command = acknowledge(&*store, 1, receipt, second).await;
        let events = feed_after(&*store, head).await;
        let expected = FleetEventDraft::receipt(&command, at(second)).at_position(events[0].position);
        assert_eq!(events, [expected]);
    }
}

/// The same receipt twice, or an earlier one late, changes nothing and is no event.
pub async fn acknowledging_again_or_late_is_harmless(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 2).await;
    let delivered = acknowledge(&*store, 1, Receipt::Delivered, 60).await;
    let consumed = acknowledge(&*store, 2, Receipt::Consumed, 60).await;
    let before = State::of(&*store).await;
    assert_eq!(acknowledge(&*store, 1, Receipt::Accepted, 61).await, delivered);
    assert_eq!(acknowledge(&*store, 1, Receipt::Delivered, 61).await, delivered);
    assert_eq!(acknowledge(&*store, 2, Receipt::Delivered, 61).await, consumed);
    assert_eq!(acknowledge(&*store, 2, Receipt::Consumed, 61).await, consumed);
    assert_eq!(State::of(&*store).await, before);
}

/// What is final cannot become another final thing.
pub async fn a_final_receipt_stays(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 1).await;
    acknowledge(&*store, 1, Receipt::Consumed, 60).await;
    let before = State::of(&*store).await;
    let error = store.acknowledge(session_id(1), CommandSeq::new(1), refused(), at(61)).await.expect_err("final");
    assert!(
        matches!(&error, AcknowledgeError::Final(it) if it.is == "consumed" && it.wanted == "refused"),
        "{error:?}"
    );
    assert_eq!(State::of(&*store).await, before);
}

/// Whoever is first decides; the others are told so.
pub async fn one_of_many_racing_final_receipts_stays(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 1).await;
    let head = feed(&*store).await.len();
    let told = together(16, |n| {
        let store = harness.store();
        let receipt = if n % 2 == 0 { Receipt::Consumed } else { refused() };
        async move {
            match store.acknowledge(session_id(1), CommandSeq::new(1), receipt, at(60 + n)).await {
                Ok(command) => Some(command),
                Err(AcknowledgeError::Final(_)) => None,
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await;
    let told: Vec<Command> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), 8, "all who wanted what it became, and nobody else");
    assert!(told.iter().all(|command| *command == told[0]));
    assert_eq!(feed(&*store).await.len(), head + 1);
}

/// A place with no command, and a session that there is not.
pub async fn an_unknown_command_is_told_as_such(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 1).await;
    let before = State::of(&*store).await;
    for (session, seq) in [(1, 0), (1, 2), (9, 1)] {
        let (session, seq) = (session_id(session), CommandSeq::new(seq));
        let error = store.acknowledge(session, seq, Receipt::Consumed, at(60)).await.expect_err("unknown");
        let told = matches!(error, AcknowledgeError::UnknownCommand { session: s, seq: q } if (s, q) == (session, seq));
        assert!(told, "{error:?}");
    }
    assert_eq!(State::of(&*store).await, before);
}

/// What an operator takes back is gone from the queue, told on the feed and on the audit log; what has arrived stays.
pub async fn a_message_is_taken_back_before_it_arrives(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 3).await;
    acknowledge(&*store, 2, Receipt::Delivered, 60).await;
    let head = feed_head(&*store).await;
    commit(&*store, 1, Intervention::Cancel { command: CommandSeq::new(1) }).await;
    assert_eq!(seqs(&pending(&*store, 1).await), [2, 3]);
    let events = feed_after(&*store, head).await;
    assert_eq!(
        events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [FleetEventKind::Action, FleetEventKind::Receipt]
    );

    for seq in [1, 2, 9] {
        let cancel = action(1, Intervention::Cancel { command: CommandSeq::new(seq) });
        assert!(OperatorActions::commit(&*store, cancel).await.is_err(), "command {seq} cannot be taken back");
    }
    assert_eq!(seqs(&pending(&*store, 1).await), [2, 3]);
    let late = store.acknowledge(session_id(1), CommandSeq::new(1), Receipt::Consumed, at(61)).await;
    assert!(matches!(late, Err(AcknowledgeError::Final(_))), "{late:?}");
}

/// An interrupt loses nothing that waits, unless it is told to.
pub async fn an_interrupt_drops_what_waits_only_when_told_to(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 3).await;
    acknowledge(&*store, 2, Receipt::Delivered, 60).await;
    commit(&*store, 1, Intervention::Interrupt { drop_queued: false }).await;
    assert_eq!(seqs(&pending(&*store, 1).await), [1, 2, 3, 4]);
    commit(&*store, 1, Intervention::Interrupt { drop_queued: true }).await;
    assert_eq!(seqs(&pending(&*store, 1).await), [2, 4, 5], "the delivered one and the interrupts stay");
}

/// On every page, forwards and backwards, as it stands at that moment, and for operators' messages only.
pub async fn a_message_is_read_with_its_receipt(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    register(&*store, registration(2)).await;
    append(&*store, 1, messages(11..=12)).await;
    for n in 1..=3 {
        commit(&*store, 1, inject(n)).await;
    }
    OperatorActions::commit(&*store, action(2, inject(1))).await.expect("accepted");
    let read = async |after: Option<u64>| {
        let page = match after {
            Some(seq) => MessageRepository::after(&*store, session_id(1), Seq::new(seq), 10).await,
            None => MessageRepository::before(&*store, session_id(1), Seq::new(4), 10).await,
        };
        let page = page.expect("read").expect("there");
        let receipts = page.messages.iter().map(|said| page.receipts.get(&said.id).cloned());
        receipts.map(|receipt| receipt.map(|receipt| (receipt.command_seq.get(), receipt.receipt))).collect::<Vec<_>>()
    };
    let accepted = |seq| Some((seq, Receipt::Accepted));
    assert_eq!(read(Some(0)).await, [None, None, accepted(1), accepted(2), accepted(3)]);
    acknowledge(&*store, 1, Receipt::Consumed, 60).await;
    acknowledge(&*store, 2, refused(), 61).await;
    commit(&*store, 1, Intervention::Cancel { command: CommandSeq::new(3) }).await;
    let (consumed, refused, cancelled) =
        (Some((1, Receipt::Consumed)), Some((2, refused())), Some((3, Receipt::Cancelled)));
    assert_eq!(read(Some(2)).await, [consumed.clone(), refused, cancelled]);
    assert_eq!(read(None).await, [None, None, consumed]);
    assert_eq!(read(Some(5)).await, []);
}

/// In order, from any place on, those of other sessions left out; and the newest by themselves.
pub async fn the_receipts_of_a_session_are_followed_by_themselves(harness: &dyn Harness) {
    let store = harness.store();
    queue(&*store, 4).await;
    register(&*store, registration(2)).await;
    OperatorActions::commit(&*store, action(2, inject(1))).await.expect("accepted");
    for seq in [2, 1, 3] {
        acknowledge(&*store, seq, Receipt::Delivered, 60).await;
    }
    store.acknowledge(session_id(2), CommandSeq::new(1), Receipt::Delivered, at(61)).await.expect("acknowledged");
    acknowledge(&*store, 1, Receipt::Consumed, 62).await;
    let all: Vec<_> = of_kind(&feed(&*store).await, FleetEventKind::Receipt)
        .into_iter()
        .filter(|event| event.session_id == Some(session_id(1)))
        .cloned()
        .collect();
    assert_eq!(all.len(), 4);
    let one = session_id(1);
    let after = |position| FleetFeed::receipts(&*store, one, position, 10);
    assert_eq!(after(FeedPosition::ZERO).await.expect("read"), all);
    assert_eq!(after(all[1].position).await.expect("read"), all[2..]);
    assert_eq!(after(all[3].position).await.expect("read"), []);
    assert_eq!(FleetFeed::receipts(&*store, one, FeedPosition::ZERO, 3).await.expect("read"), all[..3]);
    for (limit, expected) in [(0, &all[4..]), (1, &all[3..]), (3, &all[1..]), (9, &all[..])] {
        assert_eq!(store.newest_receipts(one, limit).await.expect("read"), expected);
    }
    assert_eq!(store.newest_receipts(session_id(9), 3).await.expect("read"), []);
    // Sessions without a receipt may be left out.
    register(&*store, registration(3)).await;
    let mut heads = store.receipt_heads([3, 1, 9, 2].map(session_id).to_vec()).await.expect("read");
    heads.retain(|(_, position)| *position > FeedPosition::ZERO);
    heads.sort_unstable();
    let other = FleetFeed::newest_receipts(&*store, session_id(2), 1).await.expect("read");
    assert_eq!(heads, [(one, all[3].position), (session_id(2), other[0].position)]);
}
