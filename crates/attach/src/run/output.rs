//! What a command writes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use flightdeck_agent_io::lines::{LONGEST, Line, Lines};
use flightdeck_agent_io::text::{decoded, one_line};
use flightdeck_client::Client;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::earlier;
use super::quiet::Heard;
use super::reporter::Reporter;
use super::told::{Item, Told};
use super::transcript::Transcript;

/// How much is read at once.
const PIECE: usize = 64 << 10;
/// So many pieces wait for a terminal, or for being reported, before the command has to.
const AHEAD: usize = 64;
/// After so long without a word, what was held back is told.
const IDLE: Duration = Duration::from_secs(2);

type Piece = Arc<[u8]>;

/// Where a command's output goes.
#[derive(Clone)]
pub(super) struct Listening {
    pub(super) reporter: Reporter,
    pub(super) heard: Heard,
    /// Whether it is shown at this terminal as well.
    pub(super) echo: bool,
    /// The command has ended, and a terminal that takes nothing must not keep what it wrote last from being reported.
    pub(super) hurry: CancellationToken,
}

/// Two tasks that read one stream of a command.
pub(super) struct Reading {
    reporting: JoinHandle<()>,
    echoing: Option<JoinHandle<()>>,
}

impl Reading {
    /// Waits until all is reported, for so long at most.
    pub(super) async fn reported(self, grace: Duration) -> Reported {
        let is_all = tokio::time::timeout(grace, self.reporting).await.is_ok_and(|reported| reported.is_ok());
        Reported { is_all, echoing: self.echoing, _folder: None }
    }
}

/// A stream that was read to its end, or was given up.
pub(super) struct Reported {
    /// Whether nothing was left of it.
    pub(super) is_all: bool,
    echoing: Option<JoinHandle<()>>,
    // Removed with the pipe in it.
    _folder: Option<tempfile::TempDir>,
}

impl Reported {
    /// Waits until it is shown, too, for so long at most.
    pub(super) async fn shown(self, grace: Duration) {
        if let Some(echoing) = self.echoing {
            let _ = tokio::time::timeout(grace, echoing).await;
        }
    }
}

/// Reads a command's standard output to its end: shows it as it comes, and reports its lines.
pub(super) fn read(
    output: pipe::Receiver,
    transcript: Transcript,
    to: &Listening,
    client: Client,
    session: String,
) -> Reading {
    let (pieces, echoing) = begin(output, to, tokio::io::stdout);
    let reporting = Transcribing { transcript, reporter: to.reporter.clone(), client, session };
    Reading { reporting: tokio::spawn(reporting.run(pieces)), echoing }
}

/// Reads pieces, shows them, and hands them on.
fn begin<E: AsyncWrite + Unpin + Send + 'static>(
    output: impl AsyncRead + Unpin + Send + 'static,
    to: &Listening,
    terminal: fn() -> E,
) -> (mpsc::Receiver<Piece>, Option<JoinHandle<()>>) {
    let (pieces, reported) = mpsc::channel(AHEAD);
    let (shown, echoing) = if to.echo {
        let (shown, queue) = mpsc::channel(AHEAD);
        (Some(shown), Some(tokio::spawn(echo(queue, terminal))))
    } else {
        (None, None)
    };
    tokio::spawn(split(output, shown, pieces, to.heard.clone(), to.hurry.clone()));
    (reported, echoing)
}

