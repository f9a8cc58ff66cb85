//! States of real folders, kept and compared with the real git.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use flightdeck_changes::Limits;
use flightdeck_domain::changes::{FileKind, FileStatus, Moment, Stretch};
use flightdeck_domain::ports::{Changes, ChangesError};

use self::support::{Stage, lines, told};

#[tokio::test]
async fn what_was_dirty_before_is_not_the_agents() {
    let stage = Stage::new();
    stage.commit(&[("kept", "1\n"), ("dirty", "1\n2\n"), ("gone", "x\n")]);
    stage.write("dirty", "1\ntwo\n");
    stage.write("untracked", "mine\n");
    std::fs::remove_file(stage.top.join("gone")).expect("removed");
    stage.write("staged", "x\n");
    stage.git(&["add", "staged"]);
    stage.begin().await;
    assert_eq!(told(&stage.all().await), Vec::<String>::new());

    stage.write("dirty", "1\ntwo\nthree\n");
    stage.write("untracked", "mine\nyours\n");
    stage.write("new", "a\nb\n");
    let list = stage.all().await;
    let expected = ["modified dirty +1 -0", "added new +2 -0", "modified untracked +1 -0"];
    assert_eq!(told(&list), expected);
    assert_eq!((list.found.total, list.found.added, list.found.removed, list.is_now), (3, 4, 0, true));
    assert_eq!(list.kept.commit.as_deref(), Some(stage.git(&["rev-parse", "HEAD"]).as_str()));
    assert_eq!(list.kept.branch.as_deref(), Some("main"));
    let diff = stage.file(Stretch::Whole, "dirty").await;
    assert_eq!(lines(&diff), [" 1.1 1", " 2.2 two", "+_.3 three"]);
}

#[tokio::test]
async fn a_commit_of_the_agent_hides_nothing() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    stage.commit(&[("a", "2\n"), ("b", "1\n")]);
    stage.git(&["checkout", "-q", "-b", "other"]);
    assert_eq!(told(&stage.all().await), ["modified a +1 -1", "added b +1 -0"]);
}

#[tokio::test]
async fn each_turn_has_its_own_changes() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    stage.keep(Moment::TurnBegins).await;
    stage.write("a", "2\n");
    let now = stage.list(Stretch::Turn(1)).await.expect("it goes on");
    assert!(now.is_now && now.kept.turns[0].ended_at.is_none());
    stage.keep(Moment::TurnEnds).await;
    // Between the turns a person changes something.
    stage.write("person", "x\n");
    stage.keep(Moment::TurnBegins).await;
    stage.write("b", "1\n");
    stage.keep(Moment::TurnEnds).await;
    stage.keep(Moment::End).await;
    stage.write("later", "x\n");
    let of = async |stretch| told(&stage.list(stretch).await.expect("kept"));
    assert_eq!(of(Stretch::Turn(1)).await, ["modified a +1 -1"]);
    assert_eq!(of(Stretch::Turn(2)).await, ["added b +1 -0"]);
    assert_eq!(of(Stretch::Whole).await, ["modified a +1 -1", "added b +1 -0", "added person +1 -0"]);
    let none = stage.list(Stretch::Turn(3)).await.expect_err("there were two");
    assert!(matches!(none, ChangesError::UnknownTurn { turn: 3, turns: 2 }), "{none}");
    let whole = stage.all().await;
    assert!(!whole.is_now && whole.kept.turns.iter().all(|turn| turn.ended_at.is_some()));
}

#[tokio::test]
async fn nothing_of_the_repository_is_changed() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    stage.write("a", "2\n");
    stage.write("b", "1\n");
    stage.git(&["add", "b"]);
    stage.write("b", "2\n");
    let before = stage.fingerprint();
    stage.begin().await;
    stage.write("a", "3\n");
    stage.keep(Moment::TurnBegins).await;
    stage.write("a", "2\n");
    stage.keep(Moment::TurnEnds).await;
    assert_eq!(told(&stage.all().await), Vec::<String>::new());
    assert_eq!(stage.fingerprint(), before);
}

