//! The rules of operator actions.

use super::*;
use crate::command::Delivery;
use crate::fixtures::{attribution, command, message_id, operation_id, session, session_id};
use crate::ids::Seq;
use crate::session::Choice;
use crate::text::MessageContent;

fn action(intervention: Intervention) -> OperatorAction {
    OperatorAction { session_id: session_id(1), intervention, operation: None, able: None, by: attribution("because") }
}

fn inject() -> Intervention {
    Intervention::Inject {
        message_id: message_id(5),
        content: MessageContent::new("look again").expect("valid"),
        delivery: Delivery::Queue,
    }
}

fn effects(intervention: Intervention, session: &Session) -> Effects {
    let decision = action(intervention).decide(Some(session), &[]);
    assert_eq!(decision.audit.as_ref().expect("an entry").outcome, AuditOutcome::Accepted);
    *decision.outcome.expect("accepted")
}

#[test]
fn an_inject_is_a_message_a_command_and_an_entry_that_hashes_the_content() {
    let before = Session { last_seq: Seq::new(3), ..session(1) };
    let decision = action(inject()).decide(Some(&before), &[]);
    let effects = decision.outcome.expect("accepted");
    let message = effects.message.expect("a message");
    assert_eq!((message.seq, message.role), (Seq::new(4), MessageRole::Operator));
    let command = effects.command.expect("a command");
    assert_eq!(command.seq, CommandSeq::new(1));
    assert_eq!(effects.session.last_command_seq, command.seq);
    assert!(decision.audit.as_ref().expect("an entry").details["contentSha256"].len() == 64);
    assert!(!format!("{:?}", decision.audit).contains("look again"));
}

#[test]
fn a_wish_changes_the_desired_status_and_never_the_observed_one() {
    for (intervention, desired) in
        [(Intervention::Pause, DesiredStatus::Paused), (Intervention::Kill, DesiredStatus::Killed)]
    {
        let effects = effects(intervention, &session(1));
        assert_eq!((effects.session.desired_status, effects.session.status), (desired, SessionStatus::Running));
        assert!(effects.command.is_some());
    }
}

#[test]
fn a_finished_session_cannot_be_acted_on_and_the_refusal_is_on_record() {
    for status in [SessionStatus::Completed, SessionStatus::Failed, SessionStatus::Killed] {
        for intervention in [inject(), Intervention::Pause, Intervention::Resume, Intervention::Kill] {
            let decision = action(intervention).decide(Some(&Session { status, ..session(1) }), &[]);
            assert_eq!(decision.outcome, Err(ActionRefused::Ended { session: session_id(1), status }));
            assert_eq!(decision.audit.as_ref().expect("an entry").outcome, AuditOutcome::Refused);
            assert!(decision.audit.as_ref().expect("an entry").details["refusal"].contains(status.as_str()));
        }
    }
}

#[test]
fn a_dying_session_takes_only_another_kill() {
    let dying = Session { desired_status: DesiredStatus::Killed, ..session(1) };
    for intervention in [inject(), Intervention::Pause, Intervention::Resume] {
        let outcome = action(intervention).decide(Some(&dying), &[]).outcome;
        assert_eq!(outcome, Err(ActionRefused::BeingKilled(session_id(1))));
    }
    assert!(effects(Intervention::Kill, &dying).command.is_some());
}

#[test]
fn a_choice_is_a_command_and_an_entry_that_names_it() {
    let name = |text: &str| Some(crate::text::ChoiceName::new(text).expect("valid"));
    let choice = Choice { model: name("opus"), mode: name("plan") };
    let running = session(1);
    let decision = action(Intervention::Configure(choice.clone())).decide(Some(&running), &[]);
    let effects = decision.outcome.expect("accepted");
    assert_eq!(effects.command.map(|command| command.kind), Some(CommandKind::Configure(choice)));
    assert_eq!((effects.message, effects.wish, effects.operation), (None, None, None));
    assert_eq!(effects.session.desired_status, running.desired_status, "it is no wish for another status");
    let details = decision.audit.expect("an entry").details;
    assert_eq!((details["model"].as_str(), details["mode"].as_str()), ("opus", "plan"));
    let one = action(Intervention::Configure(Choice { model: name("opus"), mode: None })).decide(Some(&running), &[]);
    assert!(!one.audit.expect("an entry").details.contains_key("mode"));
    let dying = Session { desired_status: DesiredStatus::Killed, ..running };
    let refused = action(Intervention::Configure(Choice::default())).decide(Some(&dying), &[]).outcome;
    assert_eq!(refused, Err(ActionRefused::BeingKilled(session_id(1))));
}

