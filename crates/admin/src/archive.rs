//! `flightdeck archive`: works on the archive and the database themselves, whether or not a server is running.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flightdeck_archive::{ArchivePlace, ObjectArchive};
use flightdeck_domain::audit::CheckpointKey;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::ports::{Archive, CheckpointSigner as _};
use flightdeck_domain::retention::{ArchiveObject, ArchivedSession, ManifestFault, ObjectName};
use flightdeck_domain::text::ReplicaName;
use flightdeck_domain::use_cases::{ArchiveSessions, Ports};
use flightdeck_settings::{Flags, StorageSettings};
use flightdeck_storage::{existing_key, open_archive, open_store};
use flightdeck_terminal::{BoxError, Outcome, json_pretty, say};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::grammar::retention::{ArchiveArgs, ArchiveCommand};

/// So much of an object is copied at once.
const PART: u64 = 4 * 1_048_576;
/// So many records are put back in one transaction.
const PAGE: usize = 1_000;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
enum ArchiveFault {
    #[error("there is no archive: say where it is with archive_url")]
    NoArchive,
    #[error("{0:?} is neither a session nor a file")]
    NoSession(String),
    #[error("there is no session {0}")]
    Unknown(SessionId),
    #[error("session {0} has not ended")]
    NotEnded(SessionId),
    #[error("session {0} is not archived: its conversation is in the store")]
    NotArchived(SessionId),
    #[error("{file} is not what was archived of session {session}: its SHA-256 is {found}, and {wanted} is noted")]
    OtherFile { file: String, session: SessionId, found: String, wanted: String },
    #[error("rows of session {0} are still being removed from the store; try again when that is done")]
    Removing(SessionId),
    #[error("not everything of session {0} was put back: the object lacks something; the session stays archived")]
    Incomplete(SessionId),
    #[error("cannot use {path}")]
    File { path: String, source: std::io::Error },
    #[error("--public-key: {0:?} is not 64 hexadecimal digits")]
    Key(String),
    #[error("no key: the data folder has no audit-signing.key; give --public-key")]
    NoKey,
    #[error("{faults} of {manifests} manifests and their objects are not good:\n{told}")]
    NotGood { faults: usize, manifests: usize, told: String },
}

/// Does what was typed.
///
/// # Errors
/// The archive or the store cannot be used, or what is asked for cannot be done.
pub async fn run(args: &ArchiveArgs) -> Outcome {
    match &args.command {
        ArchiveCommand::Verify { public_key, flags } => verify(public_key.as_deref(), flags, args.json).await,
        ArchiveCommand::Export { session, out, flags } => export(session, Path::new(out), flags, args.json).await,
        ArchiveCommand::Import { what, flags } => import(what, flags, args.json).await,
    }
}

fn file_fault(path: &Path) -> impl Fn(std::io::Error) -> ArchiveFault {
    let path = path.display().to_string();
    move |source| ArchiveFault::File { path: path.clone(), source }
}

fn opened(settings: &StorageSettings) -> Result<Arc<dyn Archive>, BoxError> {
    Ok(open_archive(settings)?.ok_or(ArchiveFault::NoArchive)?)
}

