//! A server that lives as long as the tests.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::program;
use crate::NoServer;
use crate::port::free_address;

/// How often it is asked whether it is up, and how long it waits in between.
pub(super) const LOOKS: u32 = 200;
pub(super) const BETWEEN: Duration = Duration::from_millis(50);

/// A server in a folder of its own, without any care for the disk.
#[derive(Debug)]
pub(crate) struct ThrowAway {
    server: Child,
    port: u16,
    postgres: PathBuf,
    /// Who it runs as, if not as whoever runs the tests.
    user: Option<&'static str>,
    // Removed after the server is gone.
    folder: TempDir,
}

impl ThrowAway {
    /// Starts one. `answers` says whether a URL leads to a server.
    pub(crate) fn start(answers: &dyn Fn(&str) -> bool) -> Result<Self, NoServer> {
        let not_there = |name: &str| NoServer(format!("{name} is not installed"));
        let initdb = program("initdb").ok_or_else(|| not_there("initdb"))?;
        let postgres = program("postgres").ok_or_else(|| not_there("postgres"))?;
        let folder = tempfile::tempdir().map_err(|error| NoServer(format!("no folder: {error}")))?;
        let user = owner(folder.path())?;
        make(user, &initdb, &folder.path().join("data"), &[])?;
        let port = free_address().port();
        let server = launch(user, &postgres, &folder.path().join("data"), port)?;
        let mut started = Self { server, port, postgres, user, folder };
        started.wait(answers)?;
        Ok(started)
    }

    /// Ends it in the middle of whatever it does, and starts it again.
    pub(crate) fn restart_immediately(&mut self, answers: &dyn Fn(&str) -> bool) -> Result<(), NoServer> {
        self.quit();
        self.server = launch(self.user, &self.postgres, &self.folder.path().join("data"), self.port)?;
        self.wait(answers)
    }

    fn wait(&mut self, answers: &dyn Fn(&str) -> bool) -> Result<(), NoServer> {
        for _ in 0..LOOKS {
            if answers(&self.url()) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.server.try_wait() {
                return Err(NoServer(format!("postgres ended with {status}")));
            }
            std::thread::sleep(BETWEEN);
        }
        Err(NoServer("postgres does not answer".to_owned()))
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn quit(&mut self) {
        quit(&mut self.server);
    }
}

/// QUIT ends it at once, with all of its processes, which a plain kill would not.
pub(super) fn quit(server: &mut Child) {
    let asked = Command::new("kill").arg("-QUIT").arg(server.id().to_string()).status();
    if !asked.is_ok_and(|status| status.success()) {
        let _ = server.kill();
    }
    let _ = server.wait();
}

/// Who servers in a folder run as, if not as whoever runs the tests: PostgreSQL refuses to run as root. The folder is theirs.
pub(super) fn owner(folder: &Path) -> Result<Option<&'static str>, NoServer> {
    let user = if is_root() { Some("postgres") } else { None };
    if let Some(user) = user {
        run(Command::new("chown").arg(user).arg(folder))?;
    }
    Ok(user)
}

/// Makes an empty cluster, into which anybody on this machine is let.
pub(super) fn make(user: Option<&str>, initdb: &Path, data: &Path, more: &[&str]) -> Result<(), NoServer> {
    let mut command = command(user, initdb);
    command.arg("-D").arg(data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]);
    run(command.args(more))
}

/// Starts a server on what lies in a folder, without any care for the disk.
pub(super) fn launch(user: Option<&str>, postgres: &Path, data: &Path, port: u16) -> Result<Child, NoServer> {
    let mut command = command(user, postgres);
    command.arg("-D").arg(data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-F"]);
    command.args(["-c", "max_connections=300"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| NoServer(format!("postgres does not start: {error}")))
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        self.quit();
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A program, run by another user when one is named.
pub(super) fn command(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--clear-groups").arg(program);
    command.current_dir("/");
    command
}

/// Runs a program to its end.
pub(super) fn run(command: &mut Command) -> Result<(), NoServer> {
    let name = command.get_program().display().to_string();
    let failed = |why: String| NoServer(format!("{name}: {why}"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut said = String::new();
    if let Some(mut errors) = child.stderr.take() {
        let _ = errors.read_to_string(&mut said);
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("{status}: {}", said.trim()))),
        Err(error) => Err(failed(error.to_string())),
    }
}
