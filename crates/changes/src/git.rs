//! The program `git`, bounded in time and in bytes.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

/// Where git is looked for when nothing says where.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// So much of what git says on its standard error is kept, in bytes.
const SAID: u64 = 2_000;

/// Why git did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// There is no such program.
    #[error("the program git is not installed at the server, or is not in its PATH")]
    Missing,
    /// It cannot be started, or talked to.
    #[error("git cannot be run: {0}")]
    Broken(#[from] io::Error),
    /// It did not end in time.
    #[error("git took too long")]
    Late,
    /// It refused.
    #[error("git {command} failed: {said}")]
    Failed {
        /// What it was asked to do.
        command: String,
        /// What it said.
        said: String,
    },
}

/// What git answered.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more.
    pub(crate) is_cut: bool,
}

/// How git is run: with which repository, on which folder, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    directory: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    until: Instant,
}

impl Git {
    /// With this repository, whose configuration is obeyed, and a folder to stand in.
    pub(crate) fn new(repository: &Path, directory: &Path, until: Instant) -> Self {
        let variables = vec![("GIT_DIR", repository.as_os_str().to_owned())];
        Self { directory: directory.to_owned(), variables, until }
    }

    /// With the repository that git finds for a folder. Only for questions that run nothing.
    pub(crate) fn asking(directory: &Path, until: Instant) -> Self {
        Self { directory: directory.to_owned(), variables: Vec::new(), until }
    }

    /// With one more variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Runs it, and gives at most `most` bytes of its answer. It is ended when it says more.
    pub(crate) fn run(&self, arguments: &[&OsStr], input: &[u8], most: usize) -> Result<Output, GitError> {
        let mut git = Command::new("git");
        git.env_clear()
            .env("PATH", absolute(std::env::var_os("PATH")))
            .env("LC_ALL", "C")
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_PAGER", "cat")
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .args(["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            // A repository is asked whoever it belongs to: the agent may be another user's.
            .args(["-c", "safe.directory=*", "-c", "gc.auto=0", "-c", "core.untrackedCache=false"])
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = git.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if self.directory.is_dir() => GitError::Missing,
            _ => GitError::Broken(error),
        })?;
        let (output, ended) = self.talk(child, input, most)?;
        let command = arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match ended {
            Ok(()) => Ok(output),
            Err(_said) if output.is_cut => Ok(output),
            Err(said) => Err(GitError::Failed { command, said }),
        }
    }

    /// Writes and reads until git ends. The inner result is what it said when it failed.
    fn talk(&self, mut child: Child, input: &[u8], most: usize) -> Result<(Output, Result<(), String>), GitError> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut stdin = child.stdin.take().ok_or_else(gone)?;
        let mut stdout = child.stdout.take().ok_or_else(gone)?;
        let mut stderr = child.stderr.take().ok_or_else(gone)?;
        std::thread::scope(|scope| {
            // What git no longer wants to read it need not be given.
            scope.spawn(move || drop(stdin.write_all(input)));
            let said = scope.spawn(move || {
                let mut said = Vec::new();
                let _ = (&mut stderr).take(SAID).read_to_end(&mut said);
                let _ = io::copy(&mut stderr, &mut io::sink());
                String::from_utf8_lossy(&said).trim().to_owned()
            });
            let (sender, answer) = channel();
            scope.spawn(move || {
                let mut bytes = Vec::new();
                let limit = u64::try_from(most).unwrap_or(u64::MAX);
                let read = (&mut stdout).take(limit).read_to_end(&mut bytes);
                let more = stdout.read(&mut [0]).is_ok_and(|count| count > 0);
                let _ = sender.send(read.map(|_| Output { bytes, is_cut: more }));
            });
            let left = self.until.saturating_duration_since(Instant::now());
            let answered = answer.recv_timeout(left);
            let is_whole = matches!(&answered, Ok(Ok(output)) if !output.is_cut);
            if !is_whole {
                // Its pipes close, so those who read them end too.
                let _ = child.kill();
            }
            let status = child.wait()?;
            let said = said.join().unwrap_or_default();
            let output = match answered {
                Ok(output) => output?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(GitError::Late),
            };
            Ok((output, if status.success() { Ok(()) } else { Err(said) }))
        })
    }

    /// The same, where the answer has to be whole.
    pub(crate) fn whole(&self, arguments: &[&OsStr], input: &[u8], most: usize) -> Result<Vec<u8>, GitError> {
        let output = self.run(arguments, input, most)?;
        if output.is_cut {
            let command = arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return Err(GitError::Failed { command, said: format!("it answered with more than {most} bytes") });
        }
        Ok(output.bytes)
    }

    /// The same, where the answer is one line.
    pub(crate) fn line(&self, arguments: &[&OsStr], input: &[u8]) -> Result<String, GitError> {
        let bytes = self.whole(arguments, input, 64 << 10)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }
}

/// The folders in which git is looked for. It is started in a folder of the agent, so a folder that is named from there would
/// be the agent's.
fn absolute(path: Option<OsString>) -> OsString {
    let given = path.unwrap_or_default();
    let folders = std::env::split_paths(&given).filter(|folder| folder.is_absolute());
    let joined = std::env::join_paths(folders).unwrap_or_default();
    if joined.is_empty() { OsString::from(USUAL) } else { joined }
}

/// Words as arguments.
pub(crate) fn words<const N: usize>(words: [&str; N]) -> [&OsStr; N] {
    words.map(OsStr::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_is_not_looked_for_in_the_folder_of_an_agent() {
        let of = |path: &str| absolute(Some(path.into()));
        assert_eq!(of("/opt/bin:.:bin::/bin"), "/opt/bin:/bin");
        assert_eq!((of(""), of(":."), absolute(None)), (USUAL.into(), USUAL.into(), USUAL.into()));
    }
}
