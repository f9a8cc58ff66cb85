//! `flightdeck sinks`: what must reach people and systems outside.

use chrono::{DateTime, Utc};
use flightdeck_client::replies::{DeadLetters, Resent, Sink, Sinks};
use flightdeck_client::{ClientError, Reply, encode};
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, age, clock, line};
use serde_json::{Map, Value, json};

use super::facts;
use super::given::{credentials, settings};
use crate::ask::{begin, confirm};
use crate::error::CommandError;
use crate::grammar::{Asking, SinkSetArgs, SinksArgs, SinksCommand, Switch, Which};
use crate::operator::operator;

pub(super) fn run(args: &SinksArgs) -> Outcome {
    match &args.command {
        None => list(&args.asking),
        Some(SinksCommand::List { asking }) => list(asking),
        Some(SinksCommand::Show { named, asking }) => {
            let (client, out) = begin(asking)?;
            told(out, &client.get(&path(&named.name))?)
        }
        Some(SinksCommand::Set(args)) => set(args),
        Some(SinksCommand::Remove { named, why, unasked, asking }) => {
            remove(&named.name, why.reason.as_deref(), unasked.yes, asking)
        }
        Some(SinksCommand::Test { named, why, asking }) => test(&named.name, why.reason.as_deref(), asking),
        Some(SinksCommand::DeadLetters { named, after, asking }) => dead_letters(&named.name, *after, asking),
        Some(SinksCommand::Resend { named, places, why, asking }) => {
            resend(&named.name, places, why.reason.as_deref(), asking)
        }
    }
}

fn path(name: &str) -> String {
    format!("/sinks/{}", encode(name))
}

fn with_reason(mut body: Map<String, Value>, reason: Option<&str>) -> Value {
    if let Some(reason) = reason {
        body.insert("reason".to_owned(), reason.into());
    }
    Value::Object(body)
}

fn list(asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let reply = client.get("/sinks")?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let (Sinks { sinks }, now) = (reply.read()?, clock());
    let mut table = Table::new(&[
        Column::whole("SINK"),
        Column::whole("FORM"),
        Column::whole("STATE"),
        Column::whole("LAG"),
        Column::whole("DEAD"),
        Column::whole("SENT"),
        Column::wrapped("LAST ERROR"),
    ]);
    for sink in &sinks {
        let (state, tone) = state(sink, now);
        let sent = sink.state.last_success.map_or_else(|| "-".to_owned(), |at| age(at, now));
        let error = sink.state.last_error.as_ref().map_or("", |error| error.what.as_str());
        let lag = sink.state.lag.map_or_else(|| "?".to_owned(), |lag| lag.to_string());
        let dead = if sink.state.dead_letters > 0 { Tone::Bad } else { Tone::Plain };
        table.row([
            (Tone::Strong, sink.name.as_str()),
            (Tone::Plain, &sink.form),
            (tone, state),
            (Tone::Plain, &lag),
            (dead, &sink.state.dead_letters.to_string()),
            (Tone::Plain, &sent),
            (Tone::Faint, error),
        ]);
    }
    out.table(&table, "there is no sink; `flightdeck sinks set` makes one");
    Ok(())
}

/// How a sink is, in a word.
fn state(sink: &Sink, now: DateTime<Utc>) -> (&'static str, Tone) {
    let waits = sink.state.next_try.is_some_and(|next| next > now);
    match (sink.enabled, waits || sink.state.tries > 0) {
        (false, _) => ("disabled", Tone::Faint),
        (true, true) => ("failing", Tone::Bad),
        (true, false) => ("good", Tone::Good),
    }
}

fn remove(name: &str, reason: Option<&str>, yes: bool, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let found = client.get(&path(name))?;
    confirm(&format!("remove sink {}? what it has not sent it never sends", line(name)), yes)?;
    let reply = client.delete_known(&path(name), &with_reason(Map::new(), reason), found.header("etag"))?;
    if out.json {
        out.json(&reply.body);
    } else {
        out.line(&format!("{} is removed", line(name)));
    }
    Ok(())
}