#[tokio::test]
async fn what_is_kept_outlives_the_repository_and_its_objects() {
    let stage = Stage::new();
    stage.commit(&[("dir/a", "1\n2\n3\n"), ("dir/b", "x\n"), ("c", "c\n")]);
    stage.begin().await;
    stage.keep(Moment::TurnBegins).await;
    stage.write("dir/a", "1\ntwo\n3\n");
    std::fs::remove_file(stage.top.join("c")).expect("removed");
    stage.keep(Moment::TurnEnds).await;
    // The agent rewrites the history, and everything that is not needed goes.
    stage.git(&["checkout", "-q", "--orphan", "fresh"]);
    stage.git(&["commit", "-qam", "all"]);
    stage.git(&["branch", "-D", "main"]);
    stage.git(&["reflog", "expire", "--expire=now", "--all"]);
    stage.git(&["gc", "-q", "--prune=now"]);
    let of_turn = ["deleted c +0 -1", "modified dir/a +1 -1"];
    assert_eq!(told(&stage.list(Stretch::Turn(1)).await.expect("kept")), of_turn);
    std::fs::remove_dir_all(&stage.top).expect("removed");
    // Also for a server that was started again.
    let stage = stage.restarted();
    assert_eq!(told(&stage.list(Stretch::Turn(1)).await.expect("kept")), of_turn);
    let diff = stage.file(Stretch::Turn(1), "dir/a").await;
    assert_eq!(lines(&diff), [" 1.1 1", "-2._ 2", "+_.2 two", " 3.3 3"]);
    let whole = stage.all().await;
    assert_eq!((told(&whole), whole.is_now), (of_turn.map(str::to_owned).to_vec(), false));
    stage.keep(Moment::End).await;
    assert_eq!(told(&stage.all().await), of_turn);
}

#[tokio::test]
async fn renames_programs_links_and_binaries_are_said_to_be() {
    let stage = Stage::new();
    let long = "a line\n".repeat(40);
    stage.commit(&[("old name", &long), ("run", "#!/bin/sh\n"), ("plain", "x\n"), ("bin", "a\0b")]);
    stage.begin().await;
    std::fs::create_dir(stage.top.join("d")).expect("made");
    std::fs::rename(stage.top.join("old name"), stage.top.join("d/new name")).expect("renamed");
    std::fs::set_permissions(stage.top.join("run"), PermissionsExt::from_mode(0o755)).expect("set");
    std::fs::remove_file(stage.top.join("plain")).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", stage.top.join("plain")).expect("linked");
    stage.write("bin", "a\0c");
    let list = stage.all().await;
    let expected = [
        "modified bin binary",
        "renamed d/new name +0 -0 from old name",
        "retyped plain link +1 -1",
        "modified run +0 -0",
    ];
    assert_eq!(told(&list), expected);
    assert_eq!(list.found.files[3].executable, Some(true));
    let link = stage.file(Stretch::Whole, "plain").await;
    assert!(lines(&link).contains(&"+_.1 /etc/passwd".to_owned()), "only where it leads: {link:?}");
    assert!(stage.file(Stretch::Whole, "bin").await.found.hunks.is_empty());
}

#[tokio::test]
async fn names_of_odd_bytes_are_names() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    let names: [&[u8]; 5] = [b"na\xefve", b"tab\there", b"new\nline", b"-rf", b":(glob)*"];
    for name in names {
        std::fs::write(stage.top.join(std::ffi::OsStr::from_bytes(name)), "x\n").expect("written");
    }
    let list = stage.all().await;
    let mut shown: Vec<String> = list.found.files.iter().map(|file| file.path.to_string()).collect();
    shown.sort();
    assert_eq!(shown, ["-rf", ":(glob)*", r"na\xefve", "new\nline", "tab\there"]);
    for name in shown {
        assert_eq!(lines(&stage.file(Stretch::Whole, &name).await), ["+_.1 x"], "{name}");
    }
}

#[tokio::test]
async fn a_folder_below_the_top_and_a_worktree_of_a_worktree_are_of_their_repository() {
    let stage = Stage::new();
    stage.commit(&[("sub/a", "1\n"), ("b", "1\n")]);
    stage.git(&["worktree", "add", "-q", "--detach", "../one"]);
    let one = stage.beside("one");
    one.git(&["worktree", "add", "-q", "-b", "second", "../two"]);
    let two = stage.beside("two");
    two.begin_in("sub").await.expect("kept");
    two.write("b", "2\n");
    let list = two.all().await;
    assert_eq!((told(&list), list.kept.branch.as_deref()), (vec!["modified b +1 -1".to_owned()], Some("second")));
    assert_eq!(list.kept.folder, two.top.display().to_string());
}

