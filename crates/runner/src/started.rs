//! What an agent is started with, in the words of the domain.

use std::collections::BTreeMap;

use flightdeck_domain::provider_config::{
    ConfigLimits, ConfigName, CredentialName, Credentials, ProviderConfig, Secret,
};
use flightdeck_domain::session::{Admission, Registration, Session, SessionStatus, TreeFacts};
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::time::Timestamp;

use crate::earlier::Earlier;
use crate::views::Started;

impl Started {
    /// The session of an assignment, as the agent's provider takes it.
    pub(crate) fn session(&self) -> Option<Session> {
        let registration = Registration {
            id: self.agent_id,
            parent_id: None,
            provider: ProviderName::new(self.offer.as_str()).ok()?,
            provider_session_id: None,
            replica: None,
            started_by: None,
            mission_id: self.mission_id.clone(),
            task_id: self.task_id.clone(),
            task_source: self.task_source.clone(),
            agent_type: self.agent_type.clone(),
            status: SessionStatus::Spawning,
            gate_profile: self.gate_profile.clone(),
            context: self.context.clone(),
            metadata: self.metadata.clone(),
            at: Timestamp::new(self.spawned_at),
        };
        match registration.admit(TreeFacts::default()).ok()? {
            Admission::Create { session, .. } => Some(Session { parent_id: self.parent_agent_id, ..*session }),
            Admission::Exists(_) => None,
        }
    }

    /// What it takes up, as its provider asks for it.
    pub(crate) fn earlier(&self, session: &Session) -> Option<Earlier> {
        self.takes_up.as_ref().and_then(|taken| Earlier::read(taken, session))
    }

    /// The configuration, as its kind takes it.
    pub(crate) fn config(&self) -> Result<ProviderConfig, String> {
        Ok(ProviderConfig {
            name: ConfigName::new(self.configuration.as_str()).map_err(|error| error.to_string())?,
            kind: ProviderName::new(self.offer.as_str()).map_err(|error| error.to_string())?,
            display_name: None,
            enabled: true,
            settings: self.settings.clone(),
            credentials: BTreeMap::new(),
            labels: [].into(),
            limits: ConfigLimits { at_once: self.at_once, ..ConfigLimits::default() },
            revision: self.revision,
            changed: None,
        })
    }

    /// The credentials of the configuration.
    pub(crate) fn credentials(&self) -> Result<Credentials, String> {
        let read = |(name, value): (&String, &String)| {
            let name = CredentialName::new(name.as_str()).map_err(|error| error.to_string())?;
            Ok((name, Secret::new(value.clone()).map_err(|error| error.to_string())?))
        };
        self.credentials.iter().map(read).collect()
    }
}
