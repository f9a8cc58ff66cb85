//! Whoever changes the audit log behind Flightdeck's back is found out: a thousand tamperings with a real file, each
//! through a connection of its own past all triggers and checks.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "what fails here fails the test")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use flightdeck_domain::action::{Attribution, Intervention, OperatorAction};
use flightdeck_domain::audit::{AuditHead, AuditVerification, Checkpoint, CheckpointSigningKey};
use flightdeck_domain::ports::{
    ArchiveHolds, ArchivePage, ArchivePlace, ArchiveTurn, AuditLog, AuditLogError, CheckpointArchive, OperatorActions,
    SessionRepository, StoreUnavailable,
};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::Reason;
use flightdeck_domain::use_cases::{AuditReader, MakeCheckpoint, Ports, VerifyAudit};
use flightdeck_store_contract::given;
use flightdeck_store_memory::MemoryStore;
use flightdeck_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

const ENTRIES: u64 = 24;

/// `SplitMix64`: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    /// From 1 on.
    fn seq(&mut self, most: u64) -> u64 {
        self.roll(most) + 1
    }
}

/// The file beside the database, held in memory.
#[derive(Default)]
struct Archive(Mutex<Vec<Checkpoint>>);

#[async_trait]
impl CheckpointArchive for Archive {
    async fn append(&self, checkpoint: Checkpoint) -> Result<(), StoreUnavailable> {
        let mut kept = self.0.lock().expect("no panic");
        if kept.last().is_none_or(|last| last.seq < checkpoint.seq) {
            kept.push(checkpoint);
        }
        Ok(())
    }

    async fn page(&self, from: ArchivePlace, limit: usize) -> Result<ArchivePage, AuditLogError> {
        let kept = self.0.lock().expect("no panic");
        let rest = kept.iter().skip(usize::try_from(from.0).expect("small"));
        let checkpoints: Vec<Checkpoint> = rest.take(limit).copied().collect();
        let next = ArchivePlace(from.0 + u64::try_from(checkpoints.len()).expect("small"));
        Ok(ArchivePage { checkpoints, next })
    }

    async fn newest(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        Ok(self.0.lock().expect("no panic").last().copied())
    }

    fn holds(&self) -> ArchiveHolds {
        ArchiveHolds::All
    }

    async fn turn(&self) -> Result<ArchiveTurn, StoreUnavailable> {
        Ok(Box::new(()))
    }

    async fn refill(&self, checkpoints: Vec<Checkpoint>) -> Result<(), AuditLogError> {
        *self.0.lock().expect("no panic") = checkpoints;
        Ok(())
    }
}

fn signer() -> Arc<CheckpointSigningKey> {
    Arc::new(CheckpointSigningKey::from_seed(&[5; 32]))
}

fn reader() -> AuditReader {
    AuditReader { actor: given::by(1, 2).actor, request_id: given::by(1, 2).request_id }
}

async fn act(store: &dyn OperatorActions, n: u64) {
    let by = Attribution { reason: Reason::new(format!("reason {n}")).ok(), ..given::by(1, 2) };
    let intervention = if n.is_multiple_of(2) { Intervention::Pause } else { Intervention::Resume };
    let action = OperatorAction { session_id: given::session_id(1), intervention, by, able: None, operation: None };
    OperatorActions::commit(store, action).await.expect("accepted");
}

/// A closed database with [`ENTRIES`] entries and checkpoints at 8, 16 and 24, to be copied for each tampering.
struct Template {
    folder: TempDir,
    archive: Arc<Archive>,
}

