//! `flightdeck logs`: a conversation, and how it goes on.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use super::{begin, id_argument, text};
use crate::cli::Outcome;
use crate::client::{self, Client, ClientError, Follower, Heard, flags, moment, word};
use crate::terminal::{Out, Tone, line, progress};

/// What one request brings.
const PAGE: u64 = 1_000;

pub(crate) fn grammar() -> Command {
    Command::new("logs")
        .about("Print a conversation; with -f go on as it grows, across restarts of the server, without a gap")
        .arg(id_argument())
        .arg(
            Arg::new("follow")
                .short('f')
                .long("follow")
                .help("go on until the session ends")
                .action(ArgAction::SetTrue),
        )
        .arg(
            Arg::new("tail")
                .short('n')
                .long("tail")
                .value_name("N")
                .value_parser(clap::value_parser!(u64))
                .help("only the last so many messages; 50 when missing")
                .conflicts_with_all(["all", "after"]),
        )
        .arg(Arg::new("all").long("all").help("from the first message on").action(ArgAction::SetTrue))
        .arg(
            Arg::new("after")
                .long("after")
                .value_name("SEQ")
                .value_parser(clap::value_parser!(u64))
                .help("only messages after this one")
                .conflicts_with("all"),
        )
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let id = client::session(&client, text(given, "id").unwrap_or_default())?;
    let printer = Printer::new(out);
    let total = client.get(&format!("/agents/{id}/messages?limit=1"))?.body["total"].as_u64().unwrap_or(0);
    let after = match given.get_one::<u64>("after") {
        Some(after) => *after,
        None if given.get_flag("all") => 0,
        None => total.saturating_sub(given.get_one::<u64>("tail").copied().unwrap_or(50)),
    };
    if given.get_flag("follow") { follow(&client, &id, after, printer) } else { history(&client, &id, after, printer) }
}

fn history(client: &Client, id: &str, mut after: u64, printer: Printer) -> Outcome {
    loop {
        let page = client.get(&format!("/agents/{id}/messages?after={after}&limit={PAGE}"))?.body;
        let messages = page["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        for message in messages {
            printer.message(message);
        }
        match messages.last().and_then(|last| last["seq"].as_u64()) {
            Some(last) if last < page["total"].as_u64().unwrap_or(0) => after = last,
            _ => return Ok(()),
        }
    }
}

fn follow(client: &Client, id: &str, after: u64, printer: Printer) -> Outcome {
    let mut follower = Follower::open(client, &format!("/agents/{id}/messages/stream"), after)?;
    loop {
        match follower.next()? {
            Heard::Event(event) if event.kind == "message" => printer.message(&event.data),
            Heard::Event(event) if event.kind == "receipt" => printer.receipt(&event.data),
            Heard::Event(event) if event.kind == "gap" => {
                return Err(ClientError::NotDone("messages in between are no longer kept".to_owned()).into());
            }
            Heard::Event(_) => {}
            Heard::Lost => progress("not live: the server does not answer; trying again …"),
            Heard::Back => progress(""),
            Heard::Ended => return Ok(()),
        }
    }
}

/// Prints messages.
#[derive(Clone, Copy)]
pub(super) struct Printer(Out);

impl Printer {
    pub(super) const fn new(out: Out) -> Self {
        Self(out)
    }

    /// One message: `12:04:05  #12 assistant  text`, further lines below the text.
    pub(super) fn message(self, message: &Value) {
        let Self(out) = self;
        if out.json {
            out.json_line(message);
            return;
        }
        let at = moment(message, "createdAt").map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default();
        let seq = format!("#{}", message["seq"]);
        let role = word(message, "role");
        let (label, tone) = match (role, word(&message["metadata"], "type")) {
            ("operator", _) => ("operator", Tone::Attention),
            ("user", _) => ("user", Tone::Strong),
            ("assistant", "thought") => ("thought", Tone::Faint),
            ("assistant", _) => ("assistant", Tone::Busy),
            ("tool", _) => ("tool", Tone::Good),
            // What an agent calls a message of the system is not the server's word.
            ("system", _) if word(&message["metadata"], "flightdeck") == "agent" => ("agent's", Tone::Faint),
            (other, _) => (other, Tone::Faint),
        };
        let label = format!("{:<9}", line(label));
        let mark = receipt_of(message).map(|state| format!("  [{state}]")).unwrap_or_default();
        let faint = |text: &str| out.paint.paint(Tone::Faint, text);
        let content = crate::terminal::text(word(message, "content"));
        let mut lines = content.lines();
        let first = format!("{}{mark}", lines.next().unwrap_or_default());
        let body = |text: &str| if tone == Tone::Faint { faint(text) } else { text.to_owned() };
        out.line(&format!(
            "{}  {} {}  {}",
            faint(&at),
            faint(&format!("{seq:<6}")),
            out.paint.paint(tone, &label),
            body(&first)
        ));
        for rest in lines {
            out.line(&format!("{:28}{}", "", body(rest)));
        }
    }

    /// What became of an operator's message.
    fn receipt(self, event: &Value) {
        let Self(out) = self;
        // Programs get messages alone, each with its receipt as it was when it was read.
        let Some(seq) = event["command"]["messageSeq"].as_u64().filter(|_| !out.json) else { return };
        let state = event["receipt"]["state"].as_str().or_else(|| event["receipt"].as_str()).unwrap_or("?");
        out.line(&out.paint.paint(Tone::Faint, &format!("{:28}message #{seq} is {}", "", line(state))));
    }
}

/// The state of an operator's message.
pub(super) fn receipt_of(message: &Value) -> Option<String> {
    message["receipt"]["state"].as_str().map(line)
}
