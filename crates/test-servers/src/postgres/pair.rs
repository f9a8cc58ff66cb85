//! A primary and its synchronous standby, for failovers.

use std::path::{Path, PathBuf};
use std::process::Child;

use tempfile::TempDir;

use super::throw_away::{BETWEEN, LOOKS, command, launch, make, owner, quit, run};
use super::{client, execute, program, runtime};
use crate::NoServer;
use crate::port::free_address;

/// Two servers of the test's own with the same data. The primary acknowledges no commit before the standby has it. Both are
/// removed when this is dropped. Every call blocks, and must not be made inside of a runtime.
#[derive(Debug)]
pub struct Pair {
    primary: Node,
    standby: Node,
    url: String,
    programs: Programs,
    user: Option<&'static str>,
    // Removed after the servers are gone.
    _folder: TempDir,
}

#[derive(Debug)]
struct Node {
    port: u16,
    data: PathBuf,
    /// Missing while it is down.
    child: Option<Child>,
}

#[derive(Debug)]
struct Programs {
    postgres: PathBuf,
    control: PathBuf,
    backup: PathBuf,
}

impl Pair {
    /// Starts both, and waits until the standby follows.
    ///
    /// # Errors
    /// They cannot be started.
    pub fn start() -> Result<Self, NoServer> {
        let find = |name: &str| program(name).ok_or_else(|| NoServer(format!("{name} is not installed")));
        let initdb = find("initdb")?;
        let programs =
            Programs { postgres: find("postgres")?, control: find("pg_ctl")?, backup: find("pg_basebackup")? };
        let folder = tempfile::tempdir().map_err(|error| NoServer(format!("no folder: {error}")))?;
        let user = owner(folder.path())?;
        let node = |name: &str| Node { port: free_address().port(), data: folder.path().join(name), child: None };
        let (primary, standby) = (node("a"), node("b"));
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port, standby.port);
        let url = format!("postgres://postgres@{hosts}/postgres?target_session_attrs=read-write");
        make(user, &initdb, &primary.data, &["--wal-segsize=4"])?;
        let settings =
            "synchronous_standby_names = '*'\nsynchronous_commit = on\nwal_retrieve_retry_interval = 200ms\n";
        let file = primary.data.join("postgresql.auto.conf");
        let written = std::fs::read_to_string(&file).and_then(|old| std::fs::write(&file, format!("{old}{settings}")));
        written.map_err(|error| NoServer(format!("{}: {error}", file.display())))?;
        let mut pair = Self { primary, standby, url, programs, user, _folder: folder };
        pair.primary.launch(pair.user, &pair.programs.postgres)?;
        pair.primary.answers("SELECT 1")?;
        pair.rebuild()?;
        Ok(pair)
    }

    /// The URL of both, for a superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the one that is the primary now.
    #[must_use]
    pub fn primary(&self) -> String {
        self.primary.url()
    }

    /// The URL of the other one.
    #[must_use]
    pub fn standby(&self) -> String {
        self.standby.url()
    }

    /// Runs statements on the primary, each by itself.
    ///
    /// # Errors
    /// It does not run one.
    pub fn on_primary(&self, sql: &str) -> Result<(), NoServer> {
        runtime()?.block_on(execute(&self.primary(), sql))
    }

    /// The same on the standby.
    ///
    /// # Errors
    /// It does not run one.
    pub fn on_standby(&self, sql: &str) -> Result<(), NoServer> {
        runtime()?.block_on(execute(&self.standby(), sql))
    }

    /// Ends the primary with SIGKILL.
    pub fn kill_primary(&mut self) {
        if let Some(mut child) = self.primary.child.take() {
            // Both fail when it has ended already, which is as well. Its own processes end when they see that it has.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the standby with SIGKILL. The primary acknowledges nothing until it has one, or does without.
    pub fn kill_standby(&mut self) {
        if let Some(mut child) = self.standby.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Makes the standby the primary. It acknowledges nothing until [`Pair::rebuild`] gives it a standby.
    ///
    /// # Errors
    /// It does not become one.
    pub fn promote(&mut self) -> Result<(), NoServer> {
        let mut promote = command(self.user, &self.programs.control);
        run(promote.arg("promote").arg("-D").arg(&self.standby.data).args(["-w", "-t", "60"]))?;
        std::mem::swap(&mut self.primary, &mut self.standby);
        self.primary.answers("SELECT 1 WHERE NOT pg_is_in_recovery()")
    }

    /// Makes the server that is down the synchronous standby of the primary, from a copy of the primary, and waits until it
    /// follows.
    ///
    /// # Errors
    /// It does not follow.
    pub fn rebuild(&mut self) -> Result<(), NoServer> {
        let data = &self.standby.data;
        if data.exists() {
            std::fs::remove_dir_all(data).map_err(|error| NoServer(format!("{}: {error}", data.display())))?;
        }
        let mut copy = command(self.user, &self.programs.backup);
        // With a slot, the copy itself would count as a synchronous standby.
        copy.args(["--no-sync", "--no-slot", "-X", "stream", "-c", "fast", "-R", "-d", &self.primary.url()]);
        run(copy.arg("-D").arg(data))?;
        self.standby.launch(self.user, &self.programs.postgres)?;
        self.primary.answers("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'")?;
        self.standby.answers("SELECT 1")
    }
}

impl Node {
    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn launch(&mut self, user: Option<&str>, postgres: &Path) -> Result<(), NoServer> {
        self.child = Some(launch(user, postgres, &self.data, self.port)?);
        Ok(())
    }

    /// Waits until it answers a question with a row.
    fn answers(&self, question: &str) -> Result<(), NoServer> {
        let (runtime, url) = (runtime()?, self.url());
        for _ in 0..LOOKS {
            let answered = runtime.block_on(async {
                let client = client(&url).await.ok()?;
                client.query_opt(question, &[]).await.ok()?
            });
            if answered.is_some() {
                return Ok(());
            }
            std::thread::sleep(BETWEEN);
        }
        Err(NoServer(format!("{url} does not answer {question:?}")))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        [&mut self.standby, &mut self.primary].into_iter().filter_map(|node| node.child.as_mut()).for_each(quit);
    }
}