impl Template {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Arc::new(Archive::default());
        let store = Arc::new(SqliteStore::open(folder.path().join("template.db"), Options::default()).expect("opened"));
        store.register(given::registration(1)).await.expect("registered");
        let ports = Ports::from_store(store.clone(), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds))
            .with_checkpoints(signer(), archive.clone());
        for n in 1..=ENTRIES {
            act(&*store, n).await;
            if n % 8 == 0 {
                MakeCheckpoint::new(&ports).execute().await.expect("made");
            }
        }
        Self { folder, archive }
    }

    /// A copy that was tampered with while no server ran.
    fn tampered(&self, name: &str, sql: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        std::fs::copy(self.folder.path().join("template.db"), &copy).expect("copied");
        let mut connection = SqliteConnection::establish(copy.to_str().expect("a text")).expect("opened");
        connection
            .batch_execute(&format!(
                "PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON; {} {sql};",
                TRIGGERS.map(|name| format!("DROP TRIGGER {name};")).join(" ")
            ))
            .expect(sql);
        copy
    }

    async fn verify(&self, path: &Path, archive: Arc<dyn CheckpointArchive>) -> AuditVerification {
        let store = Arc::new(SqliteStore::open(path, Options { readers: 1, ..Options::default() }).expect("opened"));
        // Reading is recorded; here that would be one more change, so it goes to a log of its own.
        let mut ports = Ports::from_store(store, Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds))
            .with_checkpoints(signer(), archive);
        ports.actions = Arc::new(MemoryStore::new());
        VerifyAudit::new(&ports).execute(reader()).await.expect("a finding is no breakdown")
    }
}

