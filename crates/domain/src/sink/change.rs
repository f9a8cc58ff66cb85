//! How a sink is changed, and when not.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Sink, SinkFilter, SinkForm, SinkLease, SinkName, SinkProgress};
use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::hex::hex;
use crate::provider_config::expected::{Conflict, changed_credentials, digests, resealed};
use crate::provider_config::{Changed, CredentialChanges, CredentialName, Expected, SealedCredential};
use crate::text::JsonObject;

/// What somebody wants a sink to be.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkDraft {
    /// How its messages go out.
    pub form: SinkForm,
    /// Whether it sends.
    pub enabled: bool,
    /// What the form wants to know.
    pub settings: JsonObject,
    /// Which events it sends.
    pub filter: SinkFilter,
    /// Whether messages have what agents write.
    pub transcript: bool,
    /// After so many failed tries a message becomes a dead letter.
    pub most_tries: u32,
    /// Credentials to set, or to remove.
    pub credentials: CredentialChanges,
    /// The place after which it begins. `None` goes on where it is; a new one begins at the start of the log.
    pub begins: Option<u64>,
}

/// A change of a sink.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkChange {
    /// Its name.
    pub name: SinkName,
    /// What it is to be; `None` removes it with its dead letters.
    pub draft: Option<SinkDraft>,
    /// What the caller knows of it.
    pub expected: Expected,
    /// Who wants it.
    pub by: Attribution,
}

/// Why a sink was not changed. The refusal is on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkRefused {
    /// There is none of this name.
    #[error("there is no sink {0:?}")]
    Unknown(SinkName),
    /// There is one already.
    #[error("there is a sink {name:?} already, at revision {revision}; send If-Match to change it")]
    Exists {
        /// Its name.
        name: SinkName,
        /// Its revision.
        revision: u64,
    },
    /// Somebody else has changed it.
    #[error("sink {name:?} is at revision {current}, not {expected}; read it again")]
    Stale {
        /// Its name.
        name: SinkName,
        /// The revision that the caller knows.
        expected: u64,
        /// The revision that it has.
        current: u64,
    },
    /// The form cannot be changed: its credentials and its cursor belong to it.
    #[error("the form of {name:?} is {form}; remove the sink and make another one to change it")]
    OtherForm {
        /// Its name.
        name: SinkName,
        /// Its form.
        form: SinkForm,
    },
    /// It would have more credentials than are allowed.
    #[error("at most {} credentials are allowed", Sink::MOST_CREDENTIALS)]
    TooManyCredentials,
}

/// What an accepted change writes.
#[derive(Clone, Debug, PartialEq)]
pub enum SinkEffect {
    /// A new sink.
    Create(Sink),
    /// The sink in its new state.
    Change(Sink),
    /// The sink that is removed, as it was.
    Remove(Sink),
}

impl SinkEffect {
    /// The sink, after the change or before its removal.
    #[must_use]
    pub fn into_sink(self) -> Sink {
        let (Self::Create(sink) | Self::Change(sink) | Self::Remove(sink)) = self;
        sink
    }
}

/// The decision, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkDecision {
    /// What to write, or why nothing is written.
    pub outcome: Result<SinkEffect, SinkRefused>,
    /// What to write to the audit log in the same transaction.
    pub audit: AuditDraft,
}

impl SinkChange {
    /// Decides the change. A store calls this under the lock of the sink.
    #[must_use]
    pub fn decide(&self, existing: Option<&Sink>) -> SinkDecision {
        match self.effect(existing) {
            Ok(effect) => {
                let details = self.details(existing, &effect);
                SinkDecision { outcome: Ok(effect), audit: self.entry(AuditOutcome::Accepted, details) }
            }
            Err(refused) => self.refuse(refused),
        }
    }

    /// Refuses the change.
    #[must_use]
    pub fn refuse(&self, refused: SinkRefused) -> SinkDecision {
        let details = [("refusal".to_owned(), refused.to_string())].into();
        SinkDecision { outcome: Err(refused), audit: self.entry(AuditOutcome::Refused, details) }
    }

    fn entry(&self, outcome: AuditOutcome, details: BTreeMap<String, String>) -> AuditDraft {
        let action = if self.draft.is_some() { ActionName::SinkSet } else { ActionName::SinkRemove };
        self.by.audit(action, AuditTarget::Sink(self.name.clone()), outcome, details)
    }

    fn effect(&self, existing: Option<&Sink>) -> Result<SinkEffect, SinkRefused> {
        let name = self.name.clone();
        self.expected.meets(existing.map(|sink| sink.revision)).map_err(|conflict| match conflict {
            Conflict::Unknown => SinkRefused::Unknown(name.clone()),
            Conflict::Exists { revision } => SinkRefused::Exists { name: name.clone(), revision },
            Conflict::Stale { expected, current } => SinkRefused::Stale { name: name.clone(), expected, current },
        })?;
        match (&self.draft, existing) {
            (None, None) => Err(SinkRefused::Unknown(name)),
            (None, Some(sink)) => Ok(SinkEffect::Remove(sink.clone())),
            (Some(draft), None) => {
                // Tokens of a removed sink of this name are older.
                let fence = u64::try_from(self.by.at.as_micros()).unwrap_or(0);
                let lease = SinkLease { fence, ..SinkLease::default() };
                Ok(SinkEffect::Create(self.sink(
                    draft,
                    BTreeMap::new(),
                    1,
                    SinkProgress { lease, ..SinkProgress::default() },
                )?))
            }
            (Some(draft), Some(sink)) if draft.form != sink.form => {
                Err(SinkRefused::OtherForm { name, form: sink.form })
            }
            (Some(draft), Some(sink)) => {
                let (kept, revision) = (sink.credentials.clone(), sink.revision.saturating_add(1));
                // Whoever has mended it need not wait for the next try.
                let progress = SinkProgress { next_try: None, failures: 0, ..sink.progress.clone() };
                Ok(SinkEffect::Change(self.sink(draft, kept, revision, progress)?))
            }
        }
    }

