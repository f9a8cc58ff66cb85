//! What Flightdeck may expect of Claude Code.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, ProviderKind, SpawnError};
use flightdeck_domain::provider_config::{ConfigFault, Credentials, ProviderConfig};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName};

/// Claude Code as a provider: it is started by people, and its hooks fetch what is asked of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClaudeCodeProvider;

#[async_trait]
impl AgentProvider for ClaudeCodeProvider {
    fn name(&self) -> ProviderName {
        ProviderName::claude_code()
    }

    /// It pauses before its next tool call, and takes a message in at its next hook.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: Some(PauseCapability::Turn),
            steer: true,
            queue: true,
            configure: false,
            approve: true,
            spawn: false,
            in_process: false,
        }
    }

    async fn check(&self, _agent_type: &AgentType, _context: &JsonObject) -> Result<(), SpawnError> {
        let problem = "claude-code is not started by this server; its sessions appear by their hooks \
                       (flightdeck connect claude-code)";
        Err(SpawnError::Invalid { field: "provider".into(), problem: problem.to_owned() })
    }

    async fn spawn(&self, _session: &Session, _prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        Ok(())
    }

    /// The command waits in the queue for the next hook.
    async fn deliver(&self, _command: &Command, _message: Option<Message>) -> Result<(), DeliverError> {
        Ok(())
    }
}

/// Its configurations have no settings: Claude Code is set where it is started.
#[async_trait]
impl ProviderKind for ClaudeCodeProvider {
    fn kind(&self) -> ProviderName {
        ProviderName::claude_code()
    }

    fn capabilities(&self, _config: &ProviderConfig) -> Capabilities {
        AgentProvider::capabilities(self)
    }

    fn build(
        &self,
        _config: &ProviderConfig,
        _credentials: Credentials,
    ) -> Result<Arc<dyn AgentProvider>, ConfigFault> {
        Ok(Arc::new(*self))
    }
}
