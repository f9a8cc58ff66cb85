//! An object that is written: first into a file without a name, then to its place.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::ports::{ArchiveError, ArchiveRecords, ArchiveWriter};
use flightdeck_domain::retention::{ArchiveObject, ObjectDigest, ObjectName};
use flightdeck_domain::session::Session;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};
use sha2::{Digest as _, Sha256};

use crate::archive::{path, scratch, unreachable};
use crate::index::{Frame, Index, Kind};
use crate::line;

/// A frame ends with this many records, or this many bytes of them.
const MOST_RECORDS: u64 = 1_000;
const ENOUGH_BYTES: usize = 4 * 1_048_576;
/// zstd's own default.
const LEVEL: i32 = 3;
/// How much is sent at once; S3 takes no smaller parts.
const PART: usize = 8 * 1_048_576;
/// So many files are removed that killed writes of one object have left.
const STAGED: u32 = 1_000;

/// An object that is being written.
pub(crate) struct Writer {
    store: Arc<dyn ObjectStore>,
    /// Where the objects are files, their folder.
    folder: Option<PathBuf>,
    session: SessionId,
    /// Missing while another thread is at it.
    spool: Option<Spool>,
}

/// The file, and what is known of it.
struct Spool {
    file: File,
    digest: Sha256,
    at: u64,
    index: Index,
    /// Lines that are not written yet.
    pending: Vec<u8>,
    kind: Kind,
    records: u64,
    /// The place of the first of them.
    first: u64,
}

type Written<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl Writer {
    /// Begins with the line of the session.
    pub(crate) async fn begin(
        store: Arc<dyn ObjectStore>,
        folder: Option<PathBuf>,
        spool_folder: &Path,
        session: Session,
    ) -> Result<Self, ArchiveError> {
        let (id, spool_folder) = (session.id, spool_folder.to_owned());
        let spool = scratch(move || {
            // A file without a name: whatever happens, nothing of it is left.
            let file = tempfile::tempfile_in(spool_folder)?;
            let mut spool = Spool {
                file,
                digest: Sha256::new(),
                at: 0,
                index: Index::new(id),
                pending: Vec::new(),
                kind: Kind::Session,
                records: 0,
                first: 1,
            };
            spool.line(Kind::Session, &serde_json::to_vec(&line::session(&session))?)?;
            Ok(spool)
        });
        Ok(Self { store, folder, session: id, spool: Some(spool.await?) })
    }

    fn taken(&mut self) -> Result<Spool, ArchiveError> {
        self.spool.take().ok_or_else(|| ArchiveError::Scratch("an earlier write has failed".into()))
    }
}

impl Spool {
    fn line(&mut self, kind: Kind, line: &[u8]) -> Written<()> {
        if self.kind != kind {
            self.end_frame()?;
            self.kind = kind;
            self.first = 1;
        }
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
        self.records += 1;
        if self.records >= MOST_RECORDS || self.pending.len() >= ENOUGH_BYTES {
            self.end_frame()?;
        }
        Ok(())
    }

    fn end_frame(&mut self) -> Written<()> {
        if self.records == 0 {
            return Ok(());
        }
        let packed = zstd::bulk::compress(&self.pending, LEVEL)?;
        let len = u64::try_from(packed.len())?;
        let raw = u64::try_from(self.pending.len())?;
        let (kind, at, first, records) = (self.kind, self.at, self.first, self.records);
        self.index.frames.push(Frame { kind, at, len, raw, first, records });
        self.write(&packed)?;
        self.pending.clear();
        self.first += records;
        self.records = 0;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Written<()> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.at += u64::try_from(bytes.len())?;
        Ok(())
    }

    fn add(&mut self, records: &ArchiveRecords) -> Written<()> {
        match records {
            ArchiveRecords::Messages(messages) => {
                for message in messages {
                    self.line(Kind::Messages, &line::of_message(message)?)?;
                }
            }
            ArchiveRecords::Commands(commands) => {
                for command in commands {
                    self.line(Kind::Commands, &line::of_command(command)?)?;
                }
            }
            ArchiveRecords::Approvals(approvals) => {
                for approval in approvals {
                    self.line(Kind::Approvals, &line::of_approval(approval)?)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the object, and gives what is known of it.
    fn end(&mut self, session: SessionId) -> Written<ArchiveObject> {
        self.end_frame()?;
        let index = self.index.to_frame()?;
        self.write(&index)?;
        self.file.seek(SeekFrom::Start(0))?;
        let digest = crate::archive::hex(&self.digest.clone().finalize());
        let text = session.to_string();
        // The last digits of an id are random, the first are its time.
        let folder: String = text.chars().skip(text.chars().count().saturating_sub(2)).collect();
        let short: String = digest.chars().take(16).collect();
        Ok(ArchiveObject {
            name: ObjectName::new(format!("sessions/{folder}/{text}-{short}.jsonl.zst"))?,
            digest: ObjectDigest::new(digest)?,
            bytes: self.at,
            messages: Seq::new(self.index.last(Kind::Messages)),
            commands: CommandSeq::new(self.index.last(Kind::Commands)),
        })
    }
}

/// Removes what writes of this object have left that were killed: files beside it with `#` and a number behind its name. One
/// server writes at a time, and who was killed at an object writes it again.
fn forget_staged(object: &Path) {
    for number in 1..=STAGED {
        let mut name = object.as_os_str().to_owned();
        name.push(format!("#{number}"));
        // None is there, most of the time.
        if std::fs::remove_file(name).is_err() {
            return;
        }
    }
}

/// The next part of a file; empty at its end.
fn part(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(u64::try_from(PART).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[async_trait]
impl ArchiveWriter for Writer {
    async fn add(&mut self, records: ArchiveRecords) -> Result<(), ArchiveError> {
        let mut spool = self.taken()?;
        let spool = scratch(move || {
            spool.add(&records)?;
            Ok(spool)
        });
        self.spool = Some(spool.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<ArchiveObject, ArchiveError> {
        let (mut spool, session) = (self.taken()?, self.session);
        let (mut file, object) = scratch(move || {
            let object = spool.end(session)?;
            Ok((spool.file, object))
        })
        .await?;
        let place = path(&object.name)?;
        let staged = self.folder.take().map(|folder| folder.join(object.name.as_str()));
        let (mut bytes, rest) = scratch(move || {
            if let Some(staged) = staged {
                forget_staged(&staged);
            }
            Ok((part(&mut file)?, file))
        })
        .await?;
        file = rest;
        if bytes.len() < PART {
            self.store.put(&place, PutPayload::from(bytes)).await.map_err(unreachable)?;
            return Ok(object);
        }
        let upload = self.store.put_multipart(&place).await.map_err(unreachable)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        while !bytes.is_empty() {
            upload.write(&bytes);
            upload.wait_for_capacity(2).await.map_err(unreachable)?;
            (bytes, file) = scratch(move || Ok((part(&mut file)?, file))).await?;
        }
        upload.finish().await.map_err(unreachable)?;
        Ok(object)
    }
}