async fn split(
    mut output: impl AsyncRead + Unpin,
    mut shown: Option<mpsc::Sender<Piece>>,
    pieces: mpsc::Sender<Piece>,
    heard: Heard,
    hurry: CancellationToken,
) {
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        heard.note();
        let piece: Piece = buffer.get(..length).unwrap_or_default().into();
        if let Some(terminal) = &shown {
            let sent = tokio::select! {
                sent = terminal.send(Arc::clone(&piece)) => sent.is_ok(),
                () = hurry.cancelled() => false,
            };
            if !sent {
                shown = None;
            }
        }
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

/// Shows what comes, until nobody looks any more.
async fn echo<E: AsyncWrite + Unpin>(mut queue: mpsc::Receiver<Piece>, terminal: fn() -> E) {
    let mut terminal = terminal();
    while let Some(piece) = queue.recv().await {
        if terminal.write_all(&piece).await.is_err() || terminal.flush().await.is_err() {
            return;
        }
    }
}

struct Transcribing {
    transcript: Transcript,
    reporter: Reporter,
    client: Client,
    session: String,
}

impl Transcribing {
    async fn run(mut self, mut pieces: mpsc::Receiver<Piece>) {
        let mut lines = Lines::default();
        let mut held = false;
        loop {
            let piece = if held { tokio::time::timeout(IDLE, pieces.recv()).await } else { Ok(pieces.recv().await) };
            match piece {
                Ok(Some(piece)) => {
                    lines.push(&piece);
                    while let Some(line) = lines.next() {
                        let items = self.transcript.line(&line);
                        self.tell(items).await;
                    }
                    held = true;
                }
                Ok(None) => break,
                Err(_idle) => {
                    let items = self.transcript.idle();
                    self.tell(items).await;
                    held = false;
                }
            }
        }
        while let Some(line) = lines.finish() {
            let items = self.transcript.line(&line);
            self.tell(items).await;
        }
        let items = self.transcript.finish();
        self.tell(items).await;
    }

    async fn tell(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Message(message) => self.reporter.say(message),
                Item::Session(id) => self.introduce(id).await,
            }
        }
    }

    /// Tells the runtime's own id of the session; where its totals go on from an earlier run, the last of them are asked for.
    async fn introduce(&mut self, id: String) {
        self.reporter.introduce(&id);
        if !self.transcript.totals_go_on() {
            return;
        }
        let (client, own) = (self.client.clone(), self.session.clone());
        let found = tokio::task::spawn_blocking(move || earlier::totals(&client, &own, &id)).await;
        match found {
            Ok(Ok(Some(totals))) => self.transcript.going_on_from(totals),
            Ok(Ok(None)) => {}
            _ if self.transcript.takes_up() => self.reporter.notice(
                "the totals of the earlier run of this session could not be read: what that run used may be counted here again",
            ),
            _ => {}
        }
    }
}

/// A command's standard error, which comes through a named pipe in a folder of its own.
pub(super) struct Errors {
    folder: tempfile::TempDir,
    pipe: pipe::Receiver,
    /// As long as it is open, the pipe has no end, whoever else opens and closes it.
    open: pipe::Sender,
}

impl Errors {
    pub(super) fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("flightdeck-run-").tempdir()?;
        let path = folder.path().join("stderr");
        let made = std::process::Command::new("mkfifo").arg("-m").arg("600").arg(&path).status()?;
        if !made.success() {
            return Err(io::Error::other("mkfifo made no pipe"));
        }
        let pipe = pipe::OpenOptions::new().open_receiver(&path)?;
        let open = pipe::OpenOptions::new().open_sender(&path)?;
        Ok(Self { folder, pipe, open })
    }

    pub(super) fn path(&self) -> String {
        self.folder.path().join("stderr").display().to_string()
    }

    /// Begins to read: shows it as it comes, and reports its lines.
    pub(super) fn read(self, to: &Listening) -> ReadingErrors {
        let Self { folder, pipe, open } = self;
        let (pieces, echoing) = begin(pipe, to, tokio::io::stderr);
        let reporting = tokio::spawn(report_errors(pieces, to.reporter.clone()));
        ReadingErrors { folder, open, reading: Reading { reporting, echoing } }
    }
}

async fn report_errors(mut pieces: mpsc::Receiver<Piece>, reporter: Reporter) {
    let mut lines = Lines::default();
    while let Some(piece) = pieces.recv().await {
        lines.push(&piece);
        while let Some(line) = lines.next() {
            report_error(&line, &reporter);
        }
    }
    while let Some(line) = lines.finish() {
        report_error(&line, &reporter);
    }
}

fn report_error(line: &Line, reporter: &Reporter) {
    let mut told = Told::default();
    match line {
        Line::Whole(bytes) => told.say("system", &decoded(bytes), &json!({"type": "stderr"})),
        Line::TooLong { head, bytes } => {
            let (most, head) = (LONGEST >> 20, one_line(&decoded(head), 1_000));
            let said = format!(
                "a line of {bytes} bytes was left out, for more than {most} MiB are not read; it begins: {head}"
            );
            told.say("system", &said, &json!({"type": "unreadable", "bytes": bytes}));
        }
    }
    for item in told.take() {
        if let Item::Message(message) = item {
            reporter.say(message);
        }
    }
}

/// A command's standard error that is being read.
pub(super) struct ReadingErrors {
    folder: tempfile::TempDir,
    open: pipe::Sender,
    reading: Reading,
}

impl ReadingErrors {
    /// Reads what is still in the pipe, for the command has ended; waits so long at most.
    pub(super) async fn reported(self, grace: Duration) -> Reported {
        drop(self.open);
        Reported { _folder: Some(self.folder), ..self.reading.reported(grace).await }
    }
}
