//! Sinks, how far they are, and their dead letters.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::sink::{DeadLetter, LettersChange, Sink, SinkFilter, SinkForm, SinkName, SinkProgress, Trouble};
use flightdeck_domain::text::{JsonObject, MissionId, Reason};
use flightdeck_domain::use_cases::{Begins, KeyNames, NewSink, SinkOffer, SinkOverview};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::credentials::CredentialsBody;
use super::{texts, words};
use crate::problem::ApiError;

/// Which events of the fleet feed a sink sends; all of them when it says nothing.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct SinkFilterBody {
    /// Whatever needs a person: a permission request is opened, a session failed or is lost, a budget pauses agents.
    needs_person: bool,
    /// Events of these types, too.
    #[schema(value_type = Vec<words::FleetEventType>)]
    kinds: BTreeSet<FleetEventKind>,
    /// Changes of the status to one of these, too.
    #[schema(value_type = Vec<words::SessionStatus>)]
    statuses: BTreeSet<SessionStatus>,
    /// Of all that only what belongs to one of these missions; everything when empty.
    #[schema(value_type = Vec<texts::MissionId>, max_items = 50)]
    missions: BTreeSet<MissionId>,
}

impl From<SinkFilterBody> for SinkFilter {
    fn from(body: SinkFilterBody) -> Self {
        let SinkFilterBody { needs_person, kinds, statuses, missions } = body;
        Self { needs_person, kinds, statuses, missions }
    }
}

impl From<SinkFilter> for SinkFilterBody {
    fn from(filter: SinkFilter) -> Self {
        let SinkFilter { needs_person, kinds, statuses, missions } = filter;
        Self { needs_person, kinds, statuses, missions }
    }
}

/// Where a sink begins.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Beginning {
    Start,
    Head,
}

/// What a sink is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "on-call", "form": "ntfy", "settings": {"topic": "flightdeck-on-call"}, "filter": {"needsPerson": true}}))]
pub(crate) struct SinkBody {
    /// Its name, where it is not in the path.
    #[schema(value_type = Option<texts::SinkName>)]
    name: Option<SinkName>,
    /// How its messages go out. It cannot be changed.
    #[schema(value_type = words::SinkForm)]
    form: SinkForm,
    /// Whether it sends; true when missing. While it does not, its cursor stays where it is.
    enabled: Option<bool>,
    /// What the form wants to know, by its schema (`GET /sinks`). Everybody who sees sinks can read it.
    #[serde(default)]
    #[schema(value_type = texts::JsonObject, required = false)]
    settings: JsonObject,
    /// Which events it sends. A form that sends the audit log sends every entry, and takes none.
    #[serde(default)]
    #[schema(required = false)]
    filter: SinkFilterBody,
    /// Whether messages have what agents write: titles of requests and reasons; false when missing. Without it they have
    /// only facts.
    #[serde(default)]
    transcript: bool,
    /// After so many failed tries a message becomes a dead letter; 12 when missing.
    #[schema(minimum = 1, maximum = 100)]
    max_tries: Option<u32>,
    /// Credentials by name, to be set, or null to be removed. Those that are not named stay. They are sealed.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<String>>, required = false)]
    credentials: CredentialsBody,
    /// Where it begins: with the first event that there is (`start`), or with the next one (`head`). When missing, a new
    /// sink begins at the head, and another one goes on where it is.
    #[schema(value_type = Option<words::SinkBegins>)]
    from: Option<Beginning>,
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    reason: Option<Reason>,
}

impl SinkBody {
    /// The name, what the sink is to be, and why.
    pub(crate) fn into_sink(self) -> Result<(Option<SinkName>, NewSink, Option<Reason>), ApiError> {
        if !self.credentials.faults.is_empty() {
            return Err(ApiError::Invalid(self.credentials.faults));
        }
        let new = NewSink {
            form: self.form,
            enabled: self.enabled.unwrap_or(true),
            settings: self.settings,
            filter: self.filter.into(),
            transcript: self.transcript,
            most_tries: self.max_tries.unwrap_or(Sink::TRIES),
            credentials: self.credentials.given,
            begins: self.from.map(|from| match from {
                Beginning::Start => Begins::Start,
                Beginning::Head => Begins::Head,
            }),
        };
        Ok((self.name, new, self.reason))
    }
}

