//! The audit log of the data folder: taken out, proven and signed. Reading it stands on it, as by HTTP.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flightdeck_domain::audit::{AuditVerdict, AuditVerification, CheckpointKey};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::{InvalidText, RequestId};
use flightdeck_domain::use_cases::{AuditReader, ExportAudit, MakeCheckpoint, Ports, RefillCheckpoints, VerifyAudit};
use flightdeck_settings::{DatabaseUrl, StorageSettings};
use flightdeck_storage::open_audited;
use flightdeck_terminal::{BoxError, Outcome, json_pretty, say};
use serde_json::json;

/// Why the log was not read, or is not proven.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error("there is no database at {0}; name its folder with --data-dir")]
    NoDatabase(PathBuf),
    #[error("cannot write the export to {path}; it is never written over another file")]
    Out { path: PathBuf, source: io::Error },
    #[error("the export could not be written")]
    Write(#[source] io::Error),
    #[error("the data folder signs with the key {found}, and {trusted} is the one that you trust")]
    OtherKey { found: String, trusted: CheckpointKey },
    #[error("the audit log in {path} is NOT what it was{}: {problem}", at_entry(*seq))]
    Broken { path: DatabaseUrl, seq: Option<AuditSeq>, problem: String },
    #[error(
        "nothing vouches for the {entries} entries of the audit log in {path}: they fit together, and no signed checkpoint says \
         that they were not rewritten as a whole; sign them with `flightdeck audit checkpoint`, while you trust them"
    )]
    Unvouched { path: DatabaseUrl, entries: u64 },
    #[error(transparent)]
    Text(#[from] InvalidText),
}

fn at_entry(seq: Option<AuditSeq>) -> String {
    seq.map(|seq| format!(" at entry {seq}")).unwrap_or_default()
}

/// A look at a wrong folder must not make one.
pub(super) async fn open(settings: &StorageSettings) -> Result<Ports, BoxError> {
    match &settings.database {
        DatabaseUrl::Sqlite(path) if !path.exists() => Err(LogError::NoDatabase(path.clone()).into()),
        _ => Ok(open_audited(settings).await?),
    }
}

fn reader() -> Result<AuditReader, LogError> {
    Ok(AuditReader { actor: Actor::local_cli(), request_id: RequestId::new(format!("cli {}", std::process::id()))? })
}

/// Writes what `GET /audit/export` would answer.
pub(super) async fn export(settings: &StorageSettings, after: AuditSeq, out: Option<&Path>, json: bool) -> Outcome {
    let ports = open(settings).await?;
    // Before anything is read: what cannot be written down is not read, and not recorded as read.
    let mut to: Box<dyn Write + Send> = match out {
        Some(path) => Box::new(create(path)?),
        None => Box::new(io::stdout()),
    };
    let mut export = ExportAudit::new(&ports).execute(reader()?, after).await?;
    while let Some(lines) = export.next().await? {
        to.write_all(lines.as_bytes()).map_err(LogError::Write)?;
    }
    to.flush().map_err(LogError::Write)?;
    if let Some(path) = out {
        File::open(path).and_then(|file| file.sync_all()).map_err(LogError::Write)?;
        let path = path.display();
        say(if json {
            json_pretty(&json!({"file": path.to_string()}))
        } else {
            format!("{path} is written; prove it with: flightdeck audit verify {path}")
        });
    }
    Ok(())
}

/// Writes what is behind an entry into a new file. The reading is on record, so it is signed after that: then the file ends
/// with a signature, unless others have added entries meanwhile.
pub(super) async fn write(ports: &Ports, after: AuditSeq, path: &Path) -> Result<(), BoxError> {
    let mut to = create(path)?;
    let mut export = ExportAudit::new(ports).execute(reader()?, after).await?;
    MakeCheckpoint::new(ports).execute().await?;
    while let Some(lines) = export.next().await? {
        to.write_all(lines.as_bytes()).map_err(LogError::Write)?;
    }
    Ok(to.sync_all().map_err(LogError::Write)?)
}

/// Who did what is not for everybody to read.
fn create(path: &Path) -> Result<File, LogError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| LogError::Out { path: path.to_owned(), source })
}

/// Proves the log in the database with the checkpoints of both places, and says what is proven.
pub(super) async fn verify(
    settings: &StorageSettings,
    trusted: Option<CheckpointKey>,
    json: bool,
) -> Result<String, BoxError> {
    let ports = open(settings).await?;
    let key = ports.checkpointing.as_ref().map(|checkpointing| checkpointing.signer.public_key());
    if let Some(trusted) = trusted.filter(|trusted| key != Some(*trusted)) {
        let found = key.map_or_else(|| "none".to_owned(), |key| key.to_string());
        return Err(LogError::OtherKey { found, trusted }.into());
    }
    let found = VerifyAudit::new(&ports).execute(reader()?).await?;
    match found.problem {
        Some(problem) => {
            Err(LogError::Broken { path: settings.database.clone(), seq: found.problem_seq, problem }.into())
        }
        None if found.verdict == AuditVerdict::Unvouched => {
            Err(LogError::Unvouched { path: settings.database.clone(), entries: found.entries }.into())
        }
        None if json => Ok(json_pretty(&serde_json::to_value(&found)?)),
        None => Ok(told(&found, key, trusted.is_some())),
    }
}

fn told(found: &AuditVerification, key: Option<CheckpointKey>, trusted: bool) -> String {
    let AuditVerification { entries, head, checkpoints, signed_up_to, .. } = found;
    let signed = match (signed_up_to, key) {
        (Some(seq), Some(key)) => {
            let whose = if trusted { "the key that you gave" } else { "which is in the data folder; compare it" };
            format!("{checkpoints}, up to entry {seq}\n  signed with  {key} ({whose})")
        }
        (Some(seq), None) => format!("{checkpoints}, up to entry {seq}, signatures unchecked: the key is not there"),
        (None, _) => "none yet".to_owned(),
    };
    format!("good: {entries} entries\n  head         {head}\n  checkpoints  {signed}")
}

/// Signs the head; first puts into the file what the database holds and it does not, where that is asked for.
pub(super) async fn checkpoint(settings: &StorageSettings, refill: bool, json: bool) -> Outcome {
    let ports = open(settings).await?;
    let mut refilled = None;
    if refill {
        // On record first: whoever fills the file covers up that it had lost something.
        let reader = reader()?;
        let filled = RefillCheckpoints::new(&ports).execute(reader).await?;
        if !json {
            say(format!("audit-checkpoints.jsonl holds the {filled} checkpoints of the database"));
        }
        refilled = Some(filled);
    }
    let made = MakeCheckpoint::new(&ports).execute().await?;
    let checkpoint = made.checkpoint;
    if json {
        let told = json!({"checkpoint": checkpoint, "created": made.created, "refilled": refilled});
        say(json_pretty(&told));
        return Ok(());
    }
    let which = if made.created { "signed" } else { "was signed already" };
    say(format!("entry {} {which}", checkpoint.seq));
    say(format!("  hash    {}", checkpoint.hash));
    say(format!("  at      {}", checkpoint.at));
    say(format!("  key id  {}", checkpoint.key_id));
    Ok(())
}