fn test(name: &str, reason: Option<&str>, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let reply = client.post_once(&format!("{}/test", path(name)), &with_reason(Map::new(), reason))?;
    if out.json {
        out.json(&reply.body);
    } else {
        out.line(&format!("the receiver of {} has accepted a message", line(name)));
    }
    Ok(())
}

fn dead_letters(name: &str, after: Option<u64>, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let after = after.map(|after| format!("?after={after}")).unwrap_or_default();
    let reply = client.get(&format!("{}/dead-letters{after}", path(name)))?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let (page, now): (DeadLetters, _) = (reply.read()?, clock());
    let mut table = Table::new(&[
        Column::whole("PLACE"),
        Column::whole("TYPE"),
        Column::whole("AGENT"),
        Column::whole("TRIES"),
        Column::whole("AGE"),
        Column::wrapped("ERROR"),
    ]);
    for letter in &page.dead_letters {
        table.row([
            (Tone::Strong, letter.place.to_string().as_str()),
            (Tone::Plain, letter.kind.as_deref().unwrap_or("audit")),
            (Tone::Plain, letter.session_id.as_deref().unwrap_or("-")),
            (Tone::Plain, &letter.tries.to_string()),
            (Tone::Plain, &age(letter.error.at, now)),
            (Tone::Plain, if letter.resending { "it is sent again" } else { &letter.error.what }),
        ]);
    }
    out.table(&table, "no message was given up");
    if let Some(after) = page.next_after {
        out.line(&format!("there may be more: --after {after}"));
    }
    Ok(())
}

fn resend(name: &str, places: &[u64], reason: Option<&str>, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let mut body = Map::new();
    if !places.is_empty() {
        body.insert("places".to_owned(), json!(places));
    }
    let reply = client.post_once(&format!("{}/dead-letters/resend", path(name)), &with_reason(body, reason))?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let Resent { letters } = reply.read()?;
    out.line(&match letters {
        0 => "there is none to be sent again".to_owned(),
        1 => "1 message is sent again".to_owned(),
        many => format!("{many} messages are sent again"),
    });
    Ok(())
}