/// Why a message did not arrive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TroubleView {
    /// What happened, without any credential.
    what: String,
    at: DateTime<Utc>,
}

impl From<Trouble> for TroubleView {
    fn from(trouble: Trouble) -> Self {
        Self { what: trouble.what, at: trouble.at.as_datetime() }
    }
}

/// A place from which the log did not go on where the cursor stood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SinkGapView {
    /// `restored`: the database is an earlier one, and places may have other events now than those that were sent;
    /// `removed`: the events were removed before they were sent.
    #[schema(value_type = words::SinkGapCause)]
    cause: &'static str,
    /// Where the cursor stood.
    after: u64,
    /// The place after which the sink went on.
    until: u64,
    at: DateTime<Utc>,
}

/// The replica that sends.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SinkSenderView {
    replica: String,
    /// Another replica takes over when it says nothing until then.
    until: DateTime<Utc>,
}

/// How far a sink is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SinkStateView {
    /// The place up to which everything is sent, is not wanted, or is a dead letter.
    cursor: u64,
    /// How many entries of the log are behind it, wanted or not; null when the end of the log is not known.
    #[schema(required = true)]
    lag: Option<u64>,
    /// Failed tries of the message that is next.
    tries: u32,
    /// Nothing is tried before; null for at once.
    #[schema(required = true)]
    next_try: Option<DateTime<Utc>>,
    /// The last failure; null when there was none. A later success leaves it.
    #[schema(required = true)]
    last_error: Option<TroubleView>,
    /// When a message was accepted last.
    #[schema(required = true)]
    last_success: Option<DateTime<Utc>>,
    /// How many messages were given up and can be sent again.
    dead_letters: u64,
    /// How many permission requests are reminded of when their deadline comes closer.
    reminders: u64,
    #[schema(required = true)]
    gap: Option<SinkGapView>,
    #[schema(required = true)]
    sender: Option<SinkSenderView>,
}

impl SinkStateView {
    fn new(progress: SinkProgress, lag: Option<u64>, dead_letters: u64) -> Self {
        let lease = progress.lease;
        Self {
            cursor: progress.cursor,
            lag,
            tries: progress.tries,
            next_try: progress.next_try.map(|at| at.as_datetime()),
            last_error: progress.last_error.map(Into::into),
            last_success: progress.last_success.map(|at| at.as_datetime()),
            dead_letters,
            reminders: u64::try_from(progress.reminders.len()).unwrap_or(u64::MAX),
            gap: progress.gap.map(|gap| SinkGapView {
                cause: gap.cause.as_str(),
                after: gap.after,
                until: gap.until,
                at: gap.at.as_datetime(),
            }),
            sender: lease.holder.zip(lease.until).map(|(replica, until)| SinkSenderView {
                replica: replica.as_str().to_owned(),
                until: until.as_datetime(),
            }),
        }
    }
}

/// A sink.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SinkView {
    name: String,
    /// How its messages go out.
    #[schema(value_type = words::SinkForm)]
    form: &'static str,
    /// The log that it follows.
    #[schema(value_type = words::SinkSource)]
    source: &'static str,
    /// Whether it sends.
    enabled: bool,
    /// By the schema of its form.
    #[schema(value_type = texts::JsonObject)]
    settings: JsonObject,
    filter: SinkFilterBody,
    /// Whether messages have what agents write.
    transcript: bool,
    /// After so many failed tries a message becomes a dead letter.
    max_tries: u32,
    /// The names of its credentials.
    credentials: Vec<String>,
    /// Rises by one with each change.
    revision: u64,
    /// Who changed it last.
    changed_by: String,
    /// What people call the key that did; missing for `cli`, and for a key that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    changed_by_name: Option<String>,
    changed_at: DateTime<Utc>,
    state: SinkStateView,
}

