//! `flightdeck audit list`, and `verify` and `export` of a server's log: the record, as the server shows it.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};

use flightdeck_client::replies::{AuditPage, AuditProof, AuditTarget, Told};
use flightdeck_client::{connect, encode};
use flightdeck_settings::Flags;
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, escape_json, line, local, note};
use serde_json::{Value, json};

use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::AuditListArgs;
use crate::ids::{session, tail_of};
use crate::operator::operator;

/// Lists entries of a server's audit log.
///
/// # Errors
/// The server was not found, or refuses.
pub fn list(args: &AuditListArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let mut query = format!("limit={}", args.limit);
    for (name, id) in [("agentId", &args.session), ("subtree", &args.subtree)] {
        if let Some(id) = id {
            query.extend(["&", name, "=", &session(&client, id)?]);
        }
    }
    let filters = [
        ("operator", &args.operator),
        ("action", &args.action),
        ("from", &args.from),
        ("to", &args.to),
        ("before", &args.before),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            query.extend(["&", name, "=", &encode(value)]);
        }
    }
    let page: AuditPage = client.get(&format!("/audit?{query}"))?.read()?;
    if out.json {
        out.json(&page.entries.into_iter().map(|entry| entry.raw).collect());
        return Ok(());
    }
    let mut table = Table::new(&[
        Column::whole("SEQ"),
        Column::whole("TIME"),
        Column::wrapped("OPERATOR"),
        Column::cut("ACTION"),
        Column::whole("OUTCOME"),
        Column::whole("TARGET"),
        Column::wrapped("REASON"),
    ]);
    for Told { read: entry, .. } in &page.entries {
        let refused = entry.outcome == "refused";
        let refusal = entry.details.get("refusal").and_then(Value::as_str);
        table.row([
            (Tone::Faint, &entry.seq.to_string()),
            (Tone::Plain, &entry.at.map(local).unwrap_or_default()),
            (Tone::Plain, &operator(&entry.actor, entry.actor_name.as_deref())),
            (Tone::Strong, &entry.action),
            (if refused { Tone::Bad } else { Tone::Good }, &entry.outcome),
            (Tone::Plain, &target(&entry.target)),
            (Tone::Plain, entry.reason.as_deref().or(refusal).unwrap_or_default()),
        ]);
    }
    out.table(&table, "no entries");
    Ok(())
}

/// What an action was aimed at, in short.
fn target(target: &AuditTarget) -> String {
    let kind = &target.kind;
    match (kind.as_str(), &target.value) {
        ("session" | "approval", Some(id)) => format!("{kind} {}", tail_of(id)),
        (_, Some(value)) => format!("{kind} {value}"),
        _ => kind.clone(),
    }
}

/// Has the server prove its log.
///
/// # Errors
/// The log is not what it was, nothing vouches for it, or the server refuses.
pub fn verify(url: &str, flags: &Flags, json: bool) -> Outcome {
    let client = connect(Some(url), flags)?.waiting(note);
    let out = Out::new(json);
    let reply = client.get("/audit/verify")?;
    let found: AuditProof = reply.read()?;
    if json {
        // Also what is not proven: the error says so, and this says where.
        out.json(&reply.body);
    }
    if !found.valid {
        let place = found.problem_seq.map(|seq| format!(" at entry {seq}")).unwrap_or_default();
        let problem = found.problem.unwrap_or_default();
        let told = format!("the audit log of {} is NOT what it was{place}: {problem}", client.base());
        return Err(CommandError::Unproven(told).into());
    }
    // A server from before it told has no word for it.
    let unvouched = found.verdict.as_deref() == Some("unvouched");
    if unvouched || (found.checkpoints == 0 && found.entries != 0) {
        let told = format!(
            "nothing vouches for the {} entries of the audit log of {}: no signed checkpoint says that they were not rewritten as \
             a whole; sign them with POST /audit/checkpoint, while you trust them",
            found.entries,
            client.base()
        );
        return Err(CommandError::Unproven(told).into());
    }
    if json {
        return Ok(());
    }
    let signed = match found.signed_up_to {
        Some(seq) => {
            let key = line(&found.key_id.unwrap_or_default());
            format!("{}, up to entry {seq}\n  signed with  {key}", found.checkpoints)
        }
        None => "none yet".to_owned(),
    };
    out.line(&format!("good: {} entries, says the server itself", found.entries));
    out.line(&format!("  head         {}", line(&found.head)));
    out.line(&format!("  checkpoints  {signed}"));
    Ok(())
}

/// Takes the log out of a server.
///
/// # Errors
/// The server refuses, or the file is there already or cannot be written.
pub fn export(url: &str, flags: &Flags, after: u64, out: Option<&str>, json: bool) -> Outcome {
    let client = connect(Some(url), flags)?.waiting(note);
    let mut from = client.read(&format!("/audit/export?after={after}"))?;
    let Some(path) = out else {
        if io::stdout().is_terminal() {
            // What agents and operators wrote stands in it; as JSON it may be escaped without being changed.
            let mut text = String::new();
            from.read_to_string(&mut text)?;
            text.lines().for_each(|line| Out::new(true).line(&escape_json(line)));
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
    if json {
        Out::new(true).json(&json!({"file": path}));
    } else {
        Out::new(false).line(&format!("{path} is written; prove it with: flightdeck audit verify {path}"));
    }
    Ok(())
}
