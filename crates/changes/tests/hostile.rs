//! Repositories that name programs, and files that are none: nothing is run, and nothing hangs.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flightdeck_changes::Limits;
use flightdeck_domain::changes::{Moment, Stretch};
use flightdeck_domain::ports::Changes;

use self::support::{Stage, lines, told};

/// Writes a program that leaves a trace, and passes on what it is given.
fn trap(stage: &Stage) -> String {
    let path = stage.top.with_file_name("trap");
    let trace = trace(stage);
    let program = format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", trace.display());
    std::fs::write(&path, program).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("set");
    path.display().to_string()
}

fn trace(stage: &Stage) -> std::path::PathBuf {
    stage.top.with_file_name("trace")
}

/// Names the program wherever git would run one.
fn set_traps(stage: &Stage, trap: &str) {
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "diff.external",
        "pager.diff",
        "pager.ls-files",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "uploadpack.packObjectsHook",
        "gc.recentObjectsHook",
        "core.alternateRefsCommand",
        "credential.helper",
        "interactive.diffFilter",
        "gpg.program",
        "alias.ls-files",
        "alias.update-index",
    ] {
        stage.git(&["config", key, &format!("{trap} {key}")]);
    }
    stage.git(&["config", "filter.evil.required", "true"]);
    stage.git(&["config", "diff.evil.textconv", trap]);
    let hooks = stage.top.join(".git/hooks");
    std::fs::create_dir_all(&hooks).expect("made");
    for hook in ["post-index-change", "fsmonitor-watchman", "pre-commit", "reference-transaction", "post-checkout"] {
        let path = hooks.join(hook);
        std::fs::copy(trap, path).expect("copied");
    }
    std::fs::write(stage.top.join(".gitattributes"), "* filter=evil diff=evil text eol=crlf ident\n").expect("written");
    std::fs::write(stage.top.join(".git/info/attributes"), "* filter=evil diff=evil\n").expect("written");
}

#[tokio::test]
async fn no_program_of_a_repository_is_run() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n"), ("renamed", "the same words\n")]);
    let inner = Stage::at(stage.top.join("inner"));
    inner.commit(&[("x", "1\n")]);
    let trap = trap(&stage);
    set_traps(&stage, &trap);
    set_traps(&inner, &trap);
    stage.write("b", "$Id$\r\n");
    // The trap is one: git as the agent runs it falls into it.
    let status = Command::new("git").args(["status"]).current_dir(&stage.top).output();
    assert!(status.is_ok() && trace(&stage).exists(), "the trap does not work");
    std::fs::remove_file(trace(&stage)).expect("removed");

    stage.begin().await;
    stage.keep(Moment::TurnBegins).await;
    stage.write("a", "2\r\n");
    stage.write("b", "$Id$\r\nmore\n");
    std::fs::rename(stage.top.join("renamed"), stage.top.join("name")).expect("renamed");
    stage.keep(Moment::TurnEnds).await;
    let list = stage.all().await;
    assert_eq!(told(&list), ["modified a +1 -1", "modified b +1 -0", "renamed name +0 -0 from renamed"]);
    assert_eq!(lines(&stage.file(Stretch::Turn(1), "b").await), [" 1.1 $Id$\r", "+_.2 more"], "bytes as they are");
    stage.keep(Moment::End).await;
    stage.all().await;
    let ran = std::fs::read_to_string(trace(&stage)).unwrap_or_default();
    assert_eq!(ran, "", "run by the server");
}

#[tokio::test]
async fn a_configuration_that_leads_elsewhere_leads_nowhere() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    let secret = stage.top.with_file_name("secret");
    std::fs::create_dir(&secret).expect("made");
    std::fs::write(secret.join("key"), "hush\n").expect("written");
    stage.git(&["config", "core.worktree", &secret.display().to_string()]);
    stage.begin().await;
    std::fs::write(secret.join("key"), "hush, hush\n").expect("written");
    stage.write("b", "1\n");
    assert_eq!(told(&stage.all().await), ["added b +1 -0"]);
    // A folder that becomes a link is a link.
    std::fs::create_dir(stage.top.join("dir")).expect("made");
    stage.write("dir/key", "mine\n");
    stage.keep(Moment::TurnBegins).await;
    std::fs::remove_dir_all(stage.top.join("dir")).expect("removed");
    std::os::unix::fs::symlink(&secret, stage.top.join("dir")).expect("linked");
    let list = stage.list(Stretch::Turn(1)).await.expect("compared");
    assert_eq!(told(&list), ["added dir link +1 -0", "deleted dir/key +0 -1"]);
}

fn pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_costs_its_time_and_no_more() {
    let limits = Limits { first: Duration::from_secs(20), time: Duration::from_millis(300), ..Limits::default() };
    let stage = Stage::with(limits);
    stage.commit(&[("a", "1\n")]);
    pipe(&stage.top.join("pipe"));
    pipe(&stage.top.join(".git/info/exclude"));
    stage.begin().await;
    stage.write("b", "1\n");
    pipe(&stage.top.join(".gitignore"));
    let error = stage.list(Stretch::Whole).await.expect_err("git waits for the pipe").to_string();
    assert!(error.ends_with("git took too long"), "{error}");
    std::fs::remove_file(stage.top.join(".gitignore")).expect("removed");
}

#[tokio::test]
async fn a_broken_index_or_head_hides_nothing() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n"), ("hidden", "1\n")]);
    stage.git(&["update-index", "--assume-unchanged", "a"]);
    stage.git(&["update-index", "--skip-worktree", "hidden"]);
    stage.begin().await;
    stage.write("a", "2\n");
    stage.write("hidden", "2\n");
    let expected = ["modified a +1 -1", "modified hidden +1 -1"];
    assert_eq!(told(&stage.all().await), expected);
    stage.keep(Moment::TurnBegins).await;
    stage.write(".git/index", "no index");
    stage.write(".git/HEAD", "no head");
    assert_eq!(told(&stage.all().await), expected);
    std::fs::remove_dir_all(stage.top.join(".git/objects")).expect("removed");
    assert_eq!(told(&stage.all().await).len(), 2, "what they were was taken over");
}

#[tokio::test]
async fn two_looks_at_once_do_not_get_into_each_others_way() {
    let stage = Stage::new();
    stage.commit(&[("a", "1\n")]);
    stage.begin().await;
    stage.write("a", "2\n");
    let session = stage.session;
    let look = || stage.keeper.list(session, Stretch::Whole);
    let (one, two, three, ()) = tokio::join!(look(), look(), look(), stage.keeper.keep(session, Moment::TurnBegins));
    for list in [one, two, three] {
        assert_eq!(told(&list.expect("compared")), ["modified a +1 -1"]);
    }
}