#[tokio::test]
async fn of_a_submodule_the_commit_is_compared() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    let inner = Stage::at(stage.top.join("inner"));
    inner.commit(&[("x", "1\n")]);
    stage.git(&["add", "inner"]);
    stage.git(&["commit", "-qm", "inner"]);
    stage.begin().await;
    inner.write("x", "2\n");
    assert_eq!(told(&stage.all().await), Vec::<String>::new(), "what is dirty in it is its own");
    inner.commit(&[("x", "3\n")]);
    assert_eq!(told(&stage.all().await), ["modified inner submodule"]);
    let diff = stage.file(Stretch::Whole, "inner").await;
    let commit = format!("+_._ commit {}", inner.git(&["rev-parse", "HEAD"]));
    assert!(lines(&diff).contains(&commit), "{diff:?}");
    // One that has no commit, or is broken, hinders nothing.
    let bare = Stage::at(stage.top.join("empty"));
    bare.write("y", "1\n");
    stage.write("a", "2\n");
    assert_eq!(told(&stage.all().await), ["modified a +1 -1", "modified inner submodule"]);
}

#[tokio::test]
async fn what_is_ignored_is_left_out_unless_it_is_in_the_repository() {
    let stage = Stage::new();
    stage.commit(&[(".gitignore", "*.log\n"), ("a", "1\n")]);
    stage.write("in.log", "1\n");
    stage.git(&["add", "-f", "in.log"]);
    stage.git(&["commit", "-qm", "forced"]);
    stage.write(".git/info/exclude", "private\n");
    stage.begin().await;
    for name in ["in.log", "out.log", "private"] {
        stage.write(name, "2\n");
    }
    assert_eq!(told(&stage.all().await), ["modified in.log +1 -1"]);
}

#[tokio::test]
async fn a_large_file_is_told_by_its_size_alone() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    let large = |name: &str, bytes: u64| {
        let file = std::fs::File::create(stage.top.join(name)).expect("made");
        file.set_len(bytes).expect("a hole");
    };
    large("before", 100 << 20);
    large("changes", 100 << 20);
    large("goes", 100 << 20);
    stage.write("grows", "small\n");
    stage.begin().await;
    assert_eq!(told(&stage.all().await), Vec::<String>::new());
    large("changes", 101 << 20);
    large("new", 100 << 20);
    large("grows", 100 << 20);
    std::fs::remove_file(stage.top.join("goes")).expect("removed");
    let list = stage.all().await;
    let expected =
        ["modified changes not kept", "deleted goes not kept", "modified grows not kept", "added new not kept"];
    assert_eq!(told(&list), expected);
    assert_eq!(list.found.files[0].size, Some(101 << 20));
    assert!(stage.file(Stretch::Whole, "new").await.found.hunks.is_empty());
    assert!(stage.kept_bytes() < 1 << 20, "nothing of them is kept: {}", stage.kept_bytes());
}

#[tokio::test]
async fn fifty_thousand_files_are_a_list_that_is_cut() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    for folder in 0..50 {
        std::fs::create_dir(stage.top.join(format!("d{folder}"))).expect("made");
        for file in 0..1_000 {
            stage.write(&format!("d{folder}/f{file}"), &format!("{folder} {file}\n"));
        }
    }
    let list = stage.list(Stretch::Whole).await.expect("listed");
    assert_eq!((list.found.total, list.found.files.len(), list.is_truncated()), (50_000, 2_000, true));
    assert_eq!(list.found.files[0].kind, FileKind::NotRead);
    let diff = stage.file(Stretch::Whole, "d49/f999").await;
    assert_eq!((lines(&diff), diff.found.file.kind), (vec!["+_.1 49 999".to_owned()], FileKind::Text));
    assert!(!diff.is_truncated());
}

