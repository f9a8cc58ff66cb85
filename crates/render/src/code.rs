//! Code, in pieces that are of one kind.

use std::borrow::Cow;
use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use crate::limits::{Allowance, CODE, CODE_LINE};
use crate::node::{Kind, Node, Span, add};

/// The grammars; read when the first block of code comes.
static GRAMMARS: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// What a reader tells apart, and the scopes that mean it; the first that fits counts.
static STYLES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    const TABLE: [(&str, &str); 17] = [
        ("comment", "comment"),
        ("string", "string"),
        ("constant.numeric", "number"),
        ("constant", "number"),
        ("keyword.operator", ""),
        ("keyword", "keyword"),
        ("storage", "keyword"),
        ("entity.name.function", "function"),
        ("support.function", "function"),
        ("variable.function", "function"),
        ("entity.name.tag", "keyword"),
        ("entity.other.attribute-name", "type"),
        ("entity.name", "type"),
        ("support", "type"),
        ("markup.heading", "keyword"),
        ("markup.inserted", "string"),
        ("variable.language", "keyword"),
    ];
    TABLE.into_iter().filter_map(|(scope, style)| Some((Scope::new(scope).ok()?, style))).collect()
});

/// The grammar of a language, by the name that agents give it or the ending of a file.
fn grammar(language: &str) -> Option<&'static SyntaxReference> {
    let name = match language.to_ascii_lowercase().as_str() {
        "" | "text" | "txt" | "plain" | "plaintext" | "output" | "console" => return None,
        "shell" | "sh" | "shellscript" | "zsh" => "bash".to_owned(),
        "jsonc" | "json5" | "jsonl" | "ndjson" => "json".to_owned(),
        "mjs" | "cjs" | "node" => "js".to_owned(),
        "mts" | "cts" => "ts".to_owned(),
        other => other.to_owned(),
    };
    GRAMMARS.find_syntax_by_token(&name).filter(|found| found.name != "Plain Text")
}

/// So many letters of what stands behind the fence of a block are shown.
const LONGEST_INFO: usize = 200;

/// A block of code. It is highlighted if its language is known, it is not too long, and the allowance is not used up.
pub(crate) fn block(language: &str, text: &str, allowance: &mut Allowance) -> Node {
    // What follows the name is for other readers; it is shown with it.
    let (info, name) = (language.trim(), language.trim().split([',', ' ', '{']).next().unwrap_or_default());
    let spans = highlighted(name, text, allowance).unwrap_or_else(|| plain(text));
    let language = (!info.is_empty()).then(|| info.chars().take(LONGEST_INFO).collect());
    Node { spans, language, ..Node::new(Kind::Code) }
}

fn plain(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    add(&mut spans, text, "");
    spans
}

fn highlighted(language: &str, text: &str, allowance: &mut Allowance) -> Option<Vec<Span>> {
    if text.len() > CODE {
        return None;
    }
    let grammar = grammar(language)?;
    if !allowance.take(text.len()) {
        return None;
    }
    let mut state = ParseState::new(grammar);
    let mut stack = ScopeStack::new();
    let mut spans = Vec::new();
    let mut rest = text;
    for line in text.split_inclusive('\n') {
        // What was begun in a line that is not looked at is not known to have ended.
        if line.len() > CODE_LINE {
            break;
        }
        rest = rest.get(line.len()..).unwrap_or_default();
        // Grammars look for the end of the line.
        let whole = if line.ends_with('\n') { Cow::Borrowed(line) } else { Cow::Owned(format!("{line}\n")) };
        let Ok(changes) = state.parse_line(&whole, &GRAMMARS) else {
            add(&mut spans, line, "");
            break;
        };
        let mut from = 0;
        for (at, change) in changes {
            let at = at.min(line.len());
            add_piece(&mut spans, line.get(from..at).unwrap_or_default(), &stack);
            from = from.max(at);
            if stack.apply(&change).is_err() {
                break;
            }
        }
        add_piece(&mut spans, line.get(from..).unwrap_or_default(), &stack);
    }
    add(&mut spans, rest, "");
    Some(spans)
}

fn add_piece(spans: &mut Vec<Span>, text: &str, stack: &ScopeStack) {
    // Spaces look the same in every style.
    match spans.last_mut() {
        Some(last) if text.trim().is_empty() => last.text.push_str(text),
        _ => add(spans, text, style(stack)),
    }
}

fn style(stack: &ScopeStack) -> &'static str {
    let of = |scope: &Scope| STYLES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, style)| *style);
    stack.as_slice().iter().rev().find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styles(language: &str, text: &str) -> Vec<(String, String)> {
        let node = block(language, text, &mut Allowance::default());
        node.spans.into_iter().map(|span| (span.text, span.style)).collect()
    }

    #[test]
    fn what_agents_write_is_highlighted() {
        let table = [
            ("rust", "fn main() {} // end", [("fn", "keyword"), ("main", "function"), ("// end", "comment")]),
            ("ts", "const a: string = 'x'", [("const", "keyword"), ("string", "type"), ("'x'", "string")]),
            ("python", "def f(): return 1", [("def", "keyword"), ("f", "function"), ("1", "number")]),
            ("toml", "# c\na = \"x\" # d", [("# c", "comment"), ("\"x\"", "string"), ("# d", "comment")]),
            ("bash", "if true; then echo 'x'; fi # y", [("if", "keyword"), ("'x'", "string"), ("# y", "comment")]),
        ];
        for (language, text, expected) in table {
            let spans = styles(language, text);
            assert_eq!(spans.iter().map(|(text, _)| text.as_str()).collect::<String>(), text);
            for (word, style) in expected {
                let is_there = |(text, is): &(String, String)| text.trim() == word && is == style;
                assert!(spans.iter().any(is_there), "{language}: {word} as {style} in {spans:?}");
            }
        }
    }

    #[test]
    fn what_is_unknown_or_too_long_stays_plain() {
        assert_eq!(styles("no-such-language", "fn x"), [("fn x".to_owned(), String::new())]);
        let long = "fn main() {}\n".repeat(CODE / 10);
        assert_eq!(styles("rust", &long), [(long.clone(), String::new())]);
        let mut used_up = Allowance::new(3);
        assert_eq!(block("rust", "fn x", &mut used_up).spans.len(), 1);
        let wide = format!("fn a() {{}}\nlet x = \"{}\";\nfn b() {{}}\n", "x".repeat(CODE_LINE));
        let spans = styles("rust", &wide);
        assert!(spans.last().is_some_and(|(rest, style)| rest.contains("fn b()") && style.is_empty()), "{spans:?}");
    }
}