async fn verify(public_key: Option<&str>, flags: &Flags, json: bool) -> Outcome {
    let settings = StorageSettings::load(flags)?;
    let archive = opened(&settings)?;
    let key: CheckpointKey = match public_key {
        Some(text) => text.parse().or(Err(ArchiveFault::Key(text.to_owned())))?,
        None => existing_key(&settings.data_dir)?.ok_or(ArchiveFault::NoKey)?.public_key(),
    };
    let (mut objects, mut bytes, mut faults) = (0_u64, 0_u64, Vec::new());
    let manifests = archive.manifests().await?;
    for name in &manifests {
        let manifest: Result<_, ManifestFault> = archive.manifest(name.clone()).await?.verify(&key);
        match manifest {
            Err(fault) => faults.push(format!("  {name}: {fault}")),
            Ok(manifest) => {
                for (_, object) in manifest.objects() {
                    objects += 1;
                    bytes += object.bytes;
                    if let Err(fault) = archive.check(object).await {
                        faults.push(format!("  {name}: {fault}"));
                    }
                }
            }
        }
    }
    if !faults.is_empty() {
        let fault = ArchiveFault::NotGood { faults: faults.len(), manifests: manifests.len(), told: faults.join("\n") };
        return Err(fault.into());
    }
    let manifests = manifests.len();
    say(if json {
        json_pretty(&json!({"valid": true, "manifests": manifests, "objects": objects, "bytes": bytes}))
    } else {
        format!(
            "good: {manifests} manifests, signed with {key}; {objects} objects of {bytes} bytes, each as it was written"
        )
    });
    Ok(())
}

fn session_id(text: &str) -> Result<SessionId, ArchiveFault> {
    text.parse().or(Err(ArchiveFault::NoSession(text.to_owned())))
}

async fn export(session: &str, out: &Path, flags: &Flags, json: bool) -> Outcome {
    let settings = StorageSettings::load(flags)?;
    let (id, ports) = (session_id(session)?, open_store(&settings).await?);
    let found = ports.sessions.get(id).await?.ok_or(ArchiveFault::Unknown(id))?;
    if !found.status.is_terminal() {
        return Err(ArchiveFault::NotEnded(id).into());
    }
    let object = if let Some(note) = ports.retention.archived(id).await? {
        let archive = opened(&settings)?;
        archive.check(note.object.clone()).await?;
        copy_out(archive.as_ref(), note.object, out).await?
    } else {
        // It is written as the server would, into a folder that is thrown away.
        let folder = tempfile::tempdir_in(&settings.data_dir).map_err(file_fault(&settings.data_dir))?;
        let place = ArchivePlace::Folder(folder.path().join("archive"));
        let archive: Arc<dyn Archive> = Arc::new(ObjectArchive::open(&place, folder.path().to_owned())?);
        let ports = ports.with_archive(Arc::clone(&archive));
        let work = ArchiveSessions::new(&ports, ReplicaName::new("cli")?).ok_or(ArchiveFault::NoArchive)?;
        let object = work.write_object(&found).await?;
        work.compare(&found, &object).await?;
        copy_out(archive.as_ref(), object, out).await?
    };
    let out = out.display().to_string();
    say(if json {
        let (messages, commands) = (object.messages, object.commands);
        let digest = object.digest.as_str();
        json_pretty(&json!({"file": out, "sha256": digest, "messages": messages, "commands": commands}))
    } else {
        format!(
            "{out} is written: {} messages, {} commands; read it with: zstd -dc {out}",
            object.messages, object.commands
        )
    });
    Ok(())
}

/// Copies an object into a new file.
async fn copy_out(archive: &dyn Archive, object: ArchiveObject, out: &Path) -> Result<ArchiveObject, BoxError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(out).map_err(file_fault(out))?;
    let mut place = 0;
    while place < object.bytes {
        let bytes = archive.bytes_at(object.name.clone(), place, PART).await?;
        if bytes.is_empty() {
            break;
        }
        file.write_all(&bytes).map_err(file_fault(out))?;
        place += u64::try_from(bytes.len())?;
    }
    file.sync_all().map_err(file_fault(out))?;
    Ok(object)
}

/// Where a conversation is put back from.
struct Source {
    archive: Arc<dyn Archive>,
    object: ObjectName,
    note: ArchivedSession,
    /// Dropped last.
    _folder: Option<tempfile::TempDir>,
}

