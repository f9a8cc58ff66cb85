//! A log that cannot be written stops nothing.

use std::fs::File;
use std::process::Stdio;

use libtest_mimic::Trial;
use serde_json::json;

use crate::plain;
use crate::world::{Unheard, busy, serve, status_of, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        plain("a_log_on_a_full_disk_stops_nothing", on_a_full_disk),
        plain("a_log_that_nobody_reads_any_more_stops_nothing", on_a_closed_pipe),
        plain("a_server_starts_though_nobody_can_hear_it", nowhere_to_speak),
    ]
}

/// A server whose lines cannot be written, and it has many, does all of its work and ends in order.
fn works(server: Unheard) {
    let client = &server.client;
    let agent = busy(client);
    let session = client.register(None);
    for n in 0..20 {
        client.append(&session, &[format!("message {n}")]);
        assert_eq!(client.get("/agents/nothing/status").0, 400);
    }
    assert_eq!(client.get("/health/ready").0, 200);
    let (status, killed) = client.post(&format!("/agents/{agent}/kill?wait=20s"), &json!({}));
    assert_eq!((status, &killed["observed"]), (200, &json!(true)), "{killed}");
    assert_eq!(status_of(client, &agent), "killed");
    let status = server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("a full disk")
}

/// The writing end of a pipe whose reading end is closed.
fn closed() -> Stdio {
    let (reads, writes) = std::io::pipe().expect("a pipe");
    drop(reads);
    writes.into()
}

fn on_a_full_disk() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().join("data");
        let mut command = serve(&data_dir, &["--log-format", format, "--log", "debug"]);
        works(Unheard::start(&data_dir, command.stdout(Stdio::null()).stderr(full())));
    }
}

fn on_a_closed_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let mut command = serve(&data_dir, &["--log", "debug"]);
    works(Unheard::start(&data_dir, command.stdout(Stdio::null()).stderr(closed())));
}

fn nowhere_to_speak() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    works(Unheard::start(&data_dir, serve(&data_dir, &[]).stdout(closed()).stderr(closed())));
    let log = folder.path().join("log");
    let server =
        Unheard::start(&data_dir, serve(&data_dir, &[]).stdout(full()).stderr(File::create(&log).expect("made")));
    until("the log says so", || {
        let text = std::fs::read_to_string(&log).expect("the log");
        text.contains("could not be written to the standard output").then_some(())
    });
    works(server);
}
