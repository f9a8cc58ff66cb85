//! `flightdeck audit list`, and `verify` and `export` of a server's log: the record, as the server shows it.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use super::{begin, text};
use crate::cli::{BoxError, Outcome};
use crate::client::{self, Client, ClientError, encode, flags, moment, tail_of, word};
use crate::terminal::{Out, Table, Tone, line, local};

pub(crate) fn grammar() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("list")
        .about("List entries of a server's audit log, newest first; the reading is recorded")
        .arg(option("session", "ID", "only about this session"))
        .arg(option("subtree", "ID", "only about this session or one below it"))
        .arg(option("operator", "KEYID", "only by this key"))
        .arg(option("action", "ACTION", "only of this action, as kill"))
        .arg(option("from", "TIME", "only of this moment (RFC 3339) or later"))
        .arg(option("to", "TIME", "only before this moment"))
        .arg(option("before", "SEQ", "only before this entry"))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(clap::value_parser!(u32).range(1..=1_000))
                .default_value("50")
                .help("the newest so many"),
        )
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let mut query = format!("limit={}", given.get_one::<u32>("limit").copied().unwrap_or(50));
    for (flag, name) in [("session", "agentId"), ("subtree", "subtree")] {
        if let Some(id) = text(given, flag) {
            query.extend(["&", name, "=", &client::session(&client, id)?]);
        }
    }
    for name in ["operator", "action", "from", "to", "before"] {
        if let Some(value) = text(given, name) {
            query.extend(["&", name, "=", &encode(value)]);
        }
    }
    let page = client.get(&format!("/audit?{query}"))?.body;
    if out.json {
        out.json(&page["entries"]);
        return Ok(());
    }
    let mut table = Table::new(&["SEQ", "TIME", "OPERATOR", "ACTION", "OUTCOME", "TARGET", "REASON"]);
    for entry in page["entries"].as_array().into_iter().flatten() {
        let refused = word(entry, "outcome") == "refused";
        table.row([
            (Tone::Faint, &entry["seq"].to_string()),
            (Tone::Plain, &moment(entry, "at").map(local).unwrap_or_default()),
            (Tone::Plain, word(entry, "actor")),
            (Tone::Strong, word(entry, "action")),
            (if refused { Tone::Bad } else { Tone::Good }, word(entry, "outcome")),
            (Tone::Plain, &target(&entry["target"])),
            (Tone::Plain, entry["reason"].as_str().or_else(|| entry["details"]["refusal"].as_str()).unwrap_or("")),
        ]);
    }
    out.table(&table, "no entries");
    Ok(())
}

/// What an action was aimed at, in short.
fn target(target: &Value) -> String {
    let kind = word(target, "kind");
    match (kind, target["value"].as_str()) {
        ("session" | "approval", Some(id)) => format!("{kind} {}", tail_of(id)),
        (_, Some(value)) => format!("{kind} {value}"),
        _ => kind.to_owned(),
    }
}

/// Has the server prove its log.
pub(crate) fn verify(client: &Client, out: Out) -> Outcome {
    let found = client.get("/audit/verify")?.body;
    if out.json {
        out.json(&found);
    }
    if found["valid"] != true {
        let place = found["problemSeq"].as_u64().map(|seq| format!(" at entry {seq}")).unwrap_or_default();
        let told = format!("the audit log of {} is NOT what it was{place}: {}", client.base(), word(&found, "problem"));
        return Err(ClientError::Unproven(told).into());
    }
    // A server from before it told has no word for it.
    if found["verdict"] == "unvouched" || (found["checkpoints"] == 0 && found["entries"] != 0) {
        let told = format!(
            "nothing vouches for the {} entries of the audit log of {}: no signed checkpoint says that they were not rewritten as \
             a whole; sign them with POST /audit/checkpoint, while you trust them",
            found["entries"],
            client.base()
        );
        return Err(ClientError::Unproven(told).into());
    }
    if !out.json {
        let signed = match found["signedUpTo"].as_u64() {
            Some(seq) => {
                format!("{}, up to entry {seq}\n  signed with  {}", found["checkpoints"], line(word(&found, "keyId")))
            }
            None => "none yet".to_owned(),
        };
        out.line(&format!("good: {} entries, says the server itself", found["entries"]));
        out.line(&format!("  head         {}", line(word(&found, "head"))));
        out.line(&format!("  checkpoints  {signed}"));
    }
    Ok(())
}

/// Takes the log out of a server.
pub(crate) fn export(client: &Client, after: u64, out: Option<&std::path::Path>) -> Result<(), BoxError> {
    let mut from = client.read(&format!("/audit/export?after={after}"))?;
    let Some(path) = out else {
        if io::stdout().is_terminal() {
            // What agents and operators wrote stands in it; as JSON it may be escaped without being changed.
            let mut text = String::new();
            from.read_to_string(&mut text)?;
            text.lines().for_each(|line| Out::new(true).line(&crate::terminal::escape_json(line)));
            return Ok(());
        }
        io::copy(&mut from, &mut io::stdout().lock())?;
        return Ok(());
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    io::copy(&mut from, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    let path = path.display();
    Out::new(false).line(&format!("{path} is written; prove it with: flightdeck audit verify {path}"));
    Ok(())
}
