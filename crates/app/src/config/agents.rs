//! The agents that may be run.

use flightdeck_provider_acp::{AgentConfig, InvalidAgent};

/// Why the agents of a file cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentsError {
    #[error("{file}")]
    Agent { file: String, source: InvalidAgent },
    #[error("{0}: agents is a table of tables, such as [agents.claude]")]
    NotATable(String),
}

/// Reads the table of agents of a file, by name.
pub(super) fn read(value: toml::Value, file: &str) -> Result<Vec<AgentConfig>, AgentsError> {
    let toml::Value::Table(tables) = value else { return Err(AgentsError::NotATable(file.to_owned())) };
    let one = |(name, table): (String, toml::Value)| {
        let environment = |variable: &str| std::env::var(variable).ok();
        AgentConfig::read(&name, table, environment)
            .map_err(|source| AgentsError::Agent { file: file.to_owned(), source })
    };
    tables.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(text: &str) -> Result<Vec<AgentConfig>, String> {
        let mut table: toml::Table = text.parse().expect("TOML");
        let agents = table.remove("agents").expect("there");
        read(agents, "file").map_err(|error| match error {
            AgentsError::Agent { source, .. } => source.to_string(),
            other @ AgentsError::NotATable(_) => other.to_string(),
        })
    }

    #[test]
    fn agents_are_tables_by_name() {
        let text = "[agents.one]\ncommand = \"a\"\nargs = [\"acp\"]\n[agents.two]\ncommand = \"b\"\nat_once = 2\n";
        let read = agents(text).expect("valid");
        let seen: Vec<_> =
            read.iter().map(|agent| (agent.name.as_str(), agent.command.as_str(), agent.at_once)).collect();
        assert_eq!(seen, [("one", "a", 8), ("two", "b", 2)]);
    }

    #[test]
    fn a_mistake_names_the_agent_and_the_key() {
        assert_eq!(agents("agents = 1"), Err("file: agents is a table of tables, such as [agents.claude]".to_owned()));
        let told = agents("[agents.one]\ncommand = \"a\"\nargz = []").expect_err("wrong");
        assert!(told.starts_with("agents.one: ") && told.contains("argz"), "{told}");
    }
}
