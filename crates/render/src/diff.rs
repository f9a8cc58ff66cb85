//! Diffs: of two texts, and those that are written out.

use similar::{ChangeTag, TextDiff};

use crate::limits::{COMPARED_LINES, DIFF_LINES};
use crate::node::{Diff, Op};

/// So many lines around a change are shown with it.
const AROUND: usize = 3;

/// What changes a text into another. `None` where there are more lines than a diff has.
pub(crate) fn between(path: &str, old: &str, new: &str) -> Option<Diff> {
    let lines = old.lines().count().saturating_add(new.lines().count());
    let mut diff = Diff { path: path.to_owned(), ..Diff::default() };
    if lines > DIFF_LINES {
        return None;
    }
    if old.is_empty() || new.is_empty() || lines > COMPARED_LINES {
        for (number, line) in (1..).zip(old.lines()) {
            diff.push(Op::Removed, Some(number), None, line);
        }
        for (number, line) in (1..).zip(new.lines()) {
            diff.push(Op::Added, None, Some(number), line);
        }
        return Some(diff);
    }
    // Lines as they were counted: the library alone would also end them at carriage returns, and there may be very many.
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let compared = TextDiff::from_slices(&old, &new);
    for (nth, group) in compared.grouped_ops(AROUND).iter().enumerate() {
        if nth > 0 {
            diff.push(Op::About, None, None, "");
        }
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            let op = match change.tag() {
                ChangeTag::Equal => Op::Same,
                ChangeTag::Delete => Op::Removed,
                ChangeTag::Insert => Op::Added,
            };
            let number = |index: Option<usize>| index.and_then(|index| u64::try_from(index).ok()?.checked_add(1));
            let text = change.value();
            diff.push(op, number(change.old_index()), number(change.new_index()), text);
        }
    }
    Some(diff)
}

/// The lines that a hunk still has, and where it is.
#[derive(Clone, Copy, Debug)]
struct Hunk {
    old: u64,
    new: u64,
    old_left: u64,
    new_left: u64,
}

/// Reads `@@ -1,3 +1,4 @@`.
fn hunk(line: &str) -> Option<Hunk> {
    let (old, rest) = line.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<(u64, u64)> {
        let (start, length) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, length.parse().ok()?))
    };
    let ((old, old_left), (new, new_left)) = (range(old)?, range(new)?);
    Some(Hunk { old, new, old_left, new_left })
}

/// Reads a text of which somebody says that it is a diff: each line that begins with a sign has changed. `None` where none
/// has, or where there are too many lines.
pub(crate) fn fenced(text: &str) -> Option<Diff> {
    if text.lines().count() > DIFF_LINES {
        return None;
    }
    let mut diff = Diff::default();
    let mut within: Option<Hunk> = None;
    for line in text.lines() {
        if within.is_none_or(|hunk| hunk.old_left == 0 && hunk.new_left == 0) {
            if let Some(next) = hunk(line) {
                within = Some(next);
                diff.push(Op::About, None, None, line);
                continue;
            }
            if is_about(line) {
                within = None;
                name(&mut diff, line);
                diff.push(Op::About, None, None, line);
                continue;
            }
        }
        content(&mut diff, &mut within, line);
    }
    (diff.added.saturating_add(diff.removed) > 0).then_some(diff)
}

fn content(diff: &mut Diff, within: &mut Option<Hunk>, line: &str) {
    let (op, text) = match line.split_at_checked(1) {
        Some(("+", text)) => (Op::Added, text),
        Some(("-", text)) => (Op::Removed, text),
        Some((" ", text)) => (Op::Same, text),
        Some(("\\", _)) => (Op::About, line),
        _ => (Op::Same, line),
    };
    let Some(hunk) = within else { return diff.push(op, None, None, text) };
    let old = matches!(op, Op::Same | Op::Removed).then_some(hunk.old);
    let new = matches!(op, Op::Same | Op::Added).then_some(hunk.new);
    if old.is_some() {
        (hunk.old, hunk.old_left) = (hunk.old.saturating_add(1), hunk.old_left.saturating_sub(1));
    }
    if new.is_some() {
        (hunk.new, hunk.new_left) = (hunk.new.saturating_add(1), hunk.new_left.saturating_sub(1));
    }
    diff.push(op, old, new, text);
}

/// Whether a line outside the hunks says which files they are of.
fn is_about(line: &str) -> bool {
    const HEADS: [&str; 13] = [
        "--- ",
        "+++ ",
        "diff --",
        "index ",
        "@@",
        "*** ",
        "new file mode",
        "deleted file mode",
        "old mode",
        "new mode",
        "similarity index",
        "rename from",
        "rename to",
    ];
    HEADS.into_iter().any(|head| line.starts_with(head))
}

