//! What names the server is a URL.

use std::path::Path;

use crate::support::process::{flightdeck, run, told};

const MISTAKE: &str =
    "\"localhost:7600\" is not the URL of a server; it begins with http:// or https://, as in http://localhost:7600";

fn ends(data_dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = run(flightdeck(data_dir, arguments).envs(variables.iter().copied()));
    (output.status.code(), told(&output).1)
}

#[test]
fn a_url_without_a_scheme_is_a_mistake_that_names_what_gave_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).expect("made");
    let commands: [&[&str]; 5] =
        [&["ps"], &["logs", "abc", "--json"], &["audit", "list"], &["connect", "claude-code"], &["run", "--name", "x"]];
    for command in commands {
        let words = |more: &[&'static str]| {
            let end: &[&str] = if command.contains(&"run") { &["true"] } else { &[] };
            [command, more, end].concat()
        };
        // Of `run`, what comes behind belongs to the command that it runs.
        let mut flightdeck = flightdeck(folder.path(), &[]);
        let program = flightdeck.get_program().to_owned();
        flightdeck = std::process::Command::new(program);
        flightdeck.env_clear().current_dir(folder.path()).env("FLIGHTDECK_DATA_DIR", &data_dir);
        let output = run(flightdeck.args(words(&["--url", "localhost:7600"])));
        let (code, text) = (output.status.code(), told(&output).1.replace("\\\"", "\""));
        assert_eq!(code, Some(2), "{command:?} {text}");
        assert!(text.contains(&format!("--url: {MISTAKE}")), "{command:?} {text}");
    }
    let (code, text) =
        ends(&data_dir, &["ps"], &[("FLIGHTDECK_URL", "localhost:7600"), ("FLIGHTDECK_API_KEY", "fd_x")]);
    assert_eq!((code, text.contains(&format!("FLIGHTDECK_URL: {MISTAKE}"))), (Some(2), true), "{text}");
    std::fs::write(data_dir.join("admin.key"), "fd_x").expect("written");
    std::fs::write(data_dir.join("server.url"), "localhost:7600\n").expect("written");
    let (code, text) = ends(&data_dir, &["ps"], &[]);
    assert_eq!((code, text.contains(&format!("server.url: {MISTAKE}"))), (Some(2), true), "{text}");
}