async fn import(what: &str, flags: &Flags, json: bool) -> Outcome {
    let settings = StorageSettings::load(flags)?;
    let ports = open_store(&settings).await?;
    let source = match what.parse::<SessionId>() {
        Ok(id) => of_archive(&settings, &ports, id).await?,
        Err(_) => of_file(&settings, &ports, Path::new(what)).await?,
    };
    let (id, object) = (source.note.session, source.note.object.clone());
    if source.note.next_removal().is_some() {
        return Err(ArchiveFault::Removing(id).into());
    }
    put_back(&ports, &source).await?;
    if !ports.retention.end_restoring(id).await? {
        return Err(ArchiveFault::Incomplete(id).into());
    }
    say(if json {
        json_pretty(&json!({"sessionId": id, "messages": object.messages, "commands": object.commands}))
    } else {
        format!(
            "session {id} is in the store again: {} messages, {} commands. It goes back to the archive when the rules say so",
            object.messages, object.commands
        )
    });
    Ok(())
}

async fn note_of(ports: &Ports, id: SessionId) -> Result<ArchivedSession, BoxError> {
    Ok(ports.retention.archived(id).await?.ok_or(ArchiveFault::NotArchived(id))?)
}

async fn of_archive(settings: &StorageSettings, ports: &Ports, id: SessionId) -> Result<Source, BoxError> {
    let (archive, note) = (opened(settings)?, note_of(ports, id).await?);
    archive.check(note.object.clone()).await?;
    Ok(Source { archive, object: note.object.name.clone(), note, _folder: None })
}

/// The file as the one object of an archive that is thrown away. It has to be, byte by byte, what was archived.
async fn of_file(settings: &StorageSettings, ports: &Ports, file: &Path) -> Result<Source, BoxError> {
    if !file.is_file() {
        return Err(ArchiveFault::NoSession(file.display().to_string()).into());
    }
    let folder = tempfile::tempdir_in(&settings.data_dir).map_err(file_fault(&settings.data_dir))?;
    let root: PathBuf = folder.path().join("archive");
    std::fs::create_dir_all(&root).map_err(file_fault(&root))?;
    std::fs::copy(file, root.join("imported")).map_err(file_fault(file))?;
    let digest = digest_of(&root.join("imported"))?;
    let archive: Arc<dyn Archive> =
        Arc::new(ObjectArchive::open(&ArchivePlace::Folder(root), folder.path().to_owned())?);
    let object = ObjectName::new("imported")?;
    let id = archive.session_of(object.clone()).await?;
    let note = note_of(ports, id).await?;
    if note.object.digest.as_str() != digest {
        let (file, wanted) = (file.display().to_string(), note.object.digest.as_str().to_owned());
        return Err(ArchiveFault::OtherFile { file, session: id, found: digest, wanted }.into());
    }
    Ok(Source { archive, object, note, _folder: Some(folder) })
}

fn digest_of(path: &Path) -> Result<String, BoxError> {
    let mut file = std::fs::File::open(path).map_err(file_fault(path))?;
    let (mut digest, mut part) = (Sha256::new(), vec![0; 65_536]);
    loop {
        let read = file.read(&mut part).map_err(file_fault(path))?;
        let Some(bytes) = part.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
    }
    let digest = digest.finalize();
    Ok(digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")))
}

/// Puts back what is not there yet: an import that was interrupted goes on.
async fn put_back(ports: &Ports, source: &Source) -> Result<(), BoxError> {
    let id = source.note.session;
    let last = ports.messages.before(id, Seq::new(u64::MAX), 1).await?;
    let mut after = last.and_then(|slice| slice.messages.last().map(|message| message.seq)).unwrap_or(Seq::ZERO);
    loop {
        let page = source.archive.messages_after(source.object.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        ports.retention.put_back(id, page, Vec::new()).await?;
    }
    let mut after = CommandSeq::ZERO;
    loop {
        let there = ports.retention.commands_after(id, after, PAGE).await?;
        let Some(last) = there.last() else { break };
        after = last.seq;
    }
    loop {
        let page = source.archive.commands_after(source.object.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        ports.retention.put_back(id, Vec::new(), page).await?;
    }
}