const TRIGGERS: [&str; 8] = [
    "audit_entries_are_not_changed",
    "audit_entries_are_not_removed",
    "audit_entries_are_not_replaced",
    "audit_head_goes_forward",
    "audit_head_is_not_removed",
    "audit_checkpoints_are_not_changed",
    "audit_checkpoints_are_not_removed",
    "audit_checkpoints_are_not_replaced",
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What somebody with the database open may do to its audit log, as SQL.
fn tampering(dice: &mut Dice) -> String {
    let seq = dice.seq(ENTRIES);
    let other = 1 + (seq + dice.roll(ENTRIES - 1)) % ENTRIES;
    let set = |column: &str, value: String| format!("UPDATE audit_entries SET {column} = {value} WHERE seq = {seq}");
    let truncate = format!("DELETE FROM audit_entries WHERE seq >= {seq}");
    let rewind = format!(
        "UPDATE audit_head SET seq = {}, hash = coalesce((SELECT hash FROM audit_entries WHERE seq = {}), zeroblob(32))",
        seq - 1,
        seq - 1
    );
    match dice.roll(16) {
        // One byte of what was said: letters stay letters, so that it may still be JSON.
        0 | 1 => {
            let at = dice.seq(250);
            set("bytes", format!("CAST(substr(bytes, 1, {at} - 1) || '~' || substr(bytes, {at} + 1) AS BLOB)"))
        }
        2 => set("bytes", "CAST(replace(bytes, 'reason', 'season') AS BLOB)".to_owned()),
        3 => set("hash", format!("randomblob({})", [32, 31, 0][usize::try_from(dice.roll(3)).expect("small")])),
        4 => {
            let action = ["'kill'", "'inject'", "'explode'", "''"][usize::try_from(dice.roll(4)).expect("small")];
            set("action", action.to_owned())
        }
        5 => set("actor", format!("'{:012x}'", dice.roll(u64::MAX))),
        6 => set("at", format!("at + {}", [1, -1, 1_i64 << 62][usize::try_from(dice.roll(3)).expect("small")])),
        7 => set("session_id", ["NULL", "zeroblob(16)", "x'00'"][usize::try_from(dice.roll(3)).expect("small")].into()),
        8 => set("seq", ["-seq", "0", "seq + 1000"][usize::try_from(dice.roll(3)).expect("small")].to_owned()),
        9 => format!("DELETE FROM audit_entries WHERE seq = {seq}"),
        10 => {
            // Everything after it moves up by one, so that no gap is seen.
            format!(
                "DELETE FROM audit_entries WHERE seq = {seq};
                 UPDATE audit_entries SET seq = -(seq - 1) WHERE seq > {seq};
                 UPDATE audit_entries SET seq = -seq WHERE seq < 0;
                 UPDATE audit_head SET seq = seq - 1"
            )
        }
        11 => {
            let place = [0, -7, 25, 4_000][usize::try_from(dice.roll(4)).expect("small")];
            format!(
                "INSERT INTO audit_entries SELECT {place}, hash, bytes, action, actor, at, session_id \
                 FROM audit_entries WHERE seq = {seq}"
            )
        }
        12 => format!(
            "UPDATE audit_entries SET seq = -1 WHERE seq = {seq};
             UPDATE audit_entries SET seq = {seq} WHERE seq = {other};
             UPDATE audit_entries SET seq = {other} WHERE seq = -1"
        ),
        13 => truncate,
        14 => format!("{truncate}; {rewind}"),
        _ => format!("{truncate}; {rewind}; DELETE FROM audit_checkpoints WHERE seq >= {seq}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_thousand_tamperings_are_found() {
    let template = Arc::new(Template::new().await);
    let clean = template.tampered("clean.db", "SELECT 1");
    let untouched = template.verify(&clean, template.archive.clone()).await;
    assert!(untouched.valid && untouched.entries == ENTRIES && untouched.checkpoints == 3, "{untouched:?}");
    let mut dice = Dice(20_261_122);
    let tamperings: Vec<String> = (0..1_000).map(|_| tampering(&mut dice)).collect();
    let hands: Vec<_> = (0..8_usize)
        .map(|hand| {
            let (template, share) =
                (Arc::clone(&template), tamperings.iter().skip(hand).step_by(8).cloned().collect::<Vec<_>>());
            tokio::spawn(async move {
                let mut missed = Vec::new();
                for (n, sql) in share.into_iter().enumerate() {
                    let path = template.tampered(&format!("{hand}-{n}.db"), &sql);
                    if template.verify(&path, template.archive.clone()).await.valid {
                        missed.push(sql);
                    }
                    std::fs::remove_file(path).expect("removed");
                }
                missed
            })
        })
        .collect();
    for hand in hands {
        let missed = hand.await.expect("no panic");
        assert!(missed.is_empty(), "not found: {missed:#?}");
    }
}

#[tokio::test]
async fn only_the_file_knows_of_an_end_that_was_cut_off_with_all_memory_of_it() {
    let template = Template::new().await;
    let cut = template.tampered(
        "cut.db",
        "DELETE FROM audit_entries WHERE seq > 12;
         UPDATE audit_head SET seq = 12, hash = (SELECT hash FROM audit_entries WHERE seq = 12);
         DELETE FROM audit_checkpoints WHERE seq > 12",
    );
    let found = template.verify(&cut, template.archive.clone()).await;
    let told = "the chain ends at entry 12, and a checkpoint was signed at entry 16: the end was cut off";
    assert_eq!(found.problem.as_deref(), Some(told));
    // This is what the file is for: by itself the database tells a story that holds together.
    assert!(template.verify(&cut, Arc::new(())).await.valid);
}

/// The head itself, removed, spoilt and set elsewhere. With its own record of the reading, as a server would verify it:
/// such a log takes no entry, and that must not keep anybody from being told.
#[tokio::test]
async fn a_head_that_is_gone_or_spoilt_is_a_finding_and_no_breakdown() {
    let template = Template::new().await;
    let at_the_end = |problem: &str| format!("the chain ends at entry {ENTRIES}, and the head of the log {problem}");
    let table = [
        ("DELETE FROM audit_head", at_the_end("is missing"), ENTRIES),
        (
            "UPDATE audit_head SET hash = x'00'",
            at_the_end("makes no sense: audit_head.hash of row 1 does not make sense"),
            ENTRIES,
        ),
        (
            "UPDATE audit_head SET seq = -24",
            at_the_end("makes no sense: audit_head.seq of row 1 does not make sense"),
            ENTRIES,
        ),
        (
            "INSERT INTO audit_head SELECT 2, seq, hash FROM audit_head",
            at_the_end("makes no sense: there is more than one"),
            ENTRIES,
        ),
        ("UPDATE audit_head SET seq = 7", "the head says entry 7, and entry 8 stands behind it".to_owned(), 7),
        (
            "DELETE FROM audit_head; DELETE FROM audit_entries WHERE seq > 12; DELETE FROM audit_checkpoints WHERE seq > 12",
            "the chain ends at entry 12, and a checkpoint was signed at entry 16: the end was cut off".to_owned(),
            12,
        ),
        (
            "DELETE FROM audit_head; UPDATE audit_entries SET actor = 'system' WHERE seq = 5",
            "the stored columns of entry 5 differ from what it says".to_owned(),
            4,
        ),
    ];
    for (n, (sql, expected, good)) in table.into_iter().enumerate() {
        let path = template.tampered(&format!("head-{n}.db"), sql);
        let store = Arc::new(SqliteStore::open(&path, Options::default()).expect("opened"));
        let ports = Ports::from_store(store.clone(), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds))
            .with_checkpoints(signer(), template.archive.clone());
        for _ in 0..2 {
            let found = VerifyAudit::new(&ports).execute(reader()).await.expect("a finding is no breakdown");
            assert_eq!((found.valid, found.problem.as_deref(), found.entries), (false, Some(expected.as_str()), good));
        }
        assert!(MakeCheckpoint::new(&ports).execute().await.is_err(), "nothing is signed over it: {sql}");
        let by = given::by(1, 2);
        let action = OperatorAction {
            session_id: given::session_id(1),
            intervention: Intervention::Pause,
            by,
            able: None,
            operation: None,
        };
        assert!(OperatorActions::commit(&*store, action).await.is_err(), "no action without its entry: {sql}");
    }
}

#[tokio::test]
async fn a_chain_rewritten_as_a_whole_is_found_by_the_signature() {
    let template = Template::new().await;
    let sealed = {
        let store = SqliteStore::open(template.folder.path().join("template.db"), Options::default()).expect("opened");
        store.walk(flightdeck_domain::ids::AuditSeq::new(0), 100).await.expect("read")
    };
    let mut head = AuditHead::EMPTY;
    let mut sql = String::from("DELETE FROM audit_entries;");
    for entry in &sealed {
        let mut draft = given::by(1, 2).audit(
            entry.index.action,
            entry.entry().expect("an entry").target,
            flightdeck_domain::audit::AuditOutcome::Accepted,
            [].into(),
        );
        draft.at = entry.index.at;
        let forged = draft.seal(head);
        head = forged.head();
        let _ = write!(
            sql,
            "INSERT INTO audit_entries VALUES ({}, x'{}', x'{}', '{}', '{}', {}, x'{}');",
            forged.seq,
            forged.hash,
            hex(&forged.bytes),
            forged.index.action.as_str(),
            forged.index.actor,
            forged.index.at.as_micros(),
            hex(given::session_id(1).as_uuid().as_bytes()),
        );
    }
    let _ = write!(sql, "UPDATE audit_head SET hash = x'{}';", head.hash);
    let rewritten = template.tampered("rewritten.db", &sql);
    let found = template.verify(&rewritten, Arc::new(())).await;
    assert_eq!(found.problem.as_deref(), Some("entry 8 is not the one that its checkpoint was signed over"));
    // Signing anew takes the key: the forger's own is another.
    let other = CheckpointSigningKey::from_seed(&[6; 32]);
    let resigned = Checkpoint::sign(head, sealed[0].index.at, &other);
    let (hash, key, signature) = (resigned.hash, resigned.key_id, resigned.signature);
    let _ = write!(
        sql,
        "DELETE FROM audit_checkpoints; INSERT INTO audit_checkpoints VALUES ({ENTRIES}, x'{hash}', 0, x'{key}', x'{signature}');"
    );
    let found = template.verify(&template.tampered("resigned.db", &sql), Arc::new(())).await;
    assert!(found.problem.is_some_and(|problem| problem.contains("is signed by the key")));
}

#[tokio::test]
async fn a_thousand_clean_logs_raise_no_alarm() {
    let mut dice = Dice(1);
    for run in 0..1_000 {
        let store = Arc::new(MemoryStore::new());
        store.register(given::registration(1)).await.expect("registered");
        let ports = Ports::from_store(store.clone(), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds))
            .with_checkpoints(signer(), Arc::new(Archive::default()));
        let (make, verify) = (MakeCheckpoint::new(&ports), VerifyAudit::new(&ports));
        for n in 0..dice.roll(12) {
            act(&*store, n).await;
            match dice.roll(6) {
                0 => drop(make.execute().await.expect("made")),
                1 => assert!(verify.execute(reader()).await.expect("answered").valid, "run {run}"),
                _ => {}
            }
        }
        let result = verify.execute(reader()).await.expect("answered");
        assert!(result.valid, "run {run}: {result:?}");
    }
}
