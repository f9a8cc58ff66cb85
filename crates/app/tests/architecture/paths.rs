//! The paths that a source file names, and the modules that it declares. Comments, texts and what is for tests alone do not
//! count.

use std::iter::Peekable;
use std::str::Chars;

/// What a file says of others.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Each path that is brought in: its segments, and the name that it gets here; `*` for all that is there.
    pub(crate) uses: Vec<(Vec<String>, String)>,
    /// Each path that is named where it is used.
    pub(crate) paths: Vec<Vec<String>>,
    /// The modules that it declares for tests alone.
    pub(crate) for_tests: Vec<String>,
    /// The names that it defines.
    pub(crate) defines: Vec<String>,
}

/// Reads a file.
pub(crate) fn named(text: &str) -> Named {
    let tokens = without_tests(&tokens(text));
    let mut named = Named { for_tests: tokens.1, ..Named::default() };
    let tokens = tokens.0;
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "use" => {
                let end = at + tokens[at..].iter().position(|token| token == ";").unwrap_or(tokens.len() - at);
                tree(&tokens[at + 1..end], &mut Vec::new(), &mut named.uses);
                at = end;
            }
            "struct" | "enum" | "fn" | "trait" | "type" | "const" | "static" if at + 1 < tokens.len() => {
                named.defines.push(tokens[at + 1].clone());
                at += 1;
            }
            // Who may see something is not who is known.
            "pub" if tokens.get(at + 1).is_some_and(|token| token == "(") => {
                at += tokens[at..].iter().position(|token| token == ")").unwrap_or(0) + 1;
            }
            token if is_name(token) => {
                let mut path = vec![token.to_owned()];
                while tokens.get(at + 1).is_some_and(|token| token == "::")
                    && tokens.get(at + 2).is_some_and(|token| is_name(token))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                if path.len() > 1 {
                    named.paths.push(path);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    named
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// The paths of a use: `a::{self, b::c as d, e::*}`.
fn tree(tokens: &[String], before: &mut Vec<String>, uses: &mut Vec<(Vec<String>, String)>) {
    for part in parts(tokens) {
        let depth = before.len();
        let mut name = None;
        let mut at = 0;
        while at < part.len() {
            match part[at].as_str() {
                "{" => {
                    tree(&part[at + 1..part.len() - 1], before, uses);
                    name = Some(None);
                    break;
                }
                "as" => {
                    name = Some(part.get(at + 1).cloned());
                    break;
                }
                "*" => name = Some(Some("*".to_owned())),
                "::" => {}
                "self" if !before.is_empty() => {}
                segment => before.push(segment.to_owned()),
            }
            at += 1;
        }
        match name {
            Some(None) => {}
            Some(Some(name)) => uses.push((before.clone(), name)),
            None => uses.extend(before.last().map(|last| (before.clone(), last.clone()))),
        }
        before.truncate(depth);
    }
}

/// What stands between the outermost commas.
fn parts(tokens: &[String]) -> Vec<&[String]> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                parts.push(&tokens[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[from..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The tokens less the items that are for tests alone, and the names of the modules that are.
fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    const FOR_TESTS: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let marked = tokens[at..].len() > FOR_TESTS.len() && FOR_TESTS.iter().zip(&tokens[at..]).all(|(a, b)| a == b);
        if !marked {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += FOR_TESTS.len();
        let (mut depth, mut is_module) = (0, false);
        while at < tokens.len() {
            let token = tokens[at].as_str();
            at += 1;
            match token {
                "mod" if depth == 0 => is_module = true,
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth -= 1;
                    if depth == 0 && token == "}" {
                        break;
                    }
                }
                ";" if depth == 0 => break,
                name if is_module && depth == 0 => modules.push(name.to_owned()),
                _ => {}
            }
        }
    }
    (kept, modules)
}

/// Names, `::` and single characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next().is_some_and(|c| c != '\n') {},
            '"' => skip_text(&mut chars),
            'r' if matches!(chars.peek(), Some('"' | '#')) => skip_raw_text(&mut chars),
            '\'' => skip_character(&mut chars),
            ':' if chars.peek() == Some(&':') => {
                chars.next();
                tokens.push("::".to_owned());
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut name = c.to_string();
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                // A prefix of a text is no name.
                match chars.peek() {
                    Some('"') if matches!(name.as_str(), "b" | "c") => {}
                    Some('"' | '#') if matches!(name.as_str(), "br" | "cr") => skip_raw_text(&mut chars),
                    _ => tokens.push(name),
                }
            }
            c if c.is_whitespace() => {}
            c => tokens.push(c.to_string()),
        }
    }
    tokens
}

fn skip_text(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn skip_raw_text(chars: &mut Peekable<Chars<'_>>) {
    let mut marks = 0;
    while chars.next_if_eq(&'#').is_some() {
        marks += 1;
    }
    if chars.next_if_eq(&'"').is_none() {
        return;
    }
    while let Some(c) = chars.next() {
        if c == '"' && (0..marks).all(|_| chars.next_if_eq(&'#').is_some()) {
            return;
        }
    }
}

/// A character, or else a lifetime.
fn skip_character(chars: &mut Peekable<Chars<'_>>) {
    match chars.next() {
        Some('\\') => {
            chars.next();
            while chars.next().is_some_and(|c| c != '\'') {}
        }
        Some(_) => drop(chars.next_if_eq(&'\'')),
        None => {}
    }
}

#[test]
fn paths_are_found_and_tests_are_left_out() {
    let text = r##"
        //! use crate::comment;
        use crate::a::{self, b::C, d as e};
        pub(crate) use self::f::*;
        #[cfg(test)]
        mod given;
        pub(in crate::seen) fn one<'a>(text: &'a str) -> char { let _ = ("use crate::text;", r#"crate::raw"#, '"', 'x'); super::g::h(text) }
        #[cfg(test)]
        mod tests { use super::only_here; }
        impl crate::last::Trait for () {}
    "##;
    let Named { uses, paths, for_tests, defines } = named(text);
    let uses: Vec<String> = uses.iter().map(|(path, name)| format!("{} {name}", path.join("::"))).collect();
    assert_eq!(uses, ["crate::a a", "crate::a::b::C C", "crate::a::d e", "self::f *"]);
    let paths: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["super::g::h", "crate::last::Trait"]);
    assert_eq!((for_tests, defines), (vec!["given".to_owned(), "tests".to_owned()], vec!["one".to_owned()]));
}
