//! Providers.

use flightdeck_domain::text::AgentType;
use flightdeck_domain::use_cases::ProviderOffer;
use serde::Serialize;
use utoipa::ToSchema;

use super::session::CapabilitiesView;
use super::texts;

/// What a provider can start, and what can be asked of its agents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderView {
    /// The name under which sessions refer to it.
    #[schema(value_type = texts::ProviderName)]
    name: String,
    /// Whether it starts agents. The agents of the others are started elsewhere and report by themselves.
    spawns: bool,
    /// The types of the agents that it can start, as the server is configured, sorted. Empty when it does not tell agents
    /// apart by their type: one that spawns then takes any type, and has to be named.
    #[schema(value_type = Vec<texts::AgentType>)]
    agent_types: Vec<AgentType>,
    /// What its agents take from an operator. Where they differ it is what all of them take, and a session tells its own.
    capabilities: CapabilitiesView,
}

impl From<ProviderOffer> for ProviderView {
    fn from(offer: ProviderOffer) -> Self {
        Self {
            name: offer.name.into(),
            spawns: offer.spawns,
            agent_types: offer.agent_types,
            capabilities: offer.capabilities.into(),
        }
    }
}

/// The providers of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvidersView {
    /// Sorted by name.
    pub(crate) providers: Vec<ProviderView>,
}
