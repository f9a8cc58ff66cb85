//! What a command reads.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::presets::Choice;
use super::quiet::Heard;
use super::reporter::Reporter;

/// How often it is looked whether the command has read what was written.
const LOOK: Duration = Duration::from_millis(200);

/// So long after its input was closed it may turn out that the command has ended.
const ENDING: Duration = Duration::from_secs(1);

/// What comes to a command's standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputMode {
    /// Injected messages, one a line.
    Lines,
    /// Injected messages, as Claude Code reads them with `--input-format stream-json`.
    StreamJson,
    /// What this command reads itself.
    Own,
    /// Nothing: it is at its end.
    None,
}

impl InputMode {
    /// As it was asked for, or as fits the command.
    pub(super) fn of(asked: Option<&str>, choice: &Choice) -> Self {
        let streams = choice.program.value(&["--input-format"]) == Some("stream-json");
        match asked {
            Some("own") => Self::Own,
            Some("none") => Self::None,
            _ if choice.is_agent() && streams => Self::StreamJson,
            Some(_) => Self::Lines,
            // It is told to read its prompt there.
            None if choice.is_agent() && choice.program.has("-") => Self::Own,
            // These read their input to its end before they begin, or would ask for some.
            None if choice.is_agent() => Self::None,
            None => Self::Lines,
        }
    }

    /// Whether the input stays open for messages.
    pub(super) const fn takes_messages(self) -> bool {
        matches!(self, Self::Lines | Self::StreamJson)
    }

    /// A message, in the form that the command reads; or why it reads none.
    fn written(self, text: &str) -> Result<String, &'static str> {
        match self {
            Self::Lines => Ok(format!("{}\n", text.replace(['\n', '\r'], " "))),
            Self::StreamJson => {
                let content = json!([{"type": "text", "text": text}]);
                Ok(format!("{}\n", json!({"type": "user", "message": {"role": "user", "content": content}})))
            }
            Self::Own => Err("its standard input is that of flightdeck run (--input own)"),
            Self::None => Err("it reads no messages (--input inject lets it)"),
        }
    }
}

/// The way to a command's standard input.
pub(super) struct Input {
    mode: InputMode,
    heard: Heard,
    letters: mpsc::UnboundedSender<Letter>,
}

/// The task that writes.
pub(super) struct Writing {
    task: JoinHandle<()>,
    over: oneshot::Sender<()>,
}

/// A message that is to be written for a command of an operator.
struct Letter {
    seq: u64,
    line: String,
}

impl Input {
    pub(super) fn new(mode: InputMode, pipe: pipe::Sender, heard: Heard, reporter: Reporter) -> (Self, Writing) {
        let (letters, queue) = mpsc::unbounded_channel();
        let (over, ended) = oneshot::channel();
        let task = match mode {
            InputMode::Lines | InputMode::StreamJson => {
                let writer = Writer { pipe, reporter, written: 0, unread: VecDeque::new() };
                tokio::spawn(writer.run(queue, ended))
            }
            InputMode::Own => tokio::spawn(pass_on(pipe, ended)),
            InputMode::None => {
                drop(pipe);
                tokio::spawn(async {})
            }
        };
        (Self { mode, heard, letters }, Writing { task, over })
    }

    /// Writes a message when those before it are written; what becomes of it is told with its receipts. Does not wait for a
    /// command that does not read.
    ///
    /// # Errors
    /// There is no way in; the text says why.
    pub(super) fn write(&self, seq: u64, text: &str) -> Result<(), &'static str> {
        let line = self.mode.written(text)?;
        self.heard.note();
        self.letters.send(Letter { seq, line }).map_err(|_closed| CLOSED)
    }
}

const CLOSED: &str = "it has closed its standard input";

impl Writing {
    /// Settles the receipts, for the command has ended: what left the pipe was read.
    pub(super) async fn finish(self) {
        let _ = self.over.send(());
        let _ = self.task.await;
    }
}

async fn pass_on(mut pipe: pipe::Sender, ended: oneshot::Receiver<()>) {
    let mut own = tokio::io::stdin();
    tokio::select! {
        _ = tokio::io::copy(&mut own, &mut pipe) => {}
        _ = ended => {}
    }
}

