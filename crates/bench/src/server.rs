//! The server that is measured: one that runs already, or one that is started for the run and stopped after it.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::error::{BenchError, Outcome};
use crate::http::Site;

/// Where servers come from.
#[derive(Clone, Debug)]
pub(crate) enum Launcher {
    /// One that somebody else started. Every run uses it.
    Running {
        site: Site,
        /// Its process, when it is on this machine and its cost is wanted.
        pid: Option<u32>,
    },
    /// The binary behind another program that watches it, started by us.
    Wrapped {
        /// The program, its arguments, and the binary at the end.
        wrapper: Vec<String>,
        folder: PathBuf,
        settings: Vec<String>,
    },
    /// The binary, started by us.
    Binary {
        path: PathBuf,
        /// Where data folders are made. It must lie on the disk that matters.
        folder: PathBuf,
        /// Further settings, as flags.
        settings: Vec<String>,
    },
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) site: Site,
    /// Its process, when it is known.
    pub(crate) pid: Option<u32>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    // A closed pipe would make the server's next line an error.
    stdout: BufReader<ChildStdout>,
    _data: Option<TempDir>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or nobody needs what it holds any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a URL such as `http://127.0.0.1:7600`.
pub(crate) fn address_of(url: &str) -> Outcome<SocketAddr> {
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let resolved = host.and_then(|host| host.to_socket_addrs().ok()?.next());
    resolved.ok_or_else(|| BenchError::Usage(format!("--url: {url:?} is not an address such as http://127.0.0.1:7600")))
}

impl Launcher {
    /// Where data folders are made.
    ///
    /// # Errors
    /// The server was not started by us, so its data is not ours to touch.
    pub(crate) fn folder(&self) -> Outcome<&Path> {
        match self {
            Self::Binary { folder, .. } | Self::Wrapped { folder, .. } => Ok(folder),
            Self::Running { .. } => Err(needs_binary()),
        }
    }

    /// A server on a data folder of its own, which goes with it.
    pub(crate) fn start(&self) -> Outcome<Server> {
        match self {
            Self::Running { site, pid } => Ok(Server { site: site.clone(), pid: *pid, running: None }),
            Self::Binary { folder, .. } | Self::Wrapped { folder, .. } => {
                let data = data_folder(folder)?;
                let path = data.path().join("data");
                self.launch(&path, Some(data))
            }
        }
    }

    /// A server on a data folder that outlives it.
    pub(crate) fn start_on(&self, data: &Path) -> Outcome<Server> {
        self.launch(data, None)
    }

    fn launch(&self, data: &Path, owned: Option<TempDir>) -> Outcome<Server> {
        let (path, before, settings) = match self {
            Self::Binary { path, settings, .. } => (path.clone(), &[][..], settings),
            Self::Wrapped { wrapper, settings, .. } => {
                let (first, rest) = wrapper.split_first().ok_or_else(needs_binary)?;
                (PathBuf::from(first), rest, settings)
            }
            Self::Running { .. } => return Err(needs_binary()),
        };
        let mut child = command(&path, before, data)
            .args(["--listen", "127.0.0.1:0", "--log", "warn"])
            // Neither may bound what is measured, nor may a quiet run lose its sessions.
            .args(["--throttle-control", "off", "--throttle-tree", "off", "--lease", "off"])
            .args(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::system(format!("cannot start {}", path.display())))?;
        let pid = child.id();
        let stdout = child.stdout.take().ok_or_else(|| BenchError::Protocol("the server has no output".to_owned()))?;
        let mut running = Running { child, stdout: BufReader::new(stdout), _data: owned };
        let address = listening(&mut running.stdout)?;
        let key = key(&path, data, settings)?;
        Ok(Server { site: Site::new(address, &key), pid: Some(pid), running: Some(running) })
    }
}

fn needs_binary() -> BenchError {
    BenchError::Usage("this needs --binary: it starts and stops servers".to_owned())
}

/// Where a program is installed: on the path, or where the system keeps its servers.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A fresh temporary folder for a server's data.
pub(crate) fn data_folder(folder: &Path) -> Outcome<TempDir> {
    let made = tempfile::Builder::new().prefix("flightdeck-bench-").tempdir_in(folder);
    made.map_err(BenchError::system(format!("cannot make a folder in {}", folder.display())))
}

/// The binary (behind the arguments of what wraps it) on a data folder, without what the caller's environment and folder would add.
fn command(program: &Path, before: &[String], data: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().args(before).arg("--data-dir").arg(data);
    if let Some(parent) = data.parent() {
        // A flightdeck.toml in the current folder would be read.
        command.current_dir(parent);
    }
    command
}

/// Waits until it says where it listens.
fn listening(stdout: &mut impl BufRead) -> Outcome<SocketAddr> {
    let mut line = String::new();
    loop {
        line.clear();
        let read = stdout.read_line(&mut line).map_err(BenchError::system("cannot read the server's output"))?;
        if read == 0 {
            return Err(BenchError::Protocol("the server ended before it listened; see above why".to_owned()));
        }
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let address = rest.split_whitespace().next().and_then(|text| text.parse().ok());
            return address.ok_or_else(|| BenchError::Protocol(format!("it listens on no address: {line:?}")));
        }
    }
}

/// The first key of an empty store; a new one when the store has keys already.
fn key(binary: &Path, data: &Path, settings: &[String]) -> Outcome<String> {
    if let Ok(text) = std::fs::read_to_string(data.join("admin.key")) {
        return Ok(text.trim().to_owned());
    }
    let mut create = Command::new(binary);
    create.env_clear().args(["keys", "create", "--role", "admin", "--quiet", "--data-dir"]).arg(data).args(settings);
    let output = create.output().map_err(BenchError::system("cannot make a key"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !text.is_empty() {
        return Ok(text);
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BenchError::Usage(format!("the server has no admin.key and makes no key: {why}")))
}

impl Server {
    /// Asks the server to end and waits for it. One that was not started by us goes on.
    ///
    /// # Errors
    /// It ended with a fault.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        let pid = i32::try_from(running.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|error| BenchError::System {
                what: "cannot stop the server".to_owned(),
                source: error.into(),
            })?;
        }
        let status = running.child.wait().map_err(BenchError::system("cannot wait for the server"))?;
        if status.success() { Ok(()) } else { Err(BenchError::Protocol(format!("the server ended with {status}"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_listens_is_read_from_what_it_says() {
        let mut said: &[u8] =
            b"see http://127.0.0.1:9\nFlightdeck 0.1.0 is listening on http://127.0.0.1:4567\n  data  x\n";
        assert_eq!(listening(&mut said).expect("an address").port(), 4_567);
        let mut nothing: &[u8] = b"hello\n";
        assert!(listening(&mut nothing).is_err());
    }

    #[test]
    fn a_url_names_an_address() {
        assert_eq!(address_of("http://127.0.0.1:7600/").expect("good").port(), 7_600);
        for wrong in ["127.0.0.1:7600", "https://127.0.0.1:7600", "http://", "http://127.0.0.1"] {
            assert!(address_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_binary_that_is_not_there_is_named() {
        let launcher = Launcher::Binary {
            path: PathBuf::from("/nowhere/flightdeck"),
            folder: std::env::temp_dir(),
            settings: Vec::new(),
        };
        let error = launcher.start().expect_err("not there").to_string();
        assert_eq!(error, "cannot start /nowhere/flightdeck");
    }
}
