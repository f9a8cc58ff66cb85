//! Hunks, as git writes them.

use flightdeck_domain::changes::{DiffLine, DiffOp, Hunk};

/// The most lines of a diff.
pub(crate) const LINES: usize = 2_000;

/// What a patch of one file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) hunks: Vec<Hunk>,
    pub(crate) is_cut: bool,
}

/// The lines that are still to come of a hunk, and their numbers.
struct Within {
    old: u64,
    new: u64,
    old_left: u64,
    new_left: u64,
}

/// Reads `@@ -1,3 +1,4 @@ fn f()`.
fn head(line: &str) -> Option<(Within, &str)> {
    let (old, rest) = line.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, heading) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<(u64, u64)> {
        let (start, length) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, length.parse().ok()?))
    };
    let ((old, old_left), (new, new_left)) = (range(old)?, range(new)?);
    Some((Within { old, new, old_left, new_left }, heading.trim()))
}

/// Reads the patch of one file. `is_cut`: its end is missing already.
pub(crate) fn read(bytes: &[u8], is_cut: bool) -> Patch {
    let mut patch = Patch { hunks: Vec::new(), is_cut };
    let mut within: Option<Within> = None;
    let mut lines = 0;
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for line in text.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let inside = within.as_mut().filter(|hunk| hunk.old_left > 0 || hunk.new_left > 0 || line.starts_with('\\'));
        let Some(hunk) = inside else {
            let Some((next, heading)) = head(&line) else { continue };
            let (heading, _) = shortened(heading);
            within = Some(next);
            patch.hunks.push(Hunk { heading, lines: Vec::new() });
            continue;
        };
        if lines == LINES {
            patch.is_cut = true;
            break;
        }
        lines += 1;
        let (op, text) = match line.split_at_checked(1) {
            Some(("+", text)) => (DiffOp::Added, text),
            Some(("-", text)) => (DiffOp::Removed, text),
            Some(("\\", text)) => (DiffOp::About, text.trim()),
            Some((" ", text)) => (DiffOp::Same, text),
            _ => (DiffOp::Same, &*line),
        };
        let (text, is_short) = shortened(text);
        patch.is_cut |= is_short;
        let old = matches!(op, DiffOp::Same | DiffOp::Removed).then_some(hunk.old);
        let new = matches!(op, DiffOp::Same | DiffOp::Added).then_some(hunk.new);
        if old.is_some() {
            (hunk.old, hunk.old_left) = (hunk.old.saturating_add(1), hunk.old_left.saturating_sub(1));
        }
        if new.is_some() {
            (hunk.new, hunk.new_left) = (hunk.new.saturating_add(1), hunk.new_left.saturating_sub(1));
        }
        if let Some(last) = patch.hunks.last_mut() {
            last.lines.push(DiffLine { op, old, new, text });
        }
    }
    patch
}

/// The beginning of a line, and whether its end is missing.
fn shortened(text: &str) -> (String, bool) {
    match text.char_indices().nth(Hunk::MAX_CHARS) {
        Some((end, _)) => (text.get(..end).unwrap_or_default().to_owned(), true),
        None => (text.to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(patch: &Patch) -> Vec<String> {
        let number = |number: Option<u64>| number.map_or("_".to_owned(), |number| number.to_string());
        let sign = |op| match op {
            DiffOp::Same => ' ',
            DiffOp::Removed => '-',
            DiffOp::Added => '+',
            DiffOp::About => '\\',
        };
        let lines = patch.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.map(|line| format!("{}{}.{} {}", sign(line.op), number(line.old), number(line.new), line.text)).collect()
    }

    #[test]
    fn lines_have_their_numbers_and_look_like_nothing_else() {
        let text =
            b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -9,3 +9,4 @@ fn f()\n a\n--- b\n+++ c\n+@@ -1 +1 @@\n z\n\
            @@ -20 +21,0 @@\n-gone\n\\ No newline at end of file\n";
        let patch = read(text, false);
        let lines = [
            " 9.9 a",
            "-10._ -- b",
            "+_.10 ++ c",
            "+_.11 @@ -1 +1 @@",
            " 11.12 z",
            "-20._ gone",
            "\\_._ No newline at end of file",
        ];
        assert_eq!(shown(&patch), lines);
        assert_eq!((patch.hunks.len(), patch.hunks[0].heading.as_str(), patch.is_cut), (2, "fn f()", false));
    }

    #[test]
    fn what_is_too_much_is_cut_and_said_to_be() {
        let many = format!("@@ -0,0 +1,{} @@\n{}", LINES + 1, "+x\n".repeat(LINES + 1));
        let patch = read(many.as_bytes(), false);
        assert_eq!((patch.hunks[0].lines.len(), patch.is_cut), (LINES, true));
        let long = format!("@@ -0,0 +1 @@\n+{}\n", "ü".repeat(Hunk::MAX_CHARS + 1));
        let patch = read(long.as_bytes(), false);
        assert_eq!((patch.hunks[0].lines[0].text.chars().count(), patch.is_cut), (Hunk::MAX_CHARS, true));
        assert!(read(b"@@ -0,0 +1 @@\n+x", true).is_cut);
    }
}
