use super::*;
use crate::fixtures::{at, new_message, session, session_id};
use crate::ids::KeyId;
use crate::message::{Control, Message, NewMessage};
use crate::operator::Role;
use crate::ports::{AppendOutcome, MessageSlice, SessionUsage};
use crate::session::{DesiredStatus, SessionPlace, SessionStatus};
use crate::telemetry::{ToolCall, What};
use crate::text::ProviderName;
use crate::usage::{Account, AccountKey, Reading, Totals};
use crate::use_cases::testing::MockPorts;

fn principal() -> Principal {
    Principal {
        key_id: KeyId::new("0123456789ab").expect("an id"),
        role: Role::Agent,
        bound_to: Some(session_id(1)),
        place: SessionPlace::default(),
        missions: None,
    }
}

fn usage(once: &str) -> Report {
    let what = What::Usage(Reading { output_tokens: Some(7), ..Reading::default() });
    Report { session: SessionHint::default(), at: Some(at(1)), once: once.to_owned(), what }
}

fn tool(call: &str) -> Report {
    let call = Some(call.to_owned());
    let what = What::Tool(ToolCall { call, name: "Bash".to_owned(), ok: Some(true), duration_ms: None });
    Report { what, ..usage("x") }
}

fn outcome() -> AppendOutcome {
    AppendOutcome {
        appended: Vec::new(),
        inserted: Vec::new(),
        last_seq: Seq::new(1),
        control: Control { desired_status: DesiredStatus::Running, pending_commands: 0 },
        came_back: false,
        exhausted: false,
    }
}

/// A session with these messages and so many reports of usage.
fn mocks(messages: Vec<Message>, reports: u64) -> MockPorts {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_get().returning(|_| Ok(Some(session(1))));
    let slice = MessageSlice { messages, receipts: [].into(), last_seq: Seq::new(1), status: SessionStatus::Running };
    mocks.messages.expect_before().returning(move |_, _, _| Ok(Some(slice.clone())));
    mocks.usage.expect_of_session().returning(move |id| {
        let own = Totals { reports, ..Totals::default() };
        Ok(Some(SessionUsage { own, subtree: Account::open(AccountKey::Subtree(id), at(0)) }))
    });
    mocks
}

async fn take(mocks: MockPorts, reports: Vec<Report>) -> Vec<Rejected> {
    let ports = mocks.ports();
    let take = TakeTelemetry::new(&ports, Authorize::new(&ports), IngestMessages::new(&ports));
    take.execute(&principal(), reports).await.expect("taken")
}

fn is_source(batch: &[NewMessage]) -> bool {
    batch.len() == 1 && batch[0].id == Source::id(session_id(1))
}

fn conflict(batch: &[NewMessage]) -> AppendError {
    AppendRefused::Conflict { id: batch[0].id, seq: Seq::new(1) }.into()
}

#[tokio::test]
async fn the_source_is_kept_before_what_is_counted_by_it() {
    let mut mocks = mocks(Vec::new(), 0);
    let mut order = mockall::Sequence::new();
    mocks
        .messages
        .expect_append()
        .withf(|_, batch, _| is_source(batch) && batch[0].metadata.as_map()["usageFrom"] == "telemetry")
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(outcome()));
    mocks
        .messages
        .expect_append()
        .withf(|_, batch, _| batch.len() == 2)
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(outcome()));
    assert_eq!(take(mocks, vec![usage("a"), usage("a"), tool("c")]).await, []);
}

#[tokio::test]
async fn the_first_decision_stands_whatever_was_booked_since() {
    // Reports were booked, because its telemetry counts; the message that says so is far back.
    let mut counted = mocks(Vec::new(), 9);
    counted
        .messages
        .expect_append()
        .withf(|_, batch, _| is_source(batch))
        .times(1)
        .returning(|_, batch, _| Err(conflict(&batch)));
    counted.messages.expect_append().withf(|_, batch, _| !is_source(batch)).times(1).returning(|_, _, _| Ok(outcome()));
    assert_eq!(take(counted, vec![usage("a")]).await, []);

    // It is among the last messages: nothing has to be tried.
    let kept = NewMessage { id: Source::id(session_id(1)), metadata: Source::Messages.metadata(), ..new_message(1) };
    let kept = kept.at_seq(Seq::new(1), session_id(1), ProviderName::internal());
    let mut not_counted = mocks(vec![kept], 9);
    not_counted.messages.expect_append().never();
    assert_eq!(take(not_counted, vec![usage("a")]).await, []);
}

#[tokio::test]
async fn a_call_that_is_there_in_other_words_does_not_keep_the_others_out() {
    let mut mocks = mocks(Vec::new(), 0);
    mocks
        .messages
        .expect_append()
        .withf(|_, batch, _| batch.len() == 2)
        .times(1)
        .returning(|_, batch, _| Err(conflict(&batch)));
    let mut first = true;
    mocks
        .messages
        .expect_append()
        .withf(|_, batch, _| batch.len() == 1)
        .times(2)
        .returning(move |_, batch, _| if std::mem::take(&mut first) { Err(conflict(&batch)) } else { Ok(outcome()) });
    assert_eq!(take(mocks, vec![tool("c"), tool("d")]).await, []);
}

#[tokio::test]
async fn what_flightdeck_runs_is_not_counted_and_not_rejected() {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_get().returning(|_| Ok(Some(Session { provider: ProviderName::acp(), ..session(1) })));
    mocks.messages.expect_append().never();
    assert_eq!(take(mocks, vec![usage("a"), tool("c")]).await, []);
}

#[tokio::test]
async fn a_session_that_is_not_there_or_has_ended_rejects_with_the_reason() {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_get().returning(|_| Ok(None));
    let rejected = take(mocks, vec![usage("a"), usage("b")]).await;
    assert_eq!(rejected[0].reports, 2);
    assert!(rejected[0].why.contains("register it first"), "{rejected:?}");

    let mut mocks = self::mocks(Vec::new(), 0);
    let ended = || AppendRefused::Ended { session: session_id(1), status: SessionStatus::Completed };
    mocks.messages.expect_append().times(1).returning(move |_, _, _| Err(ended().into()));
    let rejected = take(mocks, vec![usage("a")]).await;
    assert!(rejected[0].why.contains("is completed"), "{rejected:?}");
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_so_that_the_sender_tries_again() {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_get().returning(|_| Err(StoreUnavailable::new("away")));
    let ports = mocks.ports();
    let take = TakeTelemetry::new(&ports, Authorize::new(&ports), IngestMessages::new(&ports));
    assert!(take.execute(&principal(), vec![usage("a")]).await.is_err());
    let viewer = Principal { role: Role::Viewer, ..principal() };
    assert!(matches!(
        take.execute(&viewer, Vec::new()).await,
        Err(TakeTelemetryError::Authorize(AuthorizeError::Denied(_)))
    ));
}
