use mockall::Sequence;

use super::*;
use crate::fixtures::{at, new_message, session, session_id};
use crate::message::Message;
use crate::ports::{ApprovalPage, ArchiveWriter, MessageSlice, MockArchive};
use crate::retention::{DuePage, ObjectDigest, RetentionRules};
use crate::session::SessionStatus;
use crate::use_cases::Ports;
use crate::use_cases::testing::MockPorts;

const MESSAGES: u32 = 3;

fn ended() -> Session {
    Session { status: SessionStatus::Completed, last_seq: Seq::new(u64::from(MESSAGES)), ..session(1) }
}

fn conversation() -> Vec<Message> {
    let place = |n: u32| new_message(u128::from(n)).at_seq(Seq::new(u64::from(n)), session_id(1), session(1).provider);
    (1..=MESSAGES).map(place).collect()
}

fn object() -> ArchiveObject {
    ArchiveObject {
        name: ObjectName::new("sessions/1.jsonl.zst").expect("valid"),
        digest: ObjectDigest::new("0a".repeat(32)).expect("valid"),
        bytes: 100,
        messages: Seq::new(u64::from(MESSAGES)),
        commands: CommandSeq::ZERO,
    }
}

struct Written;

#[async_trait::async_trait]
impl ArchiveWriter for Written {
    async fn add(&mut self, _records: ArchiveRecords) -> Result<(), ArchiveError> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<ArchiveObject, ArchiveError> {
        Ok(object())
    }
}

fn page(all: &[Message], after: Seq, limit: usize) -> Vec<Message> {
    all.iter().filter(|message| message.seq > after).take(limit).cloned().collect()
}

/// A store with a session that is due, and an archive that gives these messages back.
fn mocks(there: Vec<Message>) -> (MockPorts, MockArchive) {
    let (mut mocks, mut archive) = (MockPorts::default(), MockArchive::new());
    let retention = Retention { rules: RetentionRules::default(), ..Retention::default() };
    mocks.retention.expect_take_retention().returning(move |_| Ok(Some(retention.clone())));
    let due = DuePage { sessions: vec![ended()], next: None };
    mocks.retention.expect_due_sessions().returning(move |_, _, _, _| Ok(due.clone()));
    mocks.retention.expect_commands_after().returning(|_, _, _| Ok(Vec::new()));
    mocks.messages.expect_after().returning(|_, after, limit| {
        let messages = page(&conversation(), after, limit);
        let (last_seq, status) = (ended().last_seq, SessionStatus::Completed);
        Ok(Some(MessageSlice { messages, receipts: std::collections::HashMap::new(), last_seq, status }))
    });
    mocks
        .approvals
        .expect_list()
        .returning(|_| Ok(ApprovalPage { approvals: Vec::new(), next: None, as_of: FeedPosition::ZERO }));
    archive.expect_begin().returning(|_| Ok(Box::new(Written)));
    archive.expect_messages_after().returning(move |_, after, limit| Ok(page(&there, after, limit)));
    (mocks, archive)
}

fn archiving(mocks: MockPorts, archive: MockArchive) -> ArchiveSessions {
    let mut clock = crate::ports::MockClock::new();
    clock.expect_now().returning(|| at(100));
    let ports = Ports { clock: Arc::new(clock), archive: Some(Arc::new(archive)), ..mocks.ports() };
    ArchiveSessions::new(&ports, ReplicaName::new("r1").expect("valid")).expect("there is an archive")
}

#[tokio::test]
async fn a_session_is_noted_after_its_object_was_read_back_and_a_manifest_names_it() {
    let (mut mocks, mut archive) = mocks(conversation());
    let mut order = Sequence::new();
    let unfinished = |mocks: &mut MockPorts, order: &mut Sequence, left: Vec<ArchivedSession>| {
        mocks.retention.expect_unfinished_removals().times(1).in_sequence(order).return_once(move |_| Ok(left));
    };
    unfinished(&mut mocks, &mut order, Vec::new());
    archive.expect_check().times(1).in_sequence(&mut order).returning(|_| Ok(()));
    let manifest = ObjectName::new("manifests/1.json").expect("valid");
    let named = manifest.clone();
    archive.expect_put_manifest().times(1).in_sequence(&mut order).return_once(move |signed| {
        assert!(signed.manifest.contains("sessions/1.jsonl.zst"), "{}", signed.manifest);
        Ok(named)
    });
    let noted = mocks.retention.expect_note_archived().times(1).in_sequence(&mut order);
    noted.withf(move |wanted| wanted.manifest == manifest && wanted.object == object()).returning(Ok);
    let kept = ArchivedSession {
        session: session_id(1),
        archived_at: at(100),
        manifest: object().name,
        object: object(),
        removed_messages: Seq::ZERO,
        removed_commands: CommandSeq::ZERO,
    };
    let gone = ArchivedSession { removed_messages: ended().last_seq, ..kept.clone() };
    unfinished(&mut mocks, &mut order, vec![kept]);
    mocks.retention.expect_remove_archived().times(1).in_sequence(&mut order).return_once(move |_| Ok(Some(gone)));
    unfinished(&mut mocks, &mut order, Vec::new());
    let pass = archiving(mocks, archive).round(&mut None).await.expect("good");
    assert_eq!(pass, ArchivePass { sessions: 1, messages: 3, events: 0, more: false });
}

#[tokio::test]
async fn what_reads_back_otherwise_stays() {
    let mut spoilt = conversation();
    spoilt[2] = new_message(9).at_seq(Seq::new(3), session_id(1), session(1).provider);
    for (there, place) in
        [(spoilt, "message 3"), (conversation()[..1].to_vec(), "message 2"), (Vec::new(), "message 1")]
    {
        let (mut mocks, mut archive) = mocks(there);
        mocks.retention.expect_unfinished_removals().returning(|_| Ok(Vec::new()));
        archive.expect_check().returning(|_| Ok(()));
        // Nothing is noted and no manifest is written: the mocks expect neither.
        let error = archiving(mocks, archive).round(&mut None).await.expect_err("it differs");
        let ArchiveSessionsError::Differs { what, .. } = &error else { panic!("{error:?}") };
        assert_eq!(what, place);
    }
}

#[tokio::test]
async fn without_the_lease_nothing_is_done() {
    let mut mocks = MockPorts::default();
    mocks.retention.expect_take_retention().withf(|taking| taking.by.as_str() == "r1").returning(|_| Ok(None));
    let pass = archiving(mocks, MockArchive::new()).round(&mut None).await.expect("good");
    assert_eq!(pass, ArchivePass::default());
}