/// Writes messages, and sees which of them were read.
struct Writer {
    pipe: pipe::Sender,
    reporter: Reporter,
    /// How many bytes went into the pipe.
    written: u64,
    /// Messages that lie in the pipe: each with its end, as a number of bytes.
    unread: VecDeque<(u64, u64)>,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Letter>, mut ended: oneshot::Receiver<()>) {
        let mut is_over = false;
        while !is_over {
            let letter = tokio::select! {
                letter = queue.recv() => letter,
                () = tokio::time::sleep(LOOK), if !self.unread.is_empty() => {
                    self.settle();
                    continue;
                }
                _ = &mut ended => break,
            };
            let Some(letter) = letter else {
                // Nobody can write any more; what lies in the pipe may still be read.
                let _ = (&mut ended).await;
                break;
            };
            is_over = self.write(&letter, &mut ended).await;
        }
        self.settle();
    }

    /// Writes one message. `true` when the command has ended meanwhile.
    async fn write(&mut self, letter: &Letter, ended: &mut oneshot::Receiver<()>) -> bool {
        let mut rest = letter.line.as_bytes();
        while !rest.is_empty() {
            tokio::select! {
                ready = self.pipe.writable() => {
                    let written = ready.and_then(|()| self.pipe.try_write(rest));
                    match written {
                        Ok(length) => {
                            self.written += u64::try_from(length).unwrap_or_default();
                            rest = rest.get(length..).unwrap_or_default();
                        }
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(_) => {
                            // A command that is about to end has not refused it: it could not be delivered.
                            if tokio::time::timeout(ENDING, &mut *ended).await.is_ok() {
                                return true;
                            }
                            self.reporter.receipt(letter.seq, json!({"state": "refused", "reason": CLOSED}));
                            return false;
                        }
                    }
                }
                () = tokio::time::sleep(LOOK), if !self.unread.is_empty() => self.settle(),
                _ = &mut *ended => return true,
            }
        }
        self.reporter.receipt(letter.seq, json!({"state": "delivered"}));
        self.unread.push_back((letter.seq, self.written));
        false
    }

    /// Tells which messages have left the pipe: they were read.
    fn settle(&mut self) {
        let Ok(lying) = rustix::io::ioctl_fionread(&self.pipe) else { return };
        let read = self.written.saturating_sub(lying);
        while let Some((seq, _)) = self.unread.front().copied().filter(|(_, end)| *end <= read) {
            self.reporter.receipt(seq, json!({"state": "consumed"}));
            self.unread.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;

    fn of(asked: Option<&str>, command: &str) -> InputMode {
        let words: Vec<String> = command.split(' ').map(ToOwned::to_owned).collect();
        InputMode::of(asked, &Choice::of("auto", &words))
    }

    #[test]
    fn it_fits_the_command() {
        assert_eq!(of(None, "python agent.py"), InputMode::Lines);
        assert_eq!(of(None, "claude -p hello --output-format stream-json"), InputMode::None);
        assert_eq!(of(None, "env A=b claude -p --input-format stream-json"), InputMode::StreamJson);
        assert_eq!(of(Some("inject"), "claude -p --input-format=stream-json"), InputMode::StreamJson);
        assert_eq!(of(None, "codex exec --json hello"), InputMode::None);
        assert_eq!(of(None, "opencode run hello"), InputMode::None, "whatever it writes");
        assert_eq!(of(None, "codex exec --json -"), InputMode::Own);
        assert_eq!(of(Some("none"), "codex exec -"), InputMode::None);
        assert_eq!(of(Some("inject"), "codex exec x"), InputMode::Lines);
    }

    #[tokio::test]
    async fn what_was_read_is_consumed_and_what_lies_in_the_pipe_is_not() {
        let (sender, receiver) = pipe::pipe().expect("a pipe");
        let (reporter, said) = Reporter::for_tests();
        let (input, writing) = Input::new(InputMode::Lines, sender, Heard::default(), reporter);
        input.write(1, "two\nlines").expect("a way in");
        input.write(2, "never read").expect("a way in");
        let mut reader = BufReader::with_capacity(10, receiver);
        let mut line = String::new();
        reader.read_line(&mut line).await.expect("read");
        assert_eq!(line, "two lines\n");
        while said().iter().filter(|it| it.contains("delivered")).count() < 2 {
            tokio::task::yield_now().await;
        }
        writing.finish().await;
        assert_eq!(said().last().map(String::as_str), Some("commands/1/ack consumed"));
        assert!(!said().iter().any(|it| it == "commands/2/ack consumed"));
    }

    #[tokio::test]
    async fn a_command_that_does_not_read_holds_nobody_up() {
        let (sender, receiver) = pipe::pipe().expect("a pipe");
        let (reporter, said) = Reporter::for_tests();
        let (input, writing) = Input::new(InputMode::Lines, sender, Heard::default(), reporter);
        input.write(1, &"x".repeat(1 << 20)).expect("a way in");
        input.write(2, "behind it").expect("a way in");
        writing.finish().await;
        assert!(said().is_empty(), "{:?}", said());
        drop(receiver);
    }

    #[tokio::test]
    async fn a_closed_input_refuses() {
        let (sender, receiver) = pipe::pipe().expect("a pipe");
        let (reporter, said) = Reporter::for_tests();
        let (input, writing) = Input::new(InputMode::Lines, sender, Heard::default(), reporter);
        drop(receiver);
        input.write(1, "hello").expect("queued");
        while said().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(said(), ["commands/1/ack refused"]);
        writing.finish().await;
        assert!(input.write(2, "more").is_err());
    }
}
