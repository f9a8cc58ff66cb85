//! Rows of `sinks` and `sink_letters`.

use diesel::prelude::*;
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::provider_config::Changed;
use flightdeck_domain::sink::{DeadLetter, Sink, SinkName, Trouble};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::{sink_letters, sinks};
use crate::values::{Flag, Id, Key, counted, json, moment, object};

row! {
    /// A sink.
    #[diesel(table_name = sinks)]
    pub struct SinkRow {
        name: String,
        form: String,
        enabled: Flag,
        settings: String,
        filter: String,
        transcript: Flag,
        most_tries: i64,
        credentials: String,
        revision: i64,
        changed_by: String,
        changed_at: i64,
        progress: String,
    }
}

impl TryFrom<SinkRow> for Sink {
    type Error = BrokenRow;

    fn try_from(row: SinkRow) -> Result<Self, BrokenRow> {
        let name = row.name.clone();
        row.read().map_err(|fault| fault.of("sinks", name))
    }
}

impl SinkRow {
    fn read(self) -> Result<Sink, Fault> {
        Ok(Sink {
            name: SinkName::new(self.name).column("name")?,
            form: self.form.parse().column("form")?,
            enabled: self.enabled.0,
            settings: object(&self.settings).column("settings")?,
            filter: serde_json::from_str(&self.filter).column("filter")?,
            transcript: self.transcript.0,
            most_tries: u32::try_from(self.most_tries).column("most_tries")?,
            credentials: serde_json::from_str(&self.credentials).column("credentials")?,
            revision: u64::try_from(self.revision).column("revision")?,
            changed: Changed {
                by: serde_json::from_value::<Actor>(self.changed_by.into()).column("changed_by")?,
                at: moment(self.changed_at).column("changed_at")?,
            },
            progress: serde_json::from_str(&self.progress).column("progress")?,
        })
    }
}

/// A sink to be inserted, or everything of it that is saved.
#[derive(Debug, Insertable)]
#[diesel(table_name = sinks)]
pub struct NewSinkRow<'a> {
    name: &'a str,
    form: &'static str,
    enabled: Flag,
    pub(crate) settings: String,
    pub(crate) filter: String,
    transcript: Flag,
    pub(crate) most_tries: i64,
    pub(crate) credentials: String,
    pub(crate) revision: i64,
    pub(crate) changed_by: &'a str,
    pub(crate) changed_at: i64,
    pub(crate) progress: String,
}

impl<'a> From<&'a Sink> for NewSinkRow<'a> {
    fn from(sink: &'a Sink) -> Self {
        let text = |value: Result<String, serde_json::Error>| value.unwrap_or_else(|_| "{}".to_owned());
        Self {
            name: sink.name.as_str(),
            form: sink.form.as_str(),
            enabled: Flag(sink.enabled),
            settings: json(&sink.settings),
            filter: text(serde_json::to_string(&sink.filter)),
            transcript: Flag(sink.transcript),
            most_tries: i64::from(sink.most_tries),
            credentials: text(serde_json::to_string(&sink.credentials)),
            revision: counted(sink.revision),
            changed_by: sink.changed.by.as_str(),
            changed_at: sink.changed.at.as_micros(),
            progress: text(serde_json::to_string(&sink.progress)),
        }
    }
}

row! {
    /// A dead letter.
    #[diesel(table_name = sink_letters)]
    pub struct LetterRow {
        sink: String,
        place: i64,
        kind: Option<String>,
        session_id: Option<Id>,
        tries: i64,
        error: String,
        died_at: i64,
        again: Flag,
    }
}

impl TryFrom<LetterRow> for DeadLetter {
    type Error = BrokenRow;

    fn try_from(row: LetterRow) -> Result<Self, BrokenRow> {
        let place = format!("{}, {}", row.sink, row.place);
        row.read().map_err(|fault| fault.of("sink_letters", place))
    }
}

impl LetterRow {
    fn read(self) -> Result<DeadLetter, Fault> {
        let at = moment(self.died_at).column("died_at")?;
        Ok(DeadLetter {
            sink: SinkName::new(self.sink).column("sink")?,
            place: u64::try_from(self.place).column("place")?,
            kind: maybe(self.kind, |kind| kind.parse()).column("kind")?,
            session_id: maybe(self.session_id, SessionId::try_from).column("session_id")?,
            tries: u32::try_from(self.tries).column("tries")?,
            error: Trouble { what: self.error, at },
            again: self.again.0,
        })
    }
}

/// A dead letter to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = sink_letters, treat_none_as_default_value = false)]
pub struct NewLetterRow<'a> {
    sink: &'a str,
    place: i64,
    kind: Option<&'static str>,
    session_id: Option<Id>,
    tries: i64,
    error: &'a str,
    died_at: i64,
    again: Flag,
}

impl<'a> From<&'a DeadLetter> for NewLetterRow<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        Self {
            sink: letter.sink.as_str(),
            place: counted(letter.place),
            kind: letter.kind.map(FleetEventKind::as_str),
            session_id: letter.session_id.map(|id| id.key()),
            tries: i64::from(letter.tries),
            error: &letter.error.what,
            died_at: letter.error.at.as_micros(),
            again: Flag(letter.again),
        }
    }
}

/// How many dead letters a sink has.
#[derive(Debug, diesel::QueryableByName)]
pub struct LettersRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    sink: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    letters: i64,
}

impl TryFrom<LettersRow> for (SinkName, u64) {
    type Error = BrokenRow;

    fn try_from(row: LettersRow) -> Result<Self, BrokenRow> {
        let broken = |fault: Fault| fault.of("sink_letters", row.sink.clone());
        let name = SinkName::new(row.sink.as_str()).column("sink").map_err(broken)?;
        Ok((name, u64::try_from(row.letters).unwrap_or_default()))
    }
}