    fn sink(
        &self,
        draft: &SinkDraft,
        kept: BTreeMap<CredentialName, SealedCredential>,
        revision: u64,
        mut progress: SinkProgress,
    ) -> Result<Sink, SinkRefused> {
        let credentials = changed_credentials(kept, &draft.credentials);
        if credentials.len() > Sink::MOST_CREDENTIALS {
            return Err(SinkRefused::TooManyCredentials);
        }
        if let Some(begins) = draft.begins {
            progress.cursor = begins;
            progress.tries = 0;
            progress.reminders = Vec::new();
        }
        Ok(Sink {
            name: self.name.clone(),
            form: draft.form,
            enabled: draft.enabled,
            settings: draft.settings.clone(),
            filter: draft.filter.clone(),
            transcript: draft.transcript,
            most_tries: draft.most_tries,
            credentials,
            revision,
            changed: Changed { by: self.by.actor.clone(), at: self.by.at },
            progress,
        })
    }

    /// What the entry says: the revision, a digest of the settings and of each credential that was given, and what
    /// changed. Settings and credentials themselves are never copied.
    fn details(&self, existing: Option<&Sink>, effect: &SinkEffect) -> BTreeMap<String, String> {
        let (SinkEffect::Create(sink) | SinkEffect::Change(sink) | SinkEffect::Remove(sink)) = effect;
        let mut details = BTreeMap::from([
            ("form".to_owned(), sink.form.to_string()),
            ("revision".to_owned(), sink.revision.to_string()),
        ]);
        let Some(draft) = &self.draft else { return details };
        details.insert("enabled".to_owned(), sink.enabled.to_string());
        details.insert("transcript".to_owned(), sink.transcript.to_string());
        details.insert("settingsSha256".to_owned(), hex(&Sha256::digest(sink.settings.to_string())));
        if let Some(begins) = draft.begins {
            details.insert("begins".to_owned(), begins.to_string());
        }
        if let Some(before) = existing {
            details.insert("changed".to_owned(), changes(before, sink).join(","));
        }
        if let Some(given) = digests(&draft.credentials) {
            details.insert("credentials".to_owned(), given);
        }
        details
    }
}

/// The fields that differ, as the API names them.
fn changes(before: &Sink, after: &Sink) -> Vec<&'static str> {
    let differs = [
        ("enabled", before.enabled != after.enabled),
        ("settings", !before.settings.says_the_same(&after.settings)),
        ("filter", before.filter != after.filter),
        ("transcript", before.transcript != after.transcript),
        ("maxTries", before.most_tries != after.most_tries),
        ("credentials", before.credentials != after.credentials),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

/// Dead letters are to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LettersChange {
    /// The sink.
    pub name: SinkName,
    /// The places of the letters; all when there are none.
    pub places: Vec<u64>,
    /// Who wants it.
    pub by: Attribution,
}

impl LettersChange {
    /// The most letters that one call names.
    pub const MOST: usize = 1_000;

    /// The sink, which tries at once, and the audit entry, for a number of letters that were found. A store calls this
    /// under the lock of the sink.
    pub fn decide(&self, existing: Option<&Sink>, letters: u64) -> (Result<Sink, SinkRefused>, AuditDraft) {
        let target = AuditTarget::Sink(self.name.clone());
        let entry = |outcome, details| self.by.audit(ActionName::SinkResend, target, outcome, details);
        let Some(sink) = existing else {
            let refused = SinkRefused::Unknown(self.name.clone());
            let details = [("refusal".to_owned(), refused.to_string())].into();
            return (Err(refused), entry(AuditOutcome::Refused, details));
        };
        let mut sink = sink.clone();
        sink.progress.next_try = None;
        sink.progress.again |= letters > 0;
        let details = [("letters".to_owned(), letters.to_string())].into();
        (Ok(sink), entry(AuditOutcome::Accepted, details))
    }
}

/// The credentials of a sink, sealed with another key. Nothing else of it changes, not even its revision.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkResealing {
    /// The name of the sink.
    pub name: SinkName,
    /// The revision whose credentials these are.
    pub revision: u64,
    /// All its credentials.
    pub credentials: BTreeMap<CredentialName, SealedCredential>,
    /// Who wants it.
    pub by: Attribution,
}

impl SinkResealing {
    /// The sink with these credentials and the audit entry; `None` when it was changed in the meantime, and the caller
    /// has to read it again.
    #[must_use]
    pub fn decide(&self, existing: Option<&Sink>) -> Option<(Sink, AuditDraft)> {
        let sink = existing.filter(|sink| sink.revision == self.revision)?;
        if !sink.credentials.keys().eq(self.credentials.keys()) {
            return None;
        }
        let details = resealed(&self.credentials, sink.revision);
        let target = AuditTarget::Sink(self.name.clone());
        let audit = self.by.audit(ActionName::SecretsRotate, target, AuditOutcome::Accepted, details);
        Some((Sink { credentials: self.credentials.clone(), ..sink.clone() }, audit))
    }
}

#[cfg(test)]
mod tests;
