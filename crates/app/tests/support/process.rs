//! Starting, stopping and killing the binary.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use super::http::Client;
use super::random::Random;

/// A command of the binary on a data folder, without whatever the caller's environment and folder would add.
pub(crate) fn flightdeck(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command.args(arguments).arg("--data-dir").arg(data_dir).env_clear();
    // A flightdeck.toml in the current folder would be read.
    command.current_dir(data_dir.parent().expect("a data folder inside a temporary folder"));
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the binary runs")
}

/// What a command printed for people and what it printed as errors.
pub(crate) fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A port for a server that is to come back on it. It lies below those that the system gives to outgoing connections:
/// otherwise a client that retries while the server is down could take the port, or even connect to itself.
pub(crate) fn lasting_address() -> SocketAddr {
    let mut random = Random::from_seed(Random::fresh_seed());
    loop {
        let port = u16::try_from(random.within(15_000..32_000)).expect("a port");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    // A closed pipe would make the server's next line an error.
    _stdout: BufReader<ChildStdout>,
    data_dir: PathBuf,
    pub(crate) address: SocketAddr,
    /// What it printed when it was ready.
    pub(crate) banner: String,
}

impl Server {
    /// Starts one on a port that the system chooses, without throttles.
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::start_on(data_dir, "127.0.0.1:0".parse().expect("an address"))
    }

    /// Starts one on a port that the system chooses, without throttles, with further settings.
    pub(crate) fn start_with(data_dir: &Path, settings: &[&str]) -> Self {
        Self::launch(data_dir, "127.0.0.1:0", settings)
    }

    /// Starts one, without throttles, and waits until it says that it listens.
    pub(crate) fn start_on(data_dir: &Path, listen: SocketAddr) -> Self {
        Self::launch(data_dir, &listen.to_string(), &[])
    }

    fn launch(data_dir: &Path, listen: &str, settings: &[&str]) -> Self {
        let arguments = ["--listen", listen, "--throttle-control", "off", "--throttle-tree", "off", "--log", "warn"];
        Self::start_command(data_dir, &mut flightdeck(data_dir, &[&arguments, settings].concat()))
    }

    /// Starts what `flightdeck` made for the same data folder, and waits until it says that it listens.
    pub(crate) fn start_command(data_dir: &Path, command: &mut Command) -> Self {
        Self::try_start_command(data_dir, command).expect("it listens")
    }

    /// # Errors
    /// It ended before it listened; the text says how.
    pub(crate) fn try_start_command(data_dir: &Path, command: &mut Command) -> Result<Self, String> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            let read = stdout.read_line(&mut banner).expect("its output is text");
            if read == 0 {
                return Err(format!("the server ended before it listened: {:?} {banner}", child.wait()));
            }
        }
        let (_, rest) = banner.split_once("listening on http://").expect("it says where it listens");
        let address = rest.split_whitespace().next().and_then(|text| text.parse().ok()).expect("an address");
        Ok(Self { child, _stdout: stdout, data_dir: data_dir.to_owned(), address, banner })
    }

    pub(crate) fn admin_key(&self) -> String {
        let text = std::fs::read_to_string(self.data_dir.join("admin.key")).expect("the first key");
        text.trim().to_owned()
    }

    pub(crate) fn admin(&self) -> Client {
        self.client(&self.admin_key())
    }

    pub(crate) fn client(&self, key: &str) -> Client {
        Client::new(self.address, key)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without any warning, as a crash or the kernel would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Kills it and starts another on the same data and port.
    pub(crate) fn kill_and_restart(&mut self) {
        self.end();
        *self = Self::start_on(&self.data_dir, self.address);
    }

    fn end(&mut self) {
        self.child.kill().expect("it is there to be killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop, and tells how it ended and how long that took.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        // The shell's own kill: the workspace forbids the unsafe code that a direct call needs.
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(sent.expect("a shell").success(), "SIGTERM could not be sent");
        let status = self.child.wait().expect("it ends");
        (status, began.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
