//! What a command reads.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::Mutex;

use super::lines::Preset;

/// How often it is looked whether the command has read what was written.
const LOOK: Duration = Duration::from_millis(200);

/// What comes to a command's standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputMode {
    /// Injected messages, one a line.
    Lines,
    /// Injected messages, as Claude Code reads them with `--input-format stream-json`.
    Claude,
    /// What this command reads itself.
    Own,
    /// Nothing: it is at its end.
    None,
}

impl InputMode {
    /// As it was asked for, or as fits the command.
    pub(super) fn of(asked: Option<&str>, preset: Preset, command: &[String]) -> Self {
        let streams = command
            .windows(2)
            .any(|pair| matches!(pair, [flag, value] if flag == "--input-format" && value == "stream-json"));
        let streams = streams || command.iter().any(|word| word == "--input-format=stream-json");
        match (asked, preset) {
            (Some("own"), _) => Self::Own,
            (Some("none"), _) => Self::None,
            (_, Preset::Claude) if streams => Self::Claude,
            (Some("inject"), _) | (None, Preset::Plain) => Self::Lines,
            // These read a prompt to its end before they begin, or would ask for one.
            (_, Preset::Claude | Preset::Codex) => Self::None,
            (Some(_), Preset::Plain) => Self::Lines,
        }
    }
}

/// The way to a command's standard input.
#[derive(Clone)]
pub(super) struct Input {
    mode: InputMode,
    pipe: Arc<Mutex<Option<pipe::Sender>>>,
}

/// What became of a message that was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It lies in the pipe.
    Yes,
    /// There is no way in.
    No(&'static str),
}

impl Input {
    pub(super) fn new(mode: InputMode, pipe: pipe::Sender) -> Self {
        let pipe = Arc::new(Mutex::new((mode != InputMode::None).then_some(pipe)));
        if mode == InputMode::Own {
            let pipe = Arc::clone(&pipe);
            tokio::spawn(async move {
                // Nobody else writes in this mode.
                if let Some(mut pipe) = pipe.lock().await.take() {
                    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut pipe).await;
                }
            });
        }
        Self { mode, pipe }
    }

    /// Writes a message, in the form that the command reads.
    pub(super) async fn write(&self, text: &str) -> Written {
        let line = match self.mode {
            InputMode::Lines => format!("{}\n", text.replace('\n', " ")),
            InputMode::Claude => {
                let content = json!([{"type": "text", "text": text}]);
                format!("{}\n", json!({"type": "user", "message": {"role": "user", "content": content}}))
            }
            InputMode::Own => return Written::No("its standard input is that of flightdeck run (--input own)"),
            InputMode::None => return Written::No("it reads no messages (--input inject lets it)"),
        };
        let mut pipe = self.pipe.lock().await;
        let Some(open) = pipe.as_mut() else { return Written::No("it has closed its standard input") };
        if open.write_all(line.as_bytes()).await.is_err() {
            *pipe = None;
            return Written::No("it has closed its standard input");
        }
        Written::Yes
    }

    /// Waits until the command has read all that was written. `false` when it has closed its standard input instead.
    pub(super) async fn is_read(&self) -> bool {
        loop {
            {
                let pipe = self.pipe.lock().await;
                match pipe.as_ref().map(rustix::io::ioctl_fionread) {
                    Some(Ok(0)) => return true,
                    Some(Ok(_)) => {}
                    _ => return false,
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: Option<&str>, preset: Preset, command: &str) -> InputMode {
        let words: Vec<String> = command.split(' ').map(ToOwned::to_owned).collect();
        InputMode::of(asked, preset, &words)
    }

    #[test]
    fn it_fits_the_command() {
        assert_eq!(of(None, Preset::Plain, "python agent.py"), InputMode::Lines);
        assert_eq!(of(None, Preset::Claude, "claude -p hello --output-format stream-json"), InputMode::None);
        assert_eq!(of(None, Preset::Claude, "claude -p --input-format stream-json"), InputMode::Claude);
        assert_eq!(of(Some("inject"), Preset::Claude, "claude -p --input-format=stream-json"), InputMode::Claude);
        assert_eq!(of(None, Preset::Codex, "codex exec --json hello"), InputMode::None);
        assert_eq!(of(Some("own"), Preset::Codex, "codex exec --json -"), InputMode::Own);
    }

    #[tokio::test]
    async fn what_is_written_is_not_read_until_it_is() {
        let (sender, receiver) = pipe::pipe().expect("a pipe");
        let input = Input::new(InputMode::Lines, sender);
        assert_eq!(input.write("two\nlines").await, Written::Yes);
        let waiting = {
            let input = input.clone();
            tokio::spawn(async move { input.is_read().await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut line = String::new();
        let mut reader = tokio::io::BufReader::new(receiver);
        tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line).await.expect("read");
        assert_eq!(line, "two lines\n");
        assert!(waiting.await.expect("no panic"));
        drop(reader);
        assert!(matches!(input.write("more").await, Written::No(_)));
    }
}
