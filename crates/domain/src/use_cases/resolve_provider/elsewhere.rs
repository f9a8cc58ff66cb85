//! A configuration of a kind that this server knows, whose agents runners start.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use crate::command::Command;
use crate::ids::SessionId;
use crate::message::Message;
use crate::ports::{AgentLog, AgentProvider, Capabilities, DeliverError, ProviderKind, SpawnError};
use crate::provider_config::ProviderConfig;
use crate::session::Session;
use crate::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};

/// What assigns the agents, with a look by the kind at what they are to be given: what no agent of the configuration takes is
/// refused at its field, before anything waits for a runner.
pub(super) struct Elsewhere {
    pub(super) assigns: Arc<dyn AgentProvider>,
    pub(super) kind: Arc<dyn ProviderKind>,
    pub(super) config: ProviderConfig,
}

#[async_trait]
impl AgentProvider for Elsewhere {
    fn name(&self) -> ProviderName {
        self.assigns.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.assigns.capabilities()
    }

    fn capabilities_of(&self, session: &Session) -> Capabilities {
        self.assigns.capabilities_of(session)
    }

    fn agent_types(&self) -> Option<Vec<AgentType>> {
        self.assigns.agent_types()
    }

    async fn check(&self, agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        self.kind.check_context(&self.config, context)?;
        self.assigns.check(agent_type, context).await
    }

    fn takes_up(&self, context: &JsonObject) -> Option<ProviderSessionId> {
        self.assigns.takes_up(context)
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        self.assigns.spawn(session, prompt).await
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.assigns.deliver(command, message).await
    }

    async fn log(&self, session: SessionId) -> Result<Option<AgentLog>, io::Error> {
        self.assigns.log(session).await
    }
}