fn set(args: &SinkSetArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let name = &args.named.name;
    let found = match client.get(&path(name)) {
        Ok(found) => Some(found),
        Err(ClientError::Refused { status: 404, .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let before = found.as_ref().map(Reply::read::<Sink>).transpose()?;
    let body = body(args, before.as_ref())?;
    let known = match (args.revision, &found) {
        (Some(revision), _) => Some(format!("\"{revision}\"")),
        (None, Some(found)) => found.header("etag").map(str::to_owned),
        (None, None) => None,
    };
    told(out, &client.put_known(&path(name), &body, known.as_deref())?)
}

/// The whole sink: what it is, with what was given over it.
fn body(args: &SinkSetArgs, before: Option<&Sink>) -> Result<Value, CommandError> {
    let form = args.form.clone().or_else(|| before.map(|before| before.form.clone()));
    let form =
        form.ok_or_else(|| CommandError::Usage("--form: say how the messages of a new sink go out".to_owned()))?;
    let enabled = match (args.enable, args.disable) {
        (true, _) => true,
        (_, true) => false,
        _ => before.is_none_or(|before| before.enabled),
    };
    let transcript = match args.transcript {
        Some(switch) => switch == Switch::On,
        None => before.is_some_and(|before| before.transcript),
    };
    let Which { needs_person, kinds, statuses, missions, everything } = &args.which;
    let is_given = *needs_person || !kinds.is_empty() || !statuses.is_empty() || !missions.is_empty();
    let filter = if is_given {
        json!({"needsPerson": needs_person, "kinds": kinds, "statuses": statuses, "missions": missions})
    } else {
        let kept = before.filter(|_| !everything).map(|before| before.filter.clone());
        Value::Object(kept.unwrap_or_default())
    };
    let mut body = Map::new();
    body.insert("form".to_owned(), form.into());
    body.insert("enabled".to_owned(), enabled.into());
    let settings = settings(&args.given, before.map(|before| before.settings.clone()))?;
    body.insert("settings".to_owned(), Value::Object(settings));
    body.insert("filter".to_owned(), filter);
    body.insert("transcript".to_owned(), transcript.into());
    if let Some(tries) = args.max_tries.or_else(|| before.map(|before| before.max_tries)) {
        body.insert("maxTries".to_owned(), tries.into());
    }
    body.insert("credentials".to_owned(), Value::Object(credentials(&args.given)?));
    if let Some(from) = args.from {
        body.insert("from".to_owned(), from.as_str().into());
    }
    Ok(with_reason(body, args.why.reason.as_deref()))
}

fn told(out: Out, reply: &Reply) -> Outcome {
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let (sink, now): (Sink, _) = (reply.read()?, clock());
    let word = state(&sink, now).0.to_owned();
    let object = |map: &Map<String, Value>| {
        let is_said = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(items) => !items.is_empty(),
            _ => true,
        };
        let said = map.iter().filter(|(_, value)| is_said(value));
        let said: Map<String, Value> = said.map(|(name, value)| (name.clone(), value.clone())).collect();
        (!said.is_empty()).then(|| Value::Object(said).to_string())
    };
    let progress = &sink.state;
    let facts = [
        ("name", Some(sink.name.clone())),
        ("form", Some(sink.form.clone())),
        ("state", Some(word)),
        ("settings", object(&sink.settings)),
        ("filter", Some(object(&sink.filter).unwrap_or_else(|| "everything".to_owned()))),
        ("transcript", sink.transcript.then(|| "what agents write is in it".to_owned())),
        ("credentials", Some(sink.credentials.join(", ")).filter(|text| !text.is_empty())),
        ("cursor", Some(progress.cursor.to_string())),
        ("lag", progress.lag.map(|lag| lag.to_string())),
        ("sent", progress.last_success.map(|at| format!("{} ago", age(at, now)))),
        ("last error", progress.last_error.as_ref().map(|it| format!("{} ago: {}", age(it.at, now), it.what))),
        ("dead letters", Some(progress.dead_letters.to_string())),
        ("revision", Some(sink.revision.to_string())),
        ("changed by", Some(operator(&sink.changed_by, sink.changed_by_name.as_deref()))),
    ];
    facts::tell(out, 14, facts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn args(words: &[&str]) -> SinkSetArgs {
        let command = SinkSetArgs::augment_args(Command::new("set").no_binary_name(true));
        let matches = command.try_get_matches_from(words).expect("valid");
        SinkSetArgs::from_arg_matches(&matches).expect("valid")
    }

    #[test]
    fn what_is_not_given_stays_and_a_filter_is_given_as_a_whole() {
        let before = json!({"name": "ops", "form": "ntfy", "enabled": false, "transcript": true, "maxTries": 5,
            "settings": {"topic": "t"}, "filter": {"needsPerson": true, "kinds": [], "missions": ["apollo"]}});
        let before: Sink = serde_json::from_value(before).expect("a sink");
        let same = body(&args(&["ops"]), Some(&before)).expect("valid");
        let expected = json!({"form": "ntfy", "enabled": false, "settings": {"topic": "t"},
            "filter": {"needsPerson": true, "kinds": [], "missions": ["apollo"]}, "transcript": true, "maxTries": 5,
            "credentials": {}});
        assert_eq!(same, expected);
        let words =
            ["ops", "--enable", "--status", "completed", "--transcript", "off", "--from", "head", "--max-tries", "3"];
        let changed = body(&args(&words), Some(&before)).expect("valid");
        let expected = json!({"form": "ntfy", "enabled": true, "settings": {"topic": "t"},
            "filter": {"needsPerson": false, "kinds": [], "statuses": ["completed"], "missions": []},
            "transcript": false, "maxTries": 3, "credentials": {}, "from": "head"});
        assert_eq!(changed, expected);
        assert_eq!(body(&args(&["ops", "--everything"]), Some(&before)).expect("valid")["filter"], json!({}));
        assert!(body(&args(&["ops"]), None).expect_err("no form").to_string().starts_with("--form"));
    }
}
