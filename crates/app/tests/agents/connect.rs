//! Settings of Claude Code.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn connect(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command.args(["connect", "claude-code"]).args(arguments).env_clear().env("HOME", folder).current_dir(folder);
    command.output().expect("it runs")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("it is there")).expect("JSON")
}

#[test]
fn settings_are_printed_and_nothing_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed: Value =
        serde_json::from_str(&text(&connect(folder.path(), &["--url", "https://deck.example/", "--hold", "120"])))
            .expect("JSON");
    let hook = &printed["hooks"]["PreToolUse"][0]["hooks"][0];
    assert_eq!(hook["url"], "https://deck.example/hooks/claude-code?hold=120s");
    assert_eq!((&hook["type"], &hook["timeout"]), (&json!("http"), &json!(130)));
    assert_eq!(printed["hooks"]["SessionStart"][0]["hooks"][0]["type"], "command");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn settings_are_merged_after_a_look_and_taken_out_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(".claude/settings.json");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    let own = "{\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"Stop\": [\n      {\n        \"hooks\": [\n          {\n            \"type\": \"command\",\n            \"command\": \"say done\"\n          }\n        ]\n      }\n    ]\n  },\n  \"env\": {}\n}\n";
    std::fs::write(&file, own).expect("written");
    let look = text(&connect(folder.path(), &["--user"]));
    assert!(look.contains("+    \"PreToolUse\": [") && look.contains("nothing is written yet"), "{look}");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), own);
    let wrote = text(&connect(folder.path(), &["--user", "--write"]));
    assert!(wrote.contains("as it was: ") && wrote.contains("FLIGHTDECK_API_KEY"), "{wrote}");
    let merged = read(&file);
    assert_eq!(merged["hooks"]["Stop"].as_array().map(Vec::len), Some(2));
    assert_eq!((&merged["model"], &merged["env"]), (&json!("opus"), &json!({})));
    let files = || std::fs::read_dir(file.parent().expect("a folder")).expect("a folder").count();
    assert_eq!(files(), 2, "the settings and their copy");
    assert!(text(&connect(folder.path(), &["--user", "--write"])).contains("needs no change"));
    assert_eq!(files(), 2);
    text(&connect(folder.path(), &["--user", "--remove", "--write"]));
    assert_eq!(std::fs::read_to_string(&file).expect("read"), own, "as it was before");
}

#[test]
fn a_new_file_is_made_in_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    text(&connect(folder.path(), &["--write", "--commands", "--mission", "it's one"]));
    let settings = read(&folder.path().join(".claude/settings.local.json"));
    let command = settings["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().expect("a command");
    assert!(
        command.ends_with(r"hook claude-code --url http://127.0.0.1:7600 --hold 50 --mission 'it'\''s one'"),
        "{command}"
    );
}

#[test]
fn what_is_no_settings_is_refused_and_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("odd.json");
    for odd in ["{\"hooks\": []}", "// a comment\n{}"] {
        std::fs::write(&file, odd).expect("written");
        let output = connect(folder.path(), &["--file", "odd.json", "--write"]);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("was not touched"), "{output:?}");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), odd);
    }
}