#[tokio::test]
async fn the_bounds_are_said() {
    let few = Limits { files: 3, ..Limits::default() };
    let stage = Stage::with(few);
    stage.commit(&[("a", ""), ("b", ""), ("c", ""), ("d", "")]);
    let why = stage.begin_in("").await.expect_err("there are four").to_string();
    assert!(why.contains("more than 3 files"), "{why}");
    let again = stage.restarted().list(Stretch::Whole).await.expect_err("nothing is kept");
    assert_eq!(again.to_string(), why);

    let little = Limits { session_bytes: 10, ..Limits::default() };
    let stage = Stage::with(little);
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    stage.write("a", "12345\n");
    stage.keep(Moment::TurnBegins).await;
    stage.write("b", "123456\n");
    assert_eq!(told(&stage.all().await), ["modified a +1 -1", "added b not kept"]);

    let hurried = Limits { first: std::time::Duration::ZERO, ..Limits::default() };
    let stage = Stage::with(hurried);
    stage.commit(&[("a", "1\n")]);
    let why = stage.begin_in("").await.expect_err("no time").to_string();
    assert!(why.ends_with("git took too long"), "{why}");
}

#[tokio::test]
async fn a_long_file_is_cut() {
    let stage = Stage::new();
    stage.commit(&[("a", "")]);
    stage.begin().await;
    stage.write("a", &"x\n".repeat(5_000));
    stage.write("wide", &"y".repeat(4 << 20));
    let diff = stage.file(Stretch::Whole, "a").await;
    assert_eq!((lines(&diff).len(), diff.is_truncated(), diff.found.file.added), (2_000, true, Some(5_000)));
    let wide = stage.file(Stretch::Whole, "wide").await;
    assert!(wide.is_truncated() && lines(&wide)[0].len() < 3_000);
}

#[tokio::test]
async fn a_folder_without_a_repository_says_so() {
    let stage = Stage::bare();
    let why = stage.begin_in("").await.expect_err("no repository").to_string();
    assert!(why.contains("is in no git repository"), "{why}");
    let error = stage.restarted().list(Stretch::Whole).await.expect_err("nothing is kept");
    assert!(matches!(error, ChangesError::Unkept(_)), "{error}");
    let unknown = Stage::new().list(Stretch::Whole).await.expect_err("it never began");
    assert!(matches!(unknown, ChangesError::UnknownSession(_)), "{unknown}");
}

#[tokio::test]
async fn a_repository_is_not_looked_for_above_the_ceiling() {
    let stage = Stage::new();
    stage.commit(&[("roots/own/a", "1\n")]);
    let why = stage.begin_below("roots/own", "roots").await.expect_err("it is above").to_string();
    assert!(why.contains("is in no git repository"), "{why}");
}

#[tokio::test]
async fn a_repository_without_a_commit_has_changes_too() {
    let stage = Stage::new();
    stage.write("before", "x\n");
    stage.begin().await;
    stage.write("after", "x\n");
    let list = stage.all().await;
    assert_eq!((told(&list), list.kept.commit), (vec!["added after +1 -0".to_owned()], None));
    assert_eq!(list.found.files[0].status, FileStatus::Added);
    let gone = stage.keeper.file(stage.session, Stretch::Whole, "before".parse().expect("a path")).await;
    assert!(matches!(gone, Err(ChangesError::UnknownFile(_))), "{gone:?}");
}

#[tokio::test]
async fn what_is_kept_can_be_listed_and_forgotten() {
    let stage = Stage::new();
    assert_eq!(stage.keeper.kept(None, 10).await.expect("no folder yet"), []);
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    assert_eq!(stage.keeper.kept(None, 10).await.expect("listed"), [stage.session]);
    assert_eq!(stage.keeper.kept(None, 0).await.expect("listed"), []);
    assert_eq!(stage.keeper.kept(Some(stage.session), 10).await.expect("listed"), []);
    stage.keeper.forget(stage.session).await.expect("gone");
    stage.keeper.forget(stage.session).await.expect("nothing to do");
    assert_eq!(stage.keeper.kept(None, 10).await.expect("listed"), []);
    assert!(matches!(stage.list(Stretch::Whole).await, Err(ChangesError::UnknownSession(_))));
}

#[tokio::test]
async fn a_relative_data_folder_is_that_of_the_server() {
    let beside = tempfile::tempdir_in(".").expect("a folder");
    let kept = std::path::Path::new(beside.path().file_name().expect("a name")).join("kept");
    assert!(kept.is_relative());
    let stage = Stage::new().keeping_in(&kept);
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    stage.write("a", "2\n");
    assert_eq!(told(&stage.all().await), ["modified a +1 -1"]);
    assert!(kept.join(stage.session.to_string()).is_dir());
}
