//! Valkey, or Redis from 6 on, which speaks the same.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::NoServer;
use crate::port::free_address;

/// Where a server is expected when nothing is said.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 6379);
/// How long a server may take to answer, be it started or not.
const PATIENCE: Duration = Duration::from_secs(10);
/// What can be started, the first that is there.
const PROGRAMS: &[&str] = &["valkey-server", "redis-server"];

/// The server that the tests of one program share. Looked for when the first test asks; one that had to be started for
/// that is stopped when this is dropped.
#[derive(Default)]
pub struct Shared(OnceLock<Result<Found, NoServer>>);

enum Found {
    There(String),
    Started(Private),
}

impl Shared {
    /// The URL of the server: `FLIGHTDECK_TEST_VALKEY_URL`, which is taken as it is; else `127.0.0.1:6379` where something
    /// answers there; else one that is started.
    ///
    /// Others may use the same server at the same time: a test has to choose names of its own.
    ///
    /// # Errors
    /// There is none, and none can be started.
    pub fn url(&self) -> Result<String, NoServer> {
        match self.0.get_or_init(Found::look) {
            Ok(Found::There(url)) => Ok(url.clone()),
            Ok(Found::Started(server)) => Ok(server.url()),
            Err(missing) => Err(missing.clone()),
        }
    }
}

impl Found {
    fn look() -> Result<Self, NoServer> {
        if let Ok(url) = std::env::var("FLIGHTDECK_TEST_VALKEY_URL") {
            return Ok(Self::There(url));
        }
        if answers(USUAL) {
            return Ok(Self::There(format!("redis://{USUAL}")));
        }
        Private::start().map(Self::Started)
    }
}

/// A server of the test's own, without any data, which it may stop, freeze and start again. Stopped when dropped.
pub struct Private {
    program: PathBuf,
    address: SocketAddr,
    folder: TempDir,
    /// Missing while it is stopped.
    child: Option<Child>,
}

impl Private {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    /// None can be started.
    pub fn start() -> Result<Self, NoServer> {
        let program = PROGRAMS
            .iter()
            .find_map(|program| installed(program))
            .ok_or_else(|| NoServer("neither valkey-server nor redis-server is installed".to_owned()))?;
        let folder = TempDir::new().map_err(|error| failed(&program, &error))?;
        let mut server = Self { program, address: free_address(), folder, child: None };
        server.start_again()?;
        Ok(server)
    }

    /// Where it is, or would be.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Starts it on the port that it had, empty. Changes nothing while it runs.
    ///
    /// # Errors
    /// It does not start, or does not answer within 10 s.
    pub fn start_again(&mut self) -> Result<(), NoServer> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = self.folder.path().join("log");
        let output = File::create(&log).map_err(|error| failed(&self.program, &error))?;
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
        command.args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()]);
        // Nothing is kept.
        command.args(["--save", "", "--appendonly", "no"]);
        let mut child = command.spawn().map_err(|error| failed(&self.program, &error))?;
        let began = Instant::now();
        while !answers(self.address) {
            let ended = child.try_wait().ok().flatten().is_some();
            if ended || began.elapsed() > PATIENCE {
                end(&mut child);
                let told = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(failed(&self.program, &format!("no answer on {}: {told}", self.address)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
        Ok(())
    }

    /// Ends it without any warning.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }

    /// Makes it do nothing at all while it keeps its connections, until it is thawed.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        if let Some(child) = &self.child {
            // The shell's own kill: the workspace forbids the unsafe code that a direct call needs. A signal that does not
            // arrive fails the test that waits for what it does.
            let _ = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.stop();
    }
}

fn end(child: &mut Child) {
    // Both fail when it has ended already, which is as well.
    let _ = child.kill();
    let _ = child.wait();
}

fn failed(program: &Path, reason: &dyn std::fmt::Display) -> NoServer {
    NoServer(format!("{} does not run: {reason}", program.display()))
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether a server answers there, and lets anybody in.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    ask().is_ok_and(|line| line.trim_end() == "+PONG")
}
