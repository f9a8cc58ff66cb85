//! Whatever an agent writes, it is read within bounds, and no word is lost.

#![allow(clippy::expect_used, clippy::format_collect, reason = "a test fails by panicking, and need not be quick")]

use flightdeck_render::limits::{CODE, DEPTH, NODES, SPANS};
use flightdeck_render::{Allowance, Kind, Message, Node, Rendered, render};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn read(role: &str, content: &str, metadata: &Value) -> Rendered {
    let metadata = metadata.as_object().cloned().unwrap_or_default();
    render(Message { role, content, metadata: &metadata }, &mut Allowance::default())
}

fn words_of(nodes: &[Node], out: &mut String) {
    for node in nodes {
        out.push_str(&node.text);
        out.extend(node.spans.iter().map(|span| span.text.as_str()));
        out.extend(node.language.as_deref());
        if let Some(diff) = &node.diff {
            for line in &diff.lines {
                out.push_str(&line.text);
                out.push('\n');
            }
        }
        out.extend(node.target.as_deref());
        words_of(&node.children, out);
        out.push('\n');
    }
}

fn words(rendered: &Rendered) -> String {
    let mut out = String::new();
    words_of(&rendered.body, &mut out);
    out
}

fn measure(nodes: &[Node], depth: usize) -> (usize, usize) {
    nodes.iter().fold((nodes.len(), depth), |(count, deepest), node| {
        let (more, deep) = measure(&node.children, depth + 1);
        let own = node.spans.len() + node.diff.as_ref().map_or(0, |diff| diff.lines.len());
        (count + more + own, deepest.max(deep))
    })
}

#[track_caller]
fn bounded(rendered: &Rendered) {
    let (count, depth) = measure(&rendered.body, 0);
    assert!(count <= 2 * NODES + SPANS + 64, "{count} nodes");
    assert!(depth <= DEPTH + 1, "{depth} deep");
}

/// What hangs, overflows or blows up readers that are not bounded.
fn hostile() -> Vec<(&'static str, String)> {
    let n = 100_000;
    vec![
        ("nested quotes", ">".repeat(n)),
        ("nested quotes with spaces", "> ".repeat(n)),
        ("quotes on many lines", format!("{}x\n", "> ".repeat(300)).repeat(400)),
        ("nested lists", (0..2_000).map(|depth| format!("{}- x\n", " ".repeat(depth))).collect()),
        ("lists in a line", "- ".repeat(n)),
        ("brackets", "[".repeat(n)),
        ("links in links", "[a](".repeat(n / 4)),
        ("images", "![".repeat(n)),
        ("emphasis", "*a _b ".repeat(n / 6)),
        ("emphasis that never closes", "**a ".repeat(n / 4)),
        ("backticks", (1..400).map(|length| format!("{} ", "`".repeat(length))).collect()),
        ("fences", "```\n".repeat(n / 4)),
        ("entities", "&amp;&#x41;&".repeat(n / 12)),
        ("html", "<a><!--<![CDATA[<?".repeat(n / 18)),
        ("table", format!("|{}\n|{}\n{}", "a|".repeat(500), "-|".repeat(500), "|b\n".repeat(n / 40))),
        ("definitions", (0..n / 20).map(|number| format!("[d{number}]: http://x.test/{number}\n")).collect()),
        ("references", format!("[d]: http://x.test/{}\n\n{}", "y".repeat(1_000), "[d] ".repeat(n / 40))),
        ("addresses", "http://a.test ".repeat(n / 14)),
        ("http", "http".repeat(n / 4)),
        ("a giant line", "word ".repeat(n)),
        ("a giant word", "w".repeat(1_000_000)),
        ("escapes", "\u{1b}[31m".repeat(n / 5)),
        ("open escapes", "\u{1b}[".repeat(n / 2)),
        ("carriage returns", "\r".repeat(n)),
        ("diff lines", format!("--- a\n+++ b\n@@ -1,9 +1,9 @@\n{}", "+x\n".repeat(n / 3))),
        ("code", format!("```rust\n{}\n```", "fn a() { \"{{{(((\" }\n".repeat(CODE / 20))),
        ("code of nothing but brackets", format!("```js\n{}\n```", "({[`${".repeat(150))),
        ("regular expressions", format!("```js\n{}\n```", "/a*b*/ /(((".repeat(2_000))),
        ("heredocs", format!("```bash\n{}\n```", "cat <<A$(cat <<B\n".repeat(1_500))),
        ("markdown in markdown", format!("````markdown\n{}\n````", "> * `a` [b](c\n".repeat(2_000))),
        ("bidi and tags", "\u{202e}\u{2066}\u{e0041}".repeat(n / 10)),
        ("nothing", String::new()),
        ("zeros", "\0".repeat(n)),
    ]
}

