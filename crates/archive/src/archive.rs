//! The port.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{Archive, ArchiveError, ArchiveWriter, MessageSlice};
use flightdeck_domain::retention::{ArchiveObject, ObjectName, SignedManifest};
use flightdeck_domain::session::Session;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use sha2::{Digest as _, Sha256};

use crate::index::Kind;
use crate::line;
use crate::place::{ArchivePlace, PlaceError};
use crate::reader::Reader;
use crate::writer::Writer;

/// Conversations in a folder or in S3.
pub struct ObjectArchive {
    store: Arc<dyn ObjectStore>,
    reader: Reader,
    /// Where the objects are files, their folder.
    folder: Option<PathBuf>,
    /// Where an object is written before it goes to its place.
    scratch: PathBuf,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The place of an object.
pub(crate) fn path(name: &ObjectName) -> Result<Path, ArchiveError> {
    Path::parse(name.as_str()).map_err(|error| ArchiveError::Broken { name: name.clone(), what: error.to_string() })
}

pub(crate) fn unreachable(error: object_store::Error) -> ArchiveError {
    ArchiveError::Unreachable(error.into())
}

/// The same for an object that should be there.
pub(crate) fn lost(name: &ObjectName, error: object_store::Error) -> ArchiveError {
    match error {
        object_store::Error::NotFound { .. } => ArchiveError::Missing(name.clone()),
        error => unreachable(error),
    }
}

/// Works on files, or packs and unpacks, beside the runtime.
pub(crate) async fn scratch<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
) -> Result<T, ArchiveError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ArchiveError::Scratch(error.into()))?.map_err(ArchiveError::Scratch)
}

impl ObjectArchive {
    /// Opens an archive. Objects are written into a file in the folder `scratch` first, which exists.
    ///
    /// # Errors
    /// The folder cannot be made, or this build cannot reach S3.
    pub fn open(place: &ArchivePlace, scratch: PathBuf) -> Result<Self, PlaceError> {
        let store = place.open()?;
        let folder = match place {
            ArchivePlace::Folder(folder) => Some(folder.clone()),
            ArchivePlace::S3(_) => None,
        };
        Ok(Self { reader: Reader::new(Arc::clone(&store)), store, folder, scratch })
    }

    async fn commands_of(
        &self,
        name: &ObjectName,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Vec<Command>, ArchiveError> {
        let index = self.reader.index(name).await?;
        let mut found = Vec::new();
        for frame in index.of(Kind::Commands).filter(|frame| frame.last() > after.get()) {
            for (place, line) in self.reader.lines(name, frame).await?.each() {
                if found.len() >= limit {
                    return Ok(found);
                }
                if place > after.get() {
                    found.push(line::to_command(line, index.session).map_err(|error| broken(name, &error))?);
                }
            }
        }
        Ok(found)
    }

    async fn names(&self, prefix: &str) -> Result<Vec<ObjectName>, ArchiveError> {
        let prefix = Path::from(prefix);
        let found: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.map_err(unreachable)?;
        let mut names: Vec<ObjectName> =
            found.into_iter().filter_map(|meta| ObjectName::new(meta.location.to_string()).ok()).collect();
        names.sort();
        Ok(names)
    }
}

fn broken(name: &ObjectName, error: &serde_json::Error) -> ArchiveError {
    ArchiveError::Broken { name: name.clone(), what: error.to_string() }
}

fn weight(message: &Message, line: &[u8]) -> usize {
    message.content.as_str().len().max(line.len())
}

#[async_trait]
impl Archive for ObjectArchive {
    async fn begin(&self, session: Session) -> Result<Box<dyn ArchiveWriter>, ArchiveError> {
        Ok(Box::new(Writer::begin(Arc::clone(&self.store), self.folder.clone(), &self.scratch, session).await?))
    }

