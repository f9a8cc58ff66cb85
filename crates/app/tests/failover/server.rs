//! One server of the real binary on a database of two hosts.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::http::Client;
use crate::support::process::{Server, flightdeck, lasting_address, run, told};

pub(crate) struct Deployment {
    database: String,
    listen: String,
    folder: TempDir,
    /// Missing only while it is started again.
    server: Option<Server>,
}

impl Deployment {
    pub(crate) fn start(database: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = lasting_address().to_string();
        let mut deployment = Self { database: database.to_owned(), listen, folder, server: None };
        deployment.server = Some(deployment.launch());
        deployment
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = flightdeck(&self.data_dir(), arguments);
        command.env("FLIGHTDECK_DATABASE_URL", &self.database);
        command
    }

    fn launch(&self) -> Server {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let throttles = ["--throttle-control", "off", "--throttle-tree", "off"];
        let mut command = self.command(&[&["--listen", &self.listen, "--log", "warn"], &throttles[..]].concat());
        Server::start_command(&self.data_dir(), command.stderr(log))
    }

    /// Stops it in order, which proves that it still ran, and starts it again.
    pub(crate) fn restart(&mut self) {
        let (status, _) = self.server.take().expect("it is up").terminate();
        assert!(status.success(), "{status}: {}", self.log());
        self.server = Some(self.launch());
    }

    pub(crate) fn client(&self) -> Client {
        self.server.as_ref().expect("it is up").admin()
    }

    /// The name of the history, as the store has it.
    pub(crate) fn epoch(&self) -> String {
        let (output, errors) = told(&run(&mut self.command(&["epoch"])));
        assert!(!output.trim().is_empty(), "{errors}");
        output
    }

    /// Nothing that it wrote to its log may come from a panic.
    pub(crate) fn has_not_panicked(&self) {
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("a text")
    }
}