/// Takes the name of the first file.
fn name(diff: &mut Diff, line: &str) {
    const HEADS: [&str; 5] = ["+++ b/", "+++ ", "*** Update File: ", "*** Add File: ", "*** Delete File: "];
    let named = HEADS.into_iter().find_map(|head| line.strip_prefix(head)).filter(|path| *path != "/dev/null");
    if let Some(path) = named.filter(|_| diff.path.is_empty()) {
        path.split('\t').next().unwrap_or_default().clone_into(&mut diff.path);
    }
}

/// Reads a text that is a unified diff or a patch of `apply_patch`, whatever comes before it.
pub(crate) fn written(text: &str) -> Option<Diff> {
    let mut lines = text.lines();
    let is_patch = lines.clone().any(|line| line == "*** Begin Patch");
    let is_unified = lines.any(|line| hunk(line).is_some()) && text.lines().any(|line| line.starts_with("+++ "));
    if is_patch || is_unified { fenced(text) } else { None }
}

/// Reads what stands for a diff in the output of an agent that speaks ACP: the path, then all old lines and all new ones.
pub(crate) fn of_agent(text: &str) -> Option<Diff> {
    let (path, rest) = text.split_once('\n')?;
    if path.trim().is_empty() || path.starts_with(['+', '-', ' ']) || rest.trim().is_empty() {
        return None;
    }
    let (mut old, mut new) = (String::new(), String::new());
    for line in rest.lines() {
        let (side, line) = match line.split_at_checked(1)? {
            ("-", line) if new.is_empty() => (&mut old, line),
            ("+", line) => (&mut new, line),
            _ => return None,
        };
        side.push_str(line);
        side.push('\n');
    }
    between(path, &old, &new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(diff: &Diff) -> Vec<String> {
        let number = |number: Option<u64>| number.map_or("_".to_owned(), |number| number.to_string());
        let sign = |op| match op {
            Op::Same => ' ',
            Op::Removed => '-',
            Op::Added => '+',
            Op::About => '@',
        };
        let line = |line: &crate::node::Line| {
            format!("{}{}{} {}", sign(line.op), number(line.old), number(line.new), line.text)
        };
        diff.lines.iter().map(line).collect()
    }

    #[test]
    fn two_texts_are_compared_line_by_line() {
        let diff = between("a.rs", "one\ntwo\nthree\n", "one\n2\nthree\nfour\n").expect("short");
        assert_eq!(shown(&diff), [" 11 one", "-2_ two", "+_2 2", " 33 three", "+_4 four"]);
        assert_eq!((diff.path.as_str(), diff.added, diff.removed), ("a.rs", 2, 1));
        let long = |changed: &str| (0..40).fold(String::new(), |text, n| format!("{text}{n}{changed}\n"));
        assert_eq!(between("", &long(""), &long("x")).map(|diff| (diff.added, diff.removed)), Some((40, 40)));
        let far = between("", &long(""), &long("").replace("2\n", "two\n").replace("37\n", "x\n")).expect("short");
        assert!(shown(&far).contains(&"@__ ".to_owned()), "a gap: {:?}", shown(&far));
        assert_eq!(between("new", "", "a\nb").map(|diff| diff.added), Some(2));
        assert_eq!(between("", &"x\n".repeat(DIFF_LINES), "y"), None);
    }

    #[test]
    fn a_unified_diff_is_read_with_its_numbers() {
        let text = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@ fn f\n a\n--- b\n+++ c\n+d\n\\ No newline\n";
        let diff = written(text).expect("a diff");
        let hunk = ["@__ @@ -1,2 +1,3 @@ fn f", " 11 a", "-2_ -- b", "+_2 ++ c", "+_3 d"];
        assert_eq!(shown(&diff).get(4..9), Some(hunk.map(str::to_owned).as_slice()));
        assert_eq!((diff.path.as_str(), diff.added, diff.removed), ("x", 2, 1));
        assert_eq!(written("- a list\n- of things\n"), None);
        assert_eq!(written("@@ -1 +1 @@\n"), None);
    }

    #[test]
    fn patches_and_diffs_of_agents_are_read() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@\n fn a\n-old\n+new\n*** End Patch";
        let diff = written(patch).expect("a patch");
        assert_eq!((diff.path.as_str(), diff.added, diff.removed), ("src/a.rs", 1, 1));
        let diff = of_agent("/src/a.rs\n-one\n-two\n+one\n+2\n").expect("a diff");
        assert_eq!(shown(&diff), [" 11 one", "-2_ two", "+_2 2"]);
        for other in ["ls\na.rs\n", "-x\n+y", "path", "path\n", "path\n+a\n-b\n"] {
            assert_eq!(of_agent(other), None, "{other:?}");
        }
        assert_eq!(fenced("- a\n+ b\n c").map(|diff| (diff.added, diff.removed)), Some((1, 1)));
    }
}
