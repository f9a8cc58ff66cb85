//! Spans of requests whose receiver takes none: the log says how many were lost.

use std::fs::File;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::process::{Server, flightdeck};

#[test]
fn spans_that_are_on_their_way_when_the_server_ends_are_counted_as_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, log) = (folder.path().join("data"), folder.path().join("log"));
    let receiver = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", receiver.local_addr().expect("an address"));
    let mut command = flightdeck(&data_dir, &["--listen", "127.0.0.1:0", "--otlp-url", &url, "--log", "warn"]);
    let server = Server::start_command(&data_dir, command.stderr(File::create(&log).expect("a file")));
    let admin = server.admin();
    for _ in 0..5 {
        assert_eq!(admin.get("/agents").0, 200);
    }
    // It takes the connection, and never answers.
    let (held, _) = receiver.accept().expect("a connection");
    for _ in 0..3 {
        assert_eq!(admin.get("/agents").0, 200);
    }
    let (status, took) = server.terminate();
    assert!(status.success(), "{status}");
    // The receiver would be waited for ten seconds.
    assert!(took < Duration::from_secs(8), "{took:?}");
    drop(held);
    let log = std::fs::read_to_string(log).expect("a log");
    let lost = log.split("spans=").skip(1).filter_map(|rest| rest.split_whitespace().next());
    assert_eq!(lost.filter_map(|number| number.parse::<u64>().ok()).sum::<u64>(), 8, "{log}");
}
