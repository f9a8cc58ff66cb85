//! The provider whose agents are started by runners.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Has, ReportStatus};
use crate::command::{Command, CommandKind};
use crate::message::Message;
use crate::ports::{
    AgentProvider, Capabilities, Clock, DeliverError, IdGenerator, PauseCapability, ProviderKind, RunnerRepository,
    SessionRepository, SpawnError, StoreUnavailable, WakeUps,
};
use crate::provider_config::{ConfigFault, CredentialName, Credentials, ProviderConfig, SettingsSchema};
use crate::runner::{Assignment, AssignmentState, Offer};
use crate::session::{Session, SessionStatus};
use crate::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId, Reason};

/// The kind and provider `runner`: it assigns the agents of its configurations to [runners](crate::runner), and those of
/// other kinds whose labels the server lacks.
#[derive(Clone)]
pub struct RunnerProvider {
    runners: Arc<dyn RunnerRepository>,
    report: ReportStatus,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    /// What is assigned; `None` for the kind as a whole.
    config: Option<Arc<ProviderConfig>>,
}

/// The settings of a configuration of the kind.
#[derive(Deserialize)]
struct Settings {
    offer: Offer,
    #[serde(default)]
    settings: JsonObject,
}

impl RunnerProvider {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn RunnerRepository>
            + Has<dyn SessionRepository>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        Self {
            runners: ports.port(),
            report: ReportStatus::new(ports),
            wake_ups: ports.port(),
            clock: ports.port(),
            config: None,
        }
    }

    /// What a runner must offer for this configuration, and the settings that it is given.
    fn wanted(config: &ProviderConfig) -> Result<(Offer, JsonObject), ConfigFault> {
        let wrong = |detail: String| ConfigFault::new("settings.offer", detail);
        if config.kind != ProviderName::runner() {
            let offer = Offer::new(config.kind.as_str()).map_err(|error| wrong(error.to_string()))?;
            return Ok((offer, config.settings.clone()));
        }
        let settings = Value::Object(config.settings.as_map().clone());
        let Settings { offer, settings } =
            serde_json::from_value(settings).map_err(|error| wrong(error.to_string()))?;
        Ok((offer, settings))
    }
}

#[async_trait]
impl AgentProvider for RunnerProvider {
    fn name(&self) -> ProviderName {
        ProviderName::runner()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: Some(PauseCapability::Turn),
            steer: true,
            queue: true,
            configure: true,
            approve: true,
            spawn: true,
            in_process: false,
        }
    }

    /// Whoever may not take a conversation up is refused by the server; a runner sees no other sessions.
    fn takes_up(&self, context: &JsonObject) -> Option<ProviderSessionId> {
        ProviderSessionId::resumed(context)
    }

    /// Agents are started from configurations alone.
    fn agent_types(&self) -> Option<Vec<AgentType>> {
        Some(Vec::new())
    }

    async fn check(&self, agent_type: &AgentType, _context: &JsonObject) -> Result<(), SpawnError> {
        if self.config.is_some() {
            return Ok(());
        }
        let problem = format!("there is no configuration {agent_type:?} of the kind runner; name one as the provider");
        Err(SpawnError::Invalid { field: "agentType".into(), problem })
    }

    /// The session stays `spawning` until a runner reports.
    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        let failed = |error: String| SpawnError::Failed(error.into());
        let away = |error: StoreUnavailable| SpawnError::Failed(Box::new(error));
        let Some(config) = &self.config else {
            // The kind itself starts nothing; what was assigned before is as good as started.
            let is_assigned = self.runners.assignment(session.id).await.map_err(away)?.is_some();
            return if is_assigned { Ok(()) } else { Err(failed("there is no configuration".to_owned())) };
        };
        let (offer, settings) = Self::wanted(config).map_err(|fault| failed(fault.to_string()))?;
        let assignment = Assignment {
            session_id: session.id,
            started_by: config.as_start(),
            offer,
            labels: config.labels.clone(),
            settings,
            at_once: config.limits.at_once,
            prompt,
            when_lost: config.limits.when_lost,
            state: AssignmentState::Waiting,
            fence: 0,
            runner: None,
            instance: None,
            leased_until: None,
            created_at: self.clock.now(),
        };
        self.runners.assign(assignment).await.map_err(away)?;
        // Runners wait for the feed to grow.
        self.wake_ups.feed_grew();
        Ok(())
    }

    /// The command waits in the queue until the runner fetches it. A kill of an agent that nobody has started is done at
    /// once.
    async fn deliver(&self, command: &Command, _message: Option<Message>) -> Result<(), DeliverError> {
        if command.kind == CommandKind::Kill {
            let session = command.session_id;
            // While the store is away it stays in the queue, and whoever keeps the runners does it later.
            if self.runners.cancel_assignment(session).await.unwrap_or_default() {
                let reason = Reason::new("it was killed before a runner had started it").ok();
                drop(self.report.execute(session, SessionStatus::Killed, reason).await);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ProviderKind for RunnerProvider {
    fn kind(&self) -> ProviderName {
        ProviderName::runner()
    }

    fn schema(&self) -> SettingsSchema {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["offer"],
            "properties": {
                "offer": {"type": "string", "description": "what a runner must offer, such as the name of a program"},
                "settings": {"type": "object", "description": "what the runner is given for each agent, as it is"},
            },
        });
        SettingsSchema::built_in(schema)
    }

    fn takes_credentials(&self) -> bool {
        true
    }

    fn check(&self, config: &ProviderConfig, _credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        Self::wanted(config).err().into_iter().collect()
    }

    fn capabilities(&self, _config: &ProviderConfig) -> Capabilities {
        AgentProvider::capabilities(self)
    }

    /// Its agents get their credentials when a runner starts them.
    fn build(&self, config: &ProviderConfig, _: Credentials) -> Result<Arc<dyn AgentProvider>, ConfigFault> {
        Self::wanted(config)?;
        Ok(Arc::new(Self { config: Some(Arc::new(config.clone())), ..self.clone() }))
    }
}

#[cfg(test)]
mod tests;
