//! haproxy, in front of whatever is tested.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::NoServer;
use crate::port::free_address;
use crate::postgres::program;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A load balancer of the test's own; stopped when dropped.
pub struct Balancer {
    child: Child,
    address: SocketAddr,
    // Removed after it is gone.
    folder: TempDir,
}

impl Balancer {
    /// Whether haproxy is installed.
    ///
    /// # Errors
    /// It is not.
    pub fn installed() -> Result<(), NoServer> {
        program("haproxy").map(drop).ok_or_else(|| NoServer("haproxy is not installed".to_owned()))
    }

    /// Starts one with a configuration, and waits until it listens. `bind` names the variable in which the configuration
    /// finds the address to listen on; `variables` are further ones.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(config: &str, bind: &str, variables: &[(&str, String)]) -> Result<Self, NoServer> {
        let haproxy = program("haproxy").ok_or_else(|| NoServer("haproxy is not installed".to_owned()))?;
        let failed = |why: &dyn std::fmt::Display| NoServer(format!("haproxy does not run: {why}"));
        let folder = TempDir::new().map_err(|error| failed(&error))?;
        let (file, log) = (folder.path().join("haproxy.cfg"), folder.path().join("log"));
        std::fs::write(&file, config).map_err(|error| failed(&error))?;
        let output = std::fs::File::create(&log).map_err(|error| failed(&error))?;
        let address = free_address();
        let mut command = Command::new(haproxy);
        command.arg("-db").arg("-f").arg(&file).env(bind, address.to_string());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).spawn();
        let mut balancer = Self { child: child.map_err(|error| failed(&error))?, address, folder };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = balancer.child.try_wait().ok().flatten().is_some();
            if ended || began.elapsed() > PATIENCE {
                return Err(failed(&balancer.told()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(balancer)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has written to its log.
    #[must_use]
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
