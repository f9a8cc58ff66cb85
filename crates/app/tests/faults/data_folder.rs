//! A data folder that others may write in, or that goes away.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use libtest_mimic::Trial;

use crate::plain;
use crate::support::process::{run, told};
use crate::world::{PATIENCE, Unheard, serve};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        plain("a_folder_that_everybody_may_write_in_is_refused_with_the_fix", open_to_all),
        plain("a_folder_that_is_deleted_ends_the_server", deleted),
        plain("a_folder_that_is_moved_away_ends_the_server", moved),
        plain("a_database_that_is_replaced_ends_the_server", replaced),
    ]
}

fn open_to_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    fs::create_dir(&data_dir).expect("made");
    for mode in [0o777, 0o702, 0o1777] {
        fs::set_permissions(&data_dir, Permissions::from_mode(mode)).expect("set");
        let output = run(&mut serve(&data_dir, &[]));
        let (_, errors) = told(&output);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(&format!("chmod 700 {}", data_dir.display())), "{errors}");
        assert_eq!(fs::read_dir(&data_dir).expect("read").count(), 0, "nothing was made in it");
    }
    fs::set_permissions(&data_dir, Permissions::from_mode(0o775)).expect("set");
    let log = folder.path().join("log");
    let server = Unheard::start(
        &data_dir,
        serve(&data_dir, &[]).stdout(Stdio::null()).stderr(File::create(&log).expect("made")),
    );
    assert_eq!(server.terminate().code(), Some(0));
    assert!(fs::read_to_string(&log).expect("the log").contains("the group of the data folder may write in it"));
}

/// Starts a server, has something happen to its folder, and sees it end with an error that says what.
fn ends(happens: impl Fn(&Path), word: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let log = folder.path().join("log");
    let mut server = Unheard::start(
        &data_dir,
        serve(&data_dir, &[]).stdout(Stdio::null()).stderr(File::create(&log).expect("made")),
    );
    let session = server.client.register(None);
    server.client.append(&session, &["before".to_owned()]);
    happens(&data_dir);
    let began = std::time::Instant::now();
    let status = loop {
        if let Some(status) = server.ended() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let text = fs::read_to_string(&log).expect("the log");
    assert_eq!(status.code(), Some(1), "{text}");
    let told = format!("{word} while the server ran");
    assert!(text.lines().any(|line| line.contains("ERROR") && line.contains(&told)), "{text}");
}

fn deleted() {
    ends(|data_dir| fs::remove_dir_all(data_dir).expect("removed"), "was deleted");
    for file in ["flightdeck.db", "flightdeck.db-wal"] {
        ends(|data_dir| fs::remove_file(data_dir.join(file)).expect("removed"), "was deleted");
    }
}

fn moved() {
    ends(|data_dir| fs::rename(data_dir, data_dir.with_extension("old")).expect("moved"), "was deleted");
    let another = |data_dir: &Path| {
        fs::rename(data_dir, data_dir.with_extension("old")).expect("moved");
        fs::create_dir(data_dir).expect("made");
    };
    ends(another, "was replaced");
}

fn replaced() {
    let restored = |data_dir: &Path| {
        let (backup, database) = (data_dir.join("backup"), data_dir.join("flightdeck.db"));
        fs::copy(&database, &backup).expect("copied");
        fs::rename(&backup, &database).expect("moved");
    };
    ends(restored, "was replaced");
}