    async fn check(&self, object: ArchiveObject) -> Result<(), ArchiveError> {
        let name = &object.name;
        let differs = |what: &str| ArchiveError::Broken { name: name.clone(), what: what.to_owned() };
        let found = self.store.get(&path(name)?).await.map_err(|error| lost(name, error))?;
        let (mut digest, mut length, mut stream) = (Sha256::new(), 0_u64, found.into_stream());
        while let Some(bytes) = stream.try_next().await.map_err(|error| lost(name, error))? {
            length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            digest.update(&bytes);
        }
        if length != object.bytes {
            return Err(differs(&format!("it has {length} bytes, not {}", object.bytes)));
        }
        if hex(&digest.finalize()) != object.digest.as_str() {
            return Err(differs("its SHA-256 is another one"));
        }
        let index = self.reader.index(name).await?;
        let ends = (index.last(Kind::Messages), index.last(Kind::Commands));
        if ends != (object.messages.get(), object.commands.get()) {
            return Err(differs("its numbers of messages and commands are other ones"));
        }
        Ok(())
    }

    async fn messages_after(&self, name: ObjectName, after: Seq, limit: usize) -> Result<Vec<Message>, ArchiveError> {
        let index = self.reader.index(&name).await?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        for frame in index.of(Kind::Messages).filter(|frame| frame.last() > after.get()) {
            for (place, line) in self.reader.lines(&name, frame).await?.each() {
                if found.len() >= limit || bytes >= MessageSlice::ENOUGH_BYTES {
                    return Ok(found);
                }
                if place > after.get() {
                    let message = line::to_message(line, index.session).map_err(|error| broken(&name, &error))?;
                    bytes = bytes.saturating_add(weight(&message, line));
                    found.push(message);
                }
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    async fn messages_before(&self, name: ObjectName, before: Seq, limit: usize) -> Result<Vec<Message>, ArchiveError> {
        let index = self.reader.index(&name).await?;
        let (mut found, mut bytes) = (Vec::new(), 0_usize);
        'frames: for frame in index.of(Kind::Messages).rev().filter(|frame| frame.first < before.get()) {
            for (place, line) in self.reader.lines(&name, frame).await?.each().rev() {
                if found.len() >= limit || bytes >= MessageSlice::ENOUGH_BYTES {
                    break 'frames;
                }
                if place < before.get() {
                    let message = line::to_message(line, index.session).map_err(|error| broken(&name, &error))?;
                    bytes = bytes.saturating_add(weight(&message, line));
                    found.push(message);
                }
            }
        }
        found.reverse();
        Ok(found)
    }

    async fn commands_after(
        &self,
        object: ObjectName,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Vec<Command>, ArchiveError> {
        self.commands_of(&object, after, limit).await
    }

    async fn session_of(&self, object: ObjectName) -> Result<SessionId, ArchiveError> {
        Ok(self.reader.index(&object).await?.session)
    }

    async fn bytes_at(&self, object: ObjectName, place: u64, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let at = path(&object)?;
        let meta = self.store.head(&at).await.map_err(|error| lost(&object, error))?;
        if limit == 0 || place >= meta.size {
            return Ok(Vec::new());
        }
        let range = place..place.saturating_add(limit).min(meta.size);
        let bytes = self.store.get_range(&at, range).await.map_err(|error| lost(&object, error))?;
        Ok(bytes.to_vec())
    }

    async fn put_manifest(&self, manifest: SignedManifest) -> Result<ObjectName, ArchiveError> {
        let scratch = |error: serde_json::Error| ArchiveError::Scratch(error.into());
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(scratch)?;
        let at = manifest.read().map_err(|error| ArchiveError::Scratch(error.into()))?.at();
        let digest: String = hex(&Sha256::digest(manifest.manifest.as_bytes())).chars().take(16).collect();
        let name = format!("manifests/{}-{digest}.json", at.as_datetime().format("%Y%m%dT%H%M%SZ"));
        let name = ObjectName::new(name).map_err(|error| ArchiveError::Scratch(error.into()))?;
        self.store.put(&path(&name)?, PutPayload::from(bytes)).await.map_err(unreachable)?;
        Ok(name)
    }

    async fn manifest(&self, name: ObjectName) -> Result<SignedManifest, ArchiveError> {
        let found = self.store.get(&path(&name)?).await.map_err(|error| lost(&name, error))?;
        let bytes = found.bytes().await.map_err(|error| lost(&name, error))?;
        serde_json::from_slice(&bytes).map_err(|error| broken(&name, &error))
    }

    async fn manifests(&self) -> Result<Vec<ObjectName>, ArchiveError> {
        self.names("manifests").await
    }

    async fn objects_of(&self, session: SessionId) -> Result<Vec<ObjectName>, ArchiveError> {
        let text = session.to_string();
        let folder: String = text.chars().skip(text.chars().count().saturating_sub(2)).collect();
        let mut names = self.names(&format!("sessions/{folder}")).await?;
        names.retain(|name| name.as_str().contains(&text));
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::command::{CommandKind, Delivery, Receipt};
    use flightdeck_domain::ids::MessageId;
    use flightdeck_domain::message::MessageRole;
    use flightdeck_domain::ports::ArchiveRecords;
    use flightdeck_domain::retention::{ArchiveManifest, ArchivedSession};
    use flightdeck_domain::session::{Admission, Registration, SessionStatus, TreeFacts};
    use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName, TaskSource};
    use flightdeck_domain::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000 + 1).expect("within chrono's range")
    }

    fn session() -> Session {
        let registration = Registration {
            id: SessionId::new(Uuid::from_u128(0xAB)),
            parent_id: None,
            provider: ProviderName::internal(),
            provider_session_id: None,
            replica: None,
            started_by: None,
            mission_id: None,
            task_id: "FD-1".parse().expect("valid"),
            task_source: TaskSource::default(),
            agent_type: "worker".parse().expect("valid"),
            status: SessionStatus::Running,
            gate_profile: None,
            context: JsonObject::default(),
            metadata: JsonObject::default(),
            at: at(0),
        };
        match registration.admit(TreeFacts::default()) {
            Ok(Admission::Create { session, .. }) => *session,
            other => panic!("not created: {other:?}"),
        }
    }

    fn message(seq: u64, content: &str) -> Message {
        Message {
            id: MessageId::new(Uuid::from_u128(u128::from(seq))),
            session_id: session().id,
            seq: Seq::new(seq),
            role: MessageRole::Tool,
            content: MessageContent::new(content).expect("valid"),
            provider: ProviderName::internal(),
            metadata: serde_json::from_str(r#"{"n": 0.1, "": "\u0000\n"}"#).expect("valid"),
            created_at: at(1),
        }
    }

    fn command(seq: u64) -> Command {
        Command {
            session_id: session().id,
            seq: CommandSeq::new(seq),
            kind: CommandKind::Inject {
                message_id: MessageId::new(Uuid::from_u128(7)),
                seq: Seq::new(7),
                delivery: Delivery::Steer,
            },
            reason: None,
            receipt: Receipt::Refused { reason: "no".parse().expect("valid") },
            created_at: at(2),
            updated_at: at(3),
        }
    }

    fn archive(folder: &tempfile::TempDir) -> ObjectArchive {
        let place = ArchivePlace::Folder(folder.path().join("archive"));
        ObjectArchive::open(&place, folder.path().to_owned()).expect("opened")
    }

    async fn written(archive: &ObjectArchive, messages: &[Message], commands: &[Command]) -> ArchiveObject {
        let mut writer = archive.begin(session()).await.expect("begun");
        for page in messages.chunks(700) {
            writer.add(ArchiveRecords::Messages(page.to_vec())).await.expect("added");
        }
        writer.add(ArchiveRecords::Commands(commands.to_vec())).await.expect("added");
        writer.finish().await.expect("finished")
    }

    #[tokio::test]
    async fn every_page_is_that_of_the_conversation() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = archive(&folder);
        let messages: Vec<Message> = (1..=2_500).map(|seq| message(seq, &format!("said\n{seq} \u{1F680}"))).collect();
        let commands: Vec<Command> = (1..=1_500).map(command).collect();
        let object = written(&archive, &messages, &commands).await;
        assert_eq!((object.messages.get(), object.commands.get()), (2_500, 1_500));
        archive.check(object.clone()).await.expect("as it was written");
        for (after, limit) in [(0, 10), (0, 5_000), (999, 2), (1_000, 1), (2_499, 9), (2_500, 9), (700, 0)] {
            let page = archive.messages_after(object.name.clone(), Seq::new(after), limit).await.expect("read");
            let begin = usize::try_from(after).expect("small");
            let end = (begin + limit).min(messages.len());
            assert!(page == messages[begin..end], "after {after}, {limit}");
        }
        for (before, limit) in [(1, 5), (2, 5), (1_002, 3), (9_999, 1_200), (2_501, 1), (50, 0)] {
            let page = archive.messages_before(object.name.clone(), Seq::new(before), limit).await.expect("read");
            let end = (usize::try_from(before).expect("small") - 1).min(messages.len());
            assert!(page == messages[end.saturating_sub(limit)..end], "before {before}, {limit}");
        }
        let found = archive.commands_after(object.name.clone(), CommandSeq::new(998), 5).await.expect("read");
        assert!(found == commands[998..1_003]);
        assert_eq!(archive.objects_of(session().id).await.expect("listed"), std::slice::from_ref(&object.name));
        assert_eq!(written(&archive, &messages, &commands).await, object, "the same again");
        assert_eq!(archive.objects_of(session().id).await.expect("listed"), [object.name]);
    }

    #[tokio::test]
    async fn large_messages_come_few_at_a_time_and_in_parts_to_their_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = archive(&folder);
        // Text that does not get shorter when it is packed.
        let mut state = 1_u64;
        let mut noise = || -> String {
            std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(
                    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
                        [usize::try_from(state >> 58).expect("small")],
                )
            })
            .take(1_000_000)
            .collect()
        };
        let messages: Vec<Message> = (1..=30).map(|seq| message(seq, &noise())).collect();
        let object = written(&archive, &messages, &[]).await;
        assert!(object.bytes > 20_000_000, "{}", object.bytes);
        archive.check(object.clone()).await.expect("as it was written");
        let page = archive.messages_after(object.name.clone(), Seq::new(10), 1_000).await.expect("read");
        assert!(page == messages[10..15], "{}", page.len());
        let page = archive.messages_before(object.name.clone(), Seq::new(10), 1_000).await.expect("read");
        assert!(page == messages[4..9], "{}", page.len());
    }

    #[tokio::test]
    async fn what_was_changed_or_is_gone_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = archive(&folder);
        let object = written(&archive, &[message(1, "x"), message(2, "y")], &[]).await;
        let short = ArchiveObject { messages: Seq::new(3), ..object.clone() };
        assert!(matches!(archive.check(short).await, Err(ArchiveError::Broken { .. })));
        let file = folder.path().join("archive").join(object.name.as_str());
        let mut bytes = std::fs::read(&file).expect("there");
        bytes[60] ^= 1;
        std::fs::write(&file, &bytes).expect("written");
        let error = archive.check(object.clone()).await.expect_err("changed");
        assert!(matches!(&error, ArchiveError::Broken { what, .. } if what.contains("SHA-256")), "{error:?}");
        std::fs::write(&file, &bytes[..bytes.len() - 1]).expect("written");
        let cut = self::archive(&folder).messages_after(object.name.clone(), Seq::ZERO, 9).await;
        assert!(matches!(cut, Err(ArchiveError::Broken { .. })), "{cut:?}");
        std::fs::remove_file(&file).expect("removed");
        let gone = self::archive(&folder).messages_after(object.name.clone(), Seq::ZERO, 9).await;
        assert!(matches!(gone, Err(ArchiveError::Missing(name)) if name == object.name));
    }

    #[tokio::test]
    async fn a_manifest_reads_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = archive(&folder);
        assert_eq!(archive.manifests().await.expect("listed"), []);
        let object = written(&archive, &[message(1, "x")], &[]).await;
        let archived = ArchivedSession {
            session: session().id,
            archived_at: at(9),
            manifest: object.name.clone(),
            object: object.clone(),
            removed_messages: Seq::ZERO,
            removed_commands: CommandSeq::ZERO,
        };
        let signed = ArchiveManifest::of([&archived], at(9)).sign(None);
        let name = archive.put_manifest(signed.clone()).await.expect("written");
        assert_eq!(archive.put_manifest(signed.clone()).await.expect("written"), name);
        assert_eq!(archive.manifests().await.expect("listed"), std::slice::from_ref(&name));
        let read = archive.manifest(name).await.expect("read");
        assert_eq!(read, signed);
        assert_eq!(read.read().expect("good").objects().collect::<Vec<_>>(), [(session().id, object)]);
    }
}
