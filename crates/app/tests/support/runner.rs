//! A runner: the real binary, or the program in another language.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flightdeck_test_servers::NoServer;

use super::patience::until;
use super::process::{flightdeck, run, told};

/// What a runner is started with.
pub(crate) struct Runner {
    name: String,
    server: SocketAddr,
    key: String,
    folder: PathBuf,
    words: Vec<String>,
    /// The program, if it is not the binary.
    script: Option<PathBuf>,
    /// How much goes into its log.
    log: &'static str,
    /// Missing while it is down.
    child: Option<Child>,
}

/// A key of the role `runner`, made on the data folder of a server.
pub(crate) fn key(data_dir: &Path, settings: &[(&str, String)]) -> String {
    let mut command = flightdeck(data_dir, &["keys", "create", "--role", "runner", "--name", "runner", "--quiet"]);
    let output = run(command.envs(settings.iter().cloned()));
    let (key, problem) = told(&output);
    assert!(output.status.success(), "{problem}");
    key.trim().to_owned()
}

/// Whether programs in Python run here.
///
/// # Errors
/// They do not.
pub(crate) fn missing_python() -> Result<(), NoServer> {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if found { Ok(()) } else { Err(NoServer("there is no python3".to_owned())) }
}

impl Runner {
    pub(crate) fn new(name: &str, server: SocketAddr, key: &str, folder: &Path, words: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            server,
            key: key.to_owned(),
            folder: folder.join(name),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            script: None,
            log: "info",
            child: None,
        }
    }

    /// From its next start on it tells everything in its log.
    pub(crate) const fn is_loud(&mut self) {
        self.log = "debug";
    }

    /// The runner in Python.
    pub(crate) fn in_python(name: &str, server: SocketAddr, key: &str, folder: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/runner/runner.py");
        let mut runner = Self::new(name, server, key, folder, &[]);
        runner.script = Some(script);
        runner
    }

    fn command(&self) -> Command {
        let server = format!("http://{}", self.server);
        if let Some(script) = &self.script {
            let mut command = Command::new("python3");
            command.arg(script).args([&server, &self.name]);
            return command;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
        command.args(["runner", "--server", &server, "--name", &self.name]);
        command.arg("--data-dir").arg(self.folder.join("data")).args(&self.words);
        command
    }

    pub(crate) fn start(&mut self) {
        std::fs::create_dir_all(&self.folder).expect("a folder");
        let log = File::options().create(true).append(true).open(self.folder.join("log.txt")).expect("a log");
        let mut command = self.command();
        command.env("FLIGHTDECK_API_KEY", &self.key).env("FLIGHTDECK_LOG", self.log);
        let quiet = log.try_clone().expect("a log");
        let child = command.current_dir(&self.folder).stdin(Stdio::null()).stdout(quiet).stderr(log).spawn();
        self.child = Some(child.expect("started"));
    }

    /// Ends it at once, without a word.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("it is gone");
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(&mut self) -> bool {
        let child = self.child.take().expect("it runs");
        // The shell's own kill: the workspace forbids the unsafe code that a direct call needs.
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
        assert!(sent.expect("a shell").success(), "SIGTERM could not be sent");
        let child = std::cell::RefCell::new(child);
        let ended = until("it ends", || child.borrow_mut().try_wait().expect("looked"));
        ended.success()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log.txt")).unwrap_or_default()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
