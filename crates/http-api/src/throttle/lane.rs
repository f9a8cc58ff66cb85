//! Which calls are counted together, in one table.

/// A bucket in which calls of a key are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Calls that stop agents for good, and the call that takes this back: `POST /agents/{agentId}/kill` in every
    /// scope, `POST /agents/kill-all` and `POST /killswitch/release`. The bucket is wide and counts nothing else. Each
    /// replica counts for itself, so that a stop waits for no other server.
    Stop,
    /// One of the other control routes.
    Control(ControlRoute),
}

/// A route on which an operator steps in. Each is counted separately: ten pauses take nothing from a resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ControlRoute {
    /// `POST /agents/{agentId}/inject`
    Inject,
    /// `POST /agents/{agentId}/pause`, in every scope
    Pause,
    /// `POST /agents/{agentId}/resume`, in every scope
    Resume,
    /// `POST /agents/{agentId}/interrupt`, in every scope
    Interrupt,
    /// `POST /agents/{agentId}/configure`
    Configure,
    /// `POST /agents/{agentId}/close`
    Close,
    /// `POST /agents/{agentId}/commands/{seq}/cancel`
    CancelCommand,
    /// `PUT` and `DELETE /agents/{agentId}/budget`
    AgentBudget,
    /// `PUT` and `DELETE /missions/{missionId}/budget`
    MissionBudget,
    /// `PUT /missions/{missionId}/guard`
    MissionGuard,
    /// `POST /providers/{name}/test`
    ProviderTest,
    /// `POST /sinks/{sink}/test`
    SinkTest,
}

impl ControlRoute {
    /// Every route.
    pub const ALL: [Self; 12] = [
        Self::Inject,
        Self::Pause,
        Self::Resume,
        Self::Interrupt,
        Self::Configure,
        Self::Close,
        Self::CancelCommand,
        Self::AgentBudget,
        Self::MissionBudget,
        Self::MissionGuard,
        Self::ProviderTest,
        Self::SinkTest,
    ];

    /// The name under which replicas count the route together.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Interrupt => "interrupt",
            Self::Configure => "configure",
            Self::Close => "close",
            Self::CancelCommand => "cancel-command",
            Self::AgentBudget => "agent-budget",
            Self::MissionBudget => "mission-budget",
            Self::MissionGuard => "mission-guard",
            Self::ProviderTest => "provider-test",
            Self::SinkTest => "sink-test",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every bucket with its calls.
    const TABLE: [(Lane, &[&str]); 13] = [
        (Lane::Stop, &["POST /agents/{agentId}/kill", "POST /agents/kill-all", "POST /killswitch/release"]),
        (Lane::Control(ControlRoute::Inject), &["POST /agents/{agentId}/inject"]),
        (Lane::Control(ControlRoute::Pause), &["POST /agents/{agentId}/pause"]),
        (Lane::Control(ControlRoute::Resume), &["POST /agents/{agentId}/resume"]),
        (Lane::Control(ControlRoute::Interrupt), &["POST /agents/{agentId}/interrupt"]),
        (Lane::Control(ControlRoute::Configure), &["POST /agents/{agentId}/configure"]),
        (Lane::Control(ControlRoute::Close), &["POST /agents/{agentId}/close"]),
        (Lane::Control(ControlRoute::CancelCommand), &["POST /agents/{agentId}/commands/{seq}/cancel"]),
        (
            Lane::Control(ControlRoute::AgentBudget),
            &["PUT /agents/{agentId}/budget", "DELETE /agents/{agentId}/budget"],
        ),
        (
            Lane::Control(ControlRoute::MissionBudget),
            &["PUT /missions/{missionId}/budget", "DELETE /missions/{missionId}/budget"],
        ),
        (Lane::Control(ControlRoute::MissionGuard), &["PUT /missions/{missionId}/guard"]),
        (Lane::Control(ControlRoute::ProviderTest), &["POST /providers/{name}/test"]),
        (Lane::Control(ControlRoute::SinkTest), &["POST /sinks/{sink}/test"]),
    ];

    /// They may be told to come later for other reasons: an address tries too many keys, a key has too many open streams,
    /// or tries too often what its role may not.
    const OTHERWISE: [&str; 3] =
        ["POST /login", "POST /agents/{agentId}/messages", "POST /approvals/{approvalId}/decide"];

    /// The calls that change something for an operator and may be told to come later, as the API describes itself.
    fn described() -> BTreeSet<String> {
        let document = serde_json::to_value(crate::openapi()).expect("JSON");
        let mut calls = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let is_throttled = operation["responses"].get("429").is_some();
                let call = format!("{} {path}", method.to_uppercase());
                if method != "get" && is_throttled && !OTHERWISE.contains(&call.as_str()) {
                    calls.insert(call);
                }
            }
        }
        calls
    }

    #[test]
    fn every_throttled_call_is_in_one_lane() {
        let listed: Vec<_> = TABLE.iter().flat_map(|(_, calls)| calls.iter().map(|call| (*call).to_owned())).collect();
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), described());
        assert_eq!(listed.len(), described().len(), "none is in two");
        let routes = TABLE.iter().filter_map(|(lane, _)| match lane {
            Lane::Stop => None,
            Lane::Control(route) => Some(*route),
        });
        assert!(routes.eq(ControlRoute::ALL));
        let names: BTreeSet<_> = ControlRoute::ALL.map(ControlRoute::name).into();
        assert_eq!(names.len(), ControlRoute::ALL.len());
    }
}
