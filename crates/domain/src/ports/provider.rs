//! What runs sessions.

use std::borrow::Cow;

use async_trait::async_trait;

use super::Capabilities;
use crate::command::Command;
use crate::ids::SessionId;
use crate::message::Message;
use crate::session::Session;
use crate::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};

/// What an agent's program wrote beside its work: the newest part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentLog {
    /// The text. It is the agent's: whoever shows it must not trust it.
    pub text: String,
    /// Whether there was more before it.
    pub truncated: bool,
}

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// What it was given to work with makes no sense to the provider.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field at fault, as the API names it.
        field: Cow<'static, str>,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// It did not come up.
    #[error("the agent did not start")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a command did not reach the agent. It stays in the queue.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The provider does not run this session (any more).
    #[error("the provider does not run session {0}")]
    NotRunning(SessionId),
}

/// Runs agents. The domain has already written down what is wanted; a provider makes it happen and reports what it
/// sees, through the same use cases as an agent that reports over HTTP.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AgentProvider: Send + Sync {
    /// The name under which sessions refer to it.
    fn name(&self) -> ProviderName;

    /// What it can do, whatever the session.
    fn capabilities(&self) -> Capabilities;

    /// What it can do with this session, where agents differ.
    fn capabilities_of(&self, session: &Session) -> Capabilities {
        let _ = session;
        self.capabilities()
    }

    /// The types of the agents that it can start, as it is configured, sorted; `None` when it does not tell agents apart by
    /// their type. A spawn that names a type of the list and no provider is for this one.
    fn agent_types(&self) -> Option<Vec<AgentType>> {
        None
    }

    /// Checks what an agent would be given, before the session is in the tree.
    async fn check(&self, agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError>;

    /// The agent's own id of an earlier conversation that an agent with this context would take up; `None` for a new one.
    fn takes_up(&self, context: &JsonObject) -> Option<ProviderSessionId> {
        let _ = context;
        None
    }

    /// Starts the agent of a session that is `spawning`. Returns when it is on its way, not when it is done.
    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError>;

    /// Hands a command to the agent, with the message of an inject where that is at hand; otherwise it is found in the
    /// conversation by the command's message id. Returns at once; the receipt tells what becomes of it. The same command
    /// may be handed over again, and is after every start until its receipt is final.
    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError>;

    /// What the program of a session's agent wrote to its standard error; `None` where nothing of the kind is kept. Also
    /// after the agent has ended.
    ///
    /// # Errors
    /// It is kept and cannot be read.
    async fn log(&self, session: SessionId) -> Result<Option<AgentLog>, std::io::Error> {
        let _ = session;
        Ok(None)
    }
}
