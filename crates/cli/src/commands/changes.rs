//! `flightdeck changes`: what an agent changed in its folder.

use flightdeck_client::encode;
use flightdeck_client::replies::{ChangedFile, ChangedLine, Changes, Hunk};
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, line, local};

use crate::ask::begin;
use crate::grammar::ChangesArgs;
use crate::ids::session;

pub(super) fn run(args: &ChangesArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let id = session(&client, &args.session.id)?;
    let turn = args.turn.map(|turn| format!("turn={turn}"));
    let path = args.path.as_deref().map(|path| format!("path={}", encode(path)));
    let query = turn.into_iter().chain(path).collect::<Vec<_>>().join("&");
    let reply = client.get(&format!("/agents/{id}/changes?{query}"))?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let changes: Changes = reply.read()?;
    match &changes.hunks {
        Some(hunks) => tell_file(out, &changes, hunks),
        None => tell_list(out, &changes, args.turn),
    }
    Ok(())
}

/// The files, with a sentence about what they were compared with.
fn tell_list(out: Out, changes: &Changes, turn: Option<u32>) {
    let columns = [Column::whole("WHAT"), Column::whole("LINES"), Column::wrapped("FILE")];
    let mut table = Table::new(&columns);
    for file in &changes.files {
        let counts = counts(file);
        table.row([(Tone::Plain, &file.status), (Tone::Plain, &counts), (Tone::Plain, &named(file))]);
    }
    let nothing = match turn {
        Some(turn) => format!("turn {turn} changed nothing in {}", changes.folder),
        None => format!("nothing is changed in {}", changes.folder),
    };
    out.table(&table, &nothing);
    if changes.files.is_empty() {
        return;
    }
    if changes.truncated {
        out.line(&format!("… {} files in all; --json has no more either", changes.total));
    }
    out.line(&out.paint.paint(Tone::Faint, &summary(changes, turn)));
}

fn summary(changes: &Changes, turn: Option<u32>) -> String {
    let since = match (turn, &changes.commit) {
        (Some(turn), _) => format!("in turn {turn} of {}", changes.turns.len()),
        (None, Some(commit)) => {
            let short: String = commit.chars().take(12).collect();
            let branch = changes.branch.as_deref().map(|branch| format!(" on {branch}")).unwrap_or_default();
            format!("since the agent began, at {short}{branch}")
        }
        (None, None) => "since the agent began".to_owned(),
    };
    let then = changes.to_at.filter(|_| !changes.is_now).map(|at| format!(", as it was at {}", local(at)));
    let then = then.unwrap_or_default();
    line(&format!("+{} −{} {since}, in {}{then}", changes.added, changes.removed, changes.folder))
}

/// The lines of a file, as `diff -u` has them.
fn tell_file(out: Out, changes: &Changes, hunks: &[Hunk]) {
    for file in &changes.files {
        out.line(&out.paint.paint(Tone::Strong, &line(&format!("{} {} {}", file.status, named(file), counts(file)))));
    }
    if hunks.is_empty() {
        let kind = changes.files.first().map_or("", |file| file.kind.as_str());
        out.line(match kind {
            "binary" => "it holds no text",
            "submodule" => "it is another repository; only its commit is compared",
            "notKept" => "it is too large to be kept; only its size and time are compared",
            _ => "no line of it is changed",
        });
    }
    for hunk in hunks {
        out.line(&out.paint.paint(Tone::Faint, &line(&heading(hunk))));
        for changed in &hunk.lines {
            let (sign, tone) = match changed.op.as_str() {
                "added" => ('+', Tone::Good),
                "removed" => ('-', Tone::Bad),
                "about" => ('\\', Tone::Faint),
                _ => (' ', Tone::Plain),
            };
            out.line(&out.paint.paint(tone, &format!("{sign}{}", line(&changed.text))));
        }
    }
    if changes.truncated {
        out.line("… lines, or ends of lines, are missing: there are too many");
    }
}

/// `@@ -1,3 +1,4 @@ fn f()`
fn heading(hunk: &Hunk) -> String {
    let range = |number: fn(&ChangedLine) -> Option<u64>| {
        let mut numbers = hunk.lines.iter().filter_map(number);
        let first = numbers.next();
        let length = if first.is_some() { 1 + numbers.count() } else { 0 };
        format!("{},{length}", first.unwrap_or_default())
    };
    format!("@@ -{} +{} @@ {}", range(|line| line.old), range(|line| line.new), hunk.heading).trim_end().to_owned()
}

fn named(file: &ChangedFile) -> String {
    match &file.from {
        Some(from) => format!("{from} → {}", file.path),
        None => file.path.clone(),
    }
}

/// `+3 −1`, or what it is instead of lines.
fn counts(file: &ChangedFile) -> String {
    match (file.added, file.removed) {
        (None, None) => match file.kind.as_str() {
            "notKept" => "large".to_owned(),
            "notRead" => "not counted".to_owned(),
            kind => kind.to_owned(),
        },
        (added, removed) => format!("+{} −{}", added.unwrap_or_default(), removed.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hunk_is_headed_as_diff_does() {
        let changed = |op: &str, old, new| ChangedLine { op: op.to_owned(), old, new, text: String::new() };
        let lines = vec![changed("same", Some(4), Some(4)), changed("removed", Some(5), None)];
        let hunk = Hunk { heading: "fn f()".to_owned(), lines };
        assert_eq!(heading(&hunk), "@@ -4,2 +4,1 @@ fn f()");
        let new = Hunk { heading: String::new(), lines: vec![changed("added", None, Some(1))] };
        assert_eq!(heading(&new), "@@ -0,0 +1,1 @@");
    }
}