#[test]
fn an_unknown_session_is_refused_on_record() {
    let decision = action(Intervention::Kill).decide(None, &[]);
    assert_eq!(decision.outcome, Err(ActionRefused::UnknownSession(session_id(1))));
    assert_eq!(decision.audit.as_ref().expect("an entry").outcome, AuditOutcome::Refused);
}

#[test]
fn an_interrupt_keeps_what_waits_unless_it_is_told_to_drop_it() {
    let kind = CommandKind::Inject { message_id: message_id(5), seq: Seq::new(1), delivery: Delivery::Queue };
    let (waiting, pause) = (command(1, kind.clone()), command(2, CommandKind::Pause));
    let delivered = Command { receipt: Receipt::Delivered, ..command(3, kind) };
    let queue = [waiting, pause, delivered];
    let cancelled = |drop_queued| {
        let decision = action(Intervention::Interrupt { drop_queued }).decide(Some(&session(1)), &queue);
        let effects = decision.outcome.expect("accepted");
        assert_eq!(effects.command.map(|command| command.kind), Some(CommandKind::Interrupt));
        assert_eq!(effects.events.len(), 1 + effects.cancelled.len());
        effects.cancelled.iter().map(|command| command.seq.get()).collect::<Vec<_>>()
    };
    assert_eq!(cancelled(false), [0; 0]);
    assert_eq!(cancelled(true), [1]);
}

#[test]
fn a_message_is_taken_back_once_and_only_before_it_arrives() {
    let inject =
        command(1, CommandKind::Inject { message_id: message_id(5), seq: Seq::new(1), delivery: Delivery::Queue });
    let cancel = action(Intervention::Cancel { command: CommandSeq::new(1) });
    let outcome = |queue: &[Command]| cancel.decide(Some(&session(1)), queue).outcome;
    assert!(outcome(std::slice::from_ref(&inject)).is_ok_and(|effects| effects.command.is_none()));
    let arrived = Command { receipt: Receipt::Delivered, ..inject };
    assert!(matches!(outcome(&[arrived]), Err(ActionRefused::NotCancellable(_))));
    assert!(matches!(outcome(&[]), Err(ActionRefused::UnknownCommand { .. })));
}

#[test]
fn a_wish_with_an_operation_is_followed_and_a_message_is_not() {
    let with = |intervention| OperatorAction { operation: Some(operation_id(3)), ..action(intervention) };
    let decision = with(Intervention::Pause).decide(Some(&session(1)), &[]);
    assert_eq!(decision.audit.as_ref().expect("an entry").details["operationId"], operation_id(3).to_string());
    let effects = decision.outcome.expect("accepted");
    let opened = effects.operation.expect("an operation");
    assert_eq!((opened.operation.tally.total, opened.operation.completed_at), (1, None));
    assert_eq!(opened.targets[0].command_seq, Some(CommandSeq::new(1)));
    let said = with(inject()).decide(Some(&session(1)), &[]).outcome.expect("accepted");
    assert_eq!((said.operation, said.wish), (None, None));
}

#[test]
fn what_is_so_already_needs_no_command() {
    let running = session(1);
    assert_eq!(effects(Intervention::Resume, &running).command, None);
    let paused = Session { status: SessionStatus::Paused, desired_status: DesiredStatus::Paused, ..session(1) };
    assert_eq!(effects(Intervention::Pause, &paused).command, None);
    assert!(effects(Intervention::Resume, &paused).command.is_some());
}
