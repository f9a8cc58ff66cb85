//! Providers: what runs sessions.

use std::borrow::Cow;

use async_trait::async_trait;

use super::Capabilities;
use crate::command::Command;
use crate::ids::SessionId;
use crate::message::Message;
use crate::session::Session;
use crate::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};

/// The newest part of what an agent's program wrote to its standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentLog {
    /// The text. It comes from the agent, so a reader must not trust it.
    pub text: String,
    /// Whether there was more before it.
    pub truncated: bool,
}

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The provider cannot use the context.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field at fault, as the API names it.
        field: Cow<'static, str>,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The agent did not start.
    #[error("the agent did not start")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a command did not reach the agent. The command stays in the queue.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The provider does not run this session (any more).
    #[error("the provider does not run session {0}")]
    NotRunning(SessionId),
}

/// Runs agents. The domain has already recorded what is wanted. A provider makes it happen and reports what it
/// observes, through the same use cases as an agent that reports over HTTP.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AgentProvider: Send + Sync {
    /// The name of the provider, which sessions have too.
    fn name(&self) -> ProviderName;

    /// What it can do in general.
    fn capabilities(&self) -> Capabilities;

    /// What it can do with this session, if its agents differ.
    fn capabilities_of(&self, session: &Session) -> Capabilities {
        let _ = session;
        self.capabilities()
    }

    /// The configured types of agents that it can start, sorted; `None` when it does not distinguish agents by type. A
    /// spawn that names one of these types and no provider goes to this provider.
    fn agent_types(&self) -> Option<Vec<AgentType>> {
        None
    }

    /// Checks the context of an agent before the session is in the tree.
    async fn check(&self, agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError>;

    /// The agent's own id of an earlier conversation that an agent with this context would resume; `None` for a new
    /// one.
    fn takes_up(&self, context: &JsonObject) -> Option<ProviderSessionId> {
        let _ = context;
        None
    }

    /// Starts the agent of a session that is `spawning`. Returns when the start has begun, not when it is complete.
    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError>;

    /// Hands a command to the agent, with the message of an inject if the caller has it; otherwise the message is found
    /// in the conversation by the command's message id. Returns at once; the receipt shows what becomes of the command.
    /// The same command may be handed over again, and is handed over again after every start until its receipt is
    /// final.
    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError>;

    /// What the program of a session's agent wrote to its standard error; `None` if it is not kept. It is also given
    /// after the agent has ended.
    ///
    /// # Errors
    /// It is kept but cannot be read.
    async fn log(&self, session: SessionId) -> Result<Option<AgentLog>, std::io::Error> {
        let _ = session;
        Ok(None)
    }
}