impl SinkView {
    pub(crate) fn new(seen: SinkOverview, names: &KeyNames) -> Self {
        let SinkOverview { sink, lag, dead_letters } = seen;
        Self {
            name: sink.name.into(),
            form: sink.form.as_str(),
            source: sink.form.source().as_str(),
            enabled: sink.enabled,
            settings: sink.settings,
            filter: sink.filter.into(),
            transcript: sink.transcript,
            max_tries: sink.most_tries,
            credentials: sink.credentials.into_keys().map(Into::into).collect(),
            revision: sink.revision,
            changed_by_name: names.get(sink.changed.by.as_str()).map(ToString::to_string),
            changed_by: sink.changed.by.to_string(),
            changed_at: sink.changed.at.as_datetime(),
            state: SinkStateView::new(sink.progress, lag, dead_letters),
        }
    }
}

/// A form that this server can send in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SinkFormView {
    #[schema(value_type = words::SinkForm)]
    name: &'static str,
    /// The log that its sinks follow.
    #[schema(value_type = words::SinkSource)]
    source: &'static str,
    /// The JSON Schema of the settings.
    #[schema(value_type = texts::JsonObject)]
    settings_schema: Value,
    /// The names of the credentials that it takes.
    credentials: Vec<String>,
}

impl From<SinkOffer> for SinkFormView {
    fn from(offer: SinkOffer) -> Self {
        Self {
            name: offer.form.as_str(),
            source: offer.form.source().as_str(),
            settings_schema: offer.schema.as_value().clone(),
            credentials: offer.credentials.into_iter().map(Into::into).collect(),
        }
    }
}

/// The sinks of a deployment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SinksView {
    /// Sorted by name.
    pub(crate) sinks: Vec<SinkView>,
    /// The forms that there are.
    pub(crate) forms: Vec<SinkFormView>,
}

/// A message that did not arrive in so many tries. Its event stays in the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterView {
    /// The place of the event on the feed, or of the entry on the audit log.
    place: u64,
    /// The type of the event; null for an entry of the audit log.
    #[schema(required = true, value_type = Option<words::FleetEventType>)]
    kind: Option<&'static str>,
    #[schema(required = true)]
    session_id: Option<Uuid>,
    /// How often it was tried.
    tries: u32,
    /// Why the last try failed.
    error: TroubleView,
    /// Whether it waits to be sent again.
    resending: bool,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            place: letter.place,
            kind: letter.kind.map(FleetEventKind::as_str),
            session_id: letter.session_id.map(|id| *id.as_uuid()),
            tries: letter.tries,
            error: letter.error.into(),
            resending: letter.again,
        }
    }
}

/// One page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLettersView {
    /// By place, the oldest first.
    dead_letters: Vec<DeadLetterView>,
    /// Send it as `after` for the next page; null when there is none.
    #[schema(required = true)]
    next_after: Option<u64>,
}

impl DeadLettersView {
    pub(crate) fn new(letters: Vec<DeadLetter>, limit: usize) -> Self {
        let next_after = letters.last().filter(|_| letters.len() >= limit).map(|letter| letter.place);
        Self { dead_letters: letters.into_iter().map(Into::into).collect(), next_after }
    }
}

/// Which dead letters are to be sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({"places": [1042, 1043], "reason": "the receiver is back"}))]
pub(crate) struct ResendBody {
    /// Those at these places; all when missing.
    #[schema(value_type = Option<Vec<u64>>, min_items = 1, max_items = 1000)]
    places: Option<Vec<u64>>,
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    reason: Option<Reason>,
}

impl ResendBody {
    /// The places, all when there are none, and why.
    pub(crate) fn read(self) -> Result<(Vec<u64>, Option<Reason>), ApiError> {
        let most = LettersChange::MOST;
        match self.places {
            Some(places) if !(1..=most).contains(&places.len()) => {
                Err(ApiError::field("/places", format!("must have 1 to {most} places; leave it out for all")))
            }
            places => Ok((places.unwrap_or_default(), self.reason)),
        }
    }
}

/// How many dead letters are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResendReply {
    pub(crate) letters: u64,
}

/// What a trial has shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SinkTrialView {
    /// The receiver has accepted the message; otherwise the answer is a 502.
    pub(crate) accepted: bool,
}