#[test]
fn what_is_hostile_is_read_within_bounds_and_nothing_of_it_is_lost() {
    for (name, text) in hostile() {
        for (role, metadata) in [
            ("assistant", json!({})),
            ("tool", json!({"type": "tool_result", "toolCallId": "c"})),
            (
                "assistant",
                json!({"type": "tool_call", "tool": "Edit", "input": {"old_string": text, "new_string": "x"}}),
            ),
            ("tool", json!({"type": "tool_call", "name": "bash", "input": {"command": text}})),
        ] {
            let rendered = read(role, &text, &metadata);
            bounded(&rendered);
            serde_json::to_vec(&rendered).expect("JSON");
        }
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<Vec<_>>().len();
        let shown = words(&read("assistant", &text, &json!({})));
        // An entity is one letter for many; everything else is there.
        assert!(
            name == "entities" || letters(&shown) >= letters(&text),
            "{name}: {} of {}",
            letters(&shown),
            letters(&text)
        );
    }
}

#[test]
fn a_text_that_is_too_long_says_so() {
    let long = "word\n\n".repeat(60_000);
    let rendered = read("assistant", &long, &json!({}));
    assert!(rendered.cut);
    let last = rendered.body.last().expect("nodes");
    assert_eq!(last.kind, Kind::Plain);
    assert_eq!(words(&rendered).matches("word").count(), 60_000);
    assert!(!read("assistant", "short", &json!({})).cut);
}

#[test]
fn agents_talk_and_pages_read() {
    let text = "# Title\n\nSome *soft* and **hard** words, `code`, <b>html</b>.\nSecond line\n\n> said\n\n1. one\n2. two\n\n- [x] done\n- [ ] open\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\nfn x() {}\n```\n\n[text](https://example.com) ![alt](https://example.com/i.png) [bad](javascript:alert(1))\n\n---\n";
    let rendered = read("assistant", text, &json!({}));
    let kinds: Vec<Kind> = rendered.body.iter().map(|node| node.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Heading,
            Kind::Paragraph,
            Kind::Quote,
            Kind::List,
            Kind::List,
            Kind::Table,
            Kind::Code,
            Kind::Paragraph,
            Kind::Rule
        ]
    );
    let whole = serde_json::to_value(&rendered.body).expect("JSON");
    assert_eq!(whole.pointer("/0/number"), Some(&json!(1)));
    assert!(words(&rendered).contains("<b>html</b>.\nSecond line"));
    assert_eq!(whole.pointer("/4/children/0/checked"), Some(&json!(true)));
    assert_eq!(whole.pointer("/5/children/0/header"), Some(&json!(true)));
    assert_eq!(whole.pointer("/7/children/0/href"), Some(&json!("https://example.com")));
    assert_eq!(whole.pointer("/7/children/2/kind"), Some(&json!("image")));
    assert_eq!(whole.pointer("/7/children/4/href"), None);
    assert_eq!(whole.pointer("/7/children/4/target"), Some(&json!("javascript:alert(1)")));
}

#[test]
fn definitions_of_links_are_shown() {
    let rendered = read("assistant", "see [a] \n\n[a]: https://example.com 'do not tell'\n", &json!({}));
    assert!(words(&rendered).contains("do not tell"));
}

fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,6}",
        prop::sample::select(vec![
            "\n",
            "\n\n",
            " ",
            "> ",
            "- ",
            "1. ",
            "# ",
            "*",
            "**",
            "_",
            "`",
            "```\n",
            "~~",
            "[",
            "](",
            ")",
            "![",
            "|",
            "|-|",
            "<b>",
            "<!--",
            "-->",
            "    ",
            "\t",
            "\\",
            "---\n",
            "- [x] ",
            "http://",
            "&amp;",
            "\r\n",
            "\u{1b}[31m",
            "\u{1b}[0m",
            "```rust\n",
            "```diff\n+",
            "é",
            "\u{202e}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_its_words_are_there(text in markdown()) {
        let rendered = read("assistant", &text, &json!({}));
        bounded(&rendered);
        let shown = words(&rendered);
        // Runs of small letters: markup has none, but for names of entities.
        // And for the mark of a task that is done, which is shown as one.
        let text = text.replace("&amp;", " ").replace("[x]", " ");
        for word in text.split(|character: char| !character.is_ascii_lowercase()).filter(|word| !word.is_empty()) {
            prop_assert!(shown.contains(word), "{word} is lost: {rendered:?}");
        }
    }

    #[test]
    fn the_output_of_a_tool_is_all_there(text in "(\\PC|\n|\r|\u{1b}\\[[0-9;]{0,6}[mKJ]|\u{1b}|[+-] ?[a-z]{0,3}\n){0,60}", acp in any::<bool>()) {
        let mut metadata = Map::new();
        metadata.insert("type".to_owned(), "tool_result".into());
        if acp {
            metadata.insert("toolCallId".to_owned(), "c".into());
        }
        let rendered = read("tool", &text, &metadata.into());
        bounded(&rendered);
        if let [node] = rendered.body.as_slice() && node.kind == Kind::Output {
            let shown: String = node.spans.iter().map(|span| span.text.as_str()).collect();
            let letters = |text: &str| text.chars().filter(|character| !character.is_ascii()).collect::<String>();
            prop_assert_eq!(letters(&shown), letters(&text));
            prop_assert_eq!(shown.matches('\n').count(), text.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count());
        }
    }
}
