//! What a command writes.

use std::io::{self, Write};

use serde_json::json;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;

use super::lines::Preset;
use super::uplink::Uplink;

/// The longest line that is one message; a longer one is several.
const LONGEST_LINE: u64 = 900_000;

/// Reads a command's standard output to its end: echoes it, and says it.
pub(super) async fn read(output: pipe::Receiver, preset: Preset, echo: bool, uplink: Uplink) {
    let mut reader = preset.reader();
    let mut output = BufReader::new(output);
    while let Some(line) = next(&mut output).await {
        if echo {
            let _ = io::stdout().lock().write_all(&line).and_then(|()| io::stdout().flush());
        }
        let text = String::from_utf8_lossy(&line);
        for message in reader.read(text.trim_end_matches(['\n', '\r'])) {
            uplink.say(message);
        }
    }
}

/// A line with its end, or the first part of one that is too long; `None` at the end.
async fn next(output: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    match output.take(LONGEST_LINE).read_until(b'\n', &mut line).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line),
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

    /// Begins to read: echoes it, and says it.
    pub(super) fn read(self, echo: bool, uplink: Uplink) -> ReadingErrors {
        let Self { folder, pipe, open } = self;
        let reading = tokio::spawn(async move {
            let mut output = BufReader::new(pipe);
            while let Some(line) = next(&mut output).await {
                if echo {
                    let _ = io::stderr().lock().write_all(&line);
                }
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\n', '\r']).replace('\0', "\u{fffd}");
                if !text.trim().is_empty() {
                    uplink.say(json!({"role": "system", "content": text, "metadata": {"type": "stderr"}}));
                }
            }
        });
        ReadingErrors { _folder: folder, open, reading }
    }
}

/// A command's standard error that is being read.
pub(super) struct ReadingErrors {
    // Removed with the pipe in it.
    _folder: tempfile::TempDir,
    open: pipe::Sender,
    reading: tokio::task::JoinHandle<()>,
}

impl ReadingErrors {
    /// Reads what is still in the pipe; the command has ended.
    pub(super) async fn finish(self) {
        drop(self.open);
        let _ = tokio::time::timeout(super::GRACE, self.reading).await;
    }
}
