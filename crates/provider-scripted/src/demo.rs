//! A fleet to watch: sixteen agents in four trees that work on a release, a payments migration, a flaky test and a guide for
//! newcomers. Within seconds one asks for permission and one fails; the others keep at it for several minutes, and some stay
//! idle and answer whoever writes to them.

use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, MissionId, ProviderName, TaskId, TaskSource};
use flightdeck_domain::use_cases::NewSession;
use serde::Deserialize;

/// The top of one tree of the demo, to be given to [`SpawnSession`](flightdeck_domain::use_cases::SpawnSession); its
/// script starts the agents below it.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoAgent {
    /// The session, without an id.
    pub session: NewSession,
    /// What it is asked to do.
    pub prompt: MessageContent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawAgent {
    agent_type: AgentType,
    task_id: TaskId,
    task_source: TaskSource,
    mission_id: MissionId,
    metadata: JsonObject,
    prompt: MessageContent,
    context: JsonObject,
}

impl From<RawAgent> for DemoAgent {
    fn from(raw: RawAgent) -> Self {
        Self {
            session: NewSession {
                session_id: None,
                parent_id: None,
                provider: ProviderName::scripted(),
                provider_session_id: None,
                replica: None,
                started_by: None,
                mission_id: Some(raw.mission_id),
                task_id: raw.task_id,
                task_source: raw.task_source,
                agent_type: raw.agent_type,
                gate_profile: None,
                context: raw.context,
                metadata: raw.metadata,
            },
            prompt: raw.prompt,
        }
    }
}

/// The four agents at the top of the demo's trees.
///
/// # Errors
/// The data in this crate is broken, which its tests rule out.
pub fn fleet() -> Result<Vec<DemoAgent>, serde_json::Error> {
    let trees = [
        include_str!("demo/release.json"),
        include_str!("demo/payments.json"),
        include_str!("demo/flaky.json"),
        include_str!("demo/docs.json"),
    ];
    trees.into_iter().map(|text| serde_json::from_str::<RawAgent>(text).map(DemoAgent::from)).collect()
}
