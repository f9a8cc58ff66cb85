//! What an operator of the server says about an agent: one table `[agents.<name>]` of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use flightdeck_agent_io::scrub::Scrubber;
use flightdeck_processes::Limits;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::environment::Environment;
use crate::settings::{McpServer, Settings};

/// Variables that every agent gets: without them hardly any program works.
const ALWAYS: [&str; 6] = ["PATH", "HOME", "LANG", "TMPDIR", "TERM", "USER"];

/// Where a pause takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseBy {
    /// When the current turn ends.
    #[default]
    Turn,
    /// At once: all processes of the agent stand still.
    Freeze,
}

/// What the tokens are of that come with the answer to a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageScope {
    /// Of the turn that it ends.
    #[default]
    Turn,
    /// Of the whole session: running totals.
    Session,
}

/// An agent that may be run.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent settings, each a plain yes or no")]
pub struct AgentConfig {
    /// Its name, which a session bears as `agentType`.
    pub name: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder it works in; that of the server when missing. With `worktree` a git repository.
    pub cwd: Option<PathBuf>,
    /// The folders within which a session's context may choose its own; with none of them it may not.
    pub roots: Vec<PathBuf>,
    /// Whether each session gets a git worktree of `cwd` of its own.
    pub worktree: bool,
    /// Whether a session's context may do without the worktree.
    pub worktree_optional: bool,
    /// Its environment, apart from the mark by which its processes are found.
    pub env: Environment,
    /// Its sealed credentials, each a variable over those of `env`. A session's context may choose among them.
    pub credentials: Environment,
    /// What it may use.
    pub limits: Limits,
    /// How many of it may run at a time, at least 1.
    pub at_once: usize,
    /// Where a pause takes effect.
    pub pause: PauseBy,
    /// How long it may be frozen; then it goes on and is paused when its turn ends.
    pub freeze_cap: Duration,
    /// Whether it takes a prompt into a running turn.
    pub steer: bool,
    /// How long it may take to be ready for its first prompt.
    pub start_time: Duration,
    /// How long it may take to end a turn that is cancelled.
    pub cancel_time: Duration,
    /// How long it may take to end when it gets TERM.
    pub term_time: Duration,
    /// How many bytes of its standard error are kept.
    pub log_bytes: u64,
    /// Whether it gets a cgroup of its own where that is possible.
    pub cgroup: bool,
    /// How long it may be silent after a line that could not be read and may have been the answer to a prompt; then the turn
    /// ends.
    pub doubt_time: Duration,
    /// How it tells its usage.
    pub usage: UsageScope,
    /// How its sessions are set, unless a session's context says otherwise.
    pub settings: Settings,
}

/// A table that cannot be used; the text names the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("agents.{agent}: {problem}")]
pub struct InvalidAgent {
    /// The agent.
    pub agent: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    cwd: Option<PathBuf>,
    #[serde(default)]
    roots: Vec<PathBuf>,
    #[serde(default)]
    worktree: bool,
    #[serde(default)]
    worktree_optional: bool,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    pass_env: Vec<String>,
    cpu_seconds: Option<u64>,
    memory_mb: Option<u64>,
    run_seconds: Option<u64>,
    at_once: Option<usize>,
    #[serde(default)]
    pause: PauseBy,
    freeze_cap_seconds: Option<u64>,
    #[serde(default)]
    steer: bool,
    start_seconds: Option<u64>,
    cancel_seconds: Option<u64>,
    term_seconds: Option<u64>,
    log_kb: Option<u64>,
    cgroup: Option<bool>,
    #[serde(default)]
    usage: UsageScope,
    authenticate: Option<String>,
    model: Option<String>,
    mode: Option<String>,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    mcp_servers: BTreeMap<String, McpServer>,
}

impl AgentConfig {
    /// Its credentials, each with its name.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.credentials.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What takes its credentials out of what it says.
    pub(crate) fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.secrets())
    }

    /// An agent that runs this, with everything else as it is when nothing is said about it, and nothing in its environment.
    #[must_use]
    pub fn new(name: impl Into<String>, command: impl Into<String>, args: Vec<String>) -> Self {
        Self {
            name: name.into(),
            command: command.into(),
            args,
            cwd: None,
            roots: Vec::new(),
            worktree: false,
            worktree_optional: false,
            env: Environment::default(),
            credentials: Environment::default(),
            limits: Limits::default(),
            at_once: 8,
            pause: PauseBy::Turn,
            freeze_cap: Duration::from_mins(10),
            steer: false,
            start_time: Duration::from_mins(1),
            cancel_time: Duration::from_secs(5),
            term_time: Duration::from_secs(5),
            log_bytes: 1 << 20,
            cgroup: true,
            doubt_time: Duration::from_mins(1),
            usage: UsageScope::Turn,
            settings: Settings::default(),
        }
    }

    /// Reads a table. What the environment of this process has of the variables to pass is taken from `environment`.
    ///
    /// # Errors
    /// A key is unknown, of the wrong kind or out of its range.
    pub fn read<'de, D: serde::Deserializer<'de>>(
        name: &str,
        table: D,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidAgent> {
        let wrong = |problem: String| InvalidAgent { agent: name.to_owned(), problem };
        let raw = Raw::deserialize(table).map_err(|error| wrong(error.to_string()))?;
        let named = !name.is_empty() && name.len() <= 100 && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !named {
            return Err(wrong("a name is of 1 to 100 visible ASCII characters".to_owned()));
        }
        if raw.command.trim().is_empty() {
            return Err(wrong("command must not be empty".to_owned()));
        }
        if raw.worktree && raw.cwd.is_none() {
            return Err(wrong("worktree needs cwd, the repository".to_owned()));
        }
        if let Some(root) = raw.roots.iter().find(|root| !root.is_absolute()) {
            return Err(wrong(format!("roots has {}; each of them must be an absolute folder", root.display())));
        }
        let seconds = |key: &str, given: Option<u64>, default: Duration, most: u64| match given {
            None => Ok(default),
            Some(given) if (1..=most).contains(&given) => Ok(Duration::from_secs(given)),
            Some(given) => Err(wrong(format!("{key} is {given}; 1 to {most} is allowed"))),
        };
        let at_least_one = |key: &str, given: Option<u64>| match given {
            Some(0) => Err(wrong(format!("{key} must be at least 1; leave it out for no limit"))),
            given => Ok(given),
        };
        let defaults = Self::new(name, raw.command, raw.args);
        let at_once = raw.at_once.unwrap_or(defaults.at_once);
        if !(1..=1_000).contains(&at_once) {
            return Err(wrong(format!("at_once is {at_once}; 1 to 1000 is allowed")));
        }
        let log_kb = raw.log_kb.unwrap_or(1 << 10);
        if !(1..=1 << 20).contains(&log_kb) {
            return Err(wrong(format!("log_kb is {log_kb}; 1 to {} is allowed", 1 << 20)));
        }
        let mcp_servers =
            raw.mcp_servers.into_iter().map(|(name, server)| server.written(&name)).collect::<Result<_, _>>();
        let settings = Settings {
            authenticate: raw.authenticate,
            model: raw.model,
            mode: raw.mode,
            options: raw.options,
            mcp_servers: mcp_servers.map_err(&wrong)?,
        };
        settings.check().map_err(|(key, problem)| wrong(format!("{key} {problem}")))?;
        let passed = ALWAYS.into_iter().map(str::to_owned).chain(raw.pass_env);
        let mut env: BTreeMap<_, _> = passed.filter_map(|key| Some((key.clone(), environment(&key)?))).collect();
        env.extend(raw.env);
        if let Some(key) = env.keys().find(|key| key.is_empty() || key.contains(['=', '\0'])) {
            return Err(wrong(format!("{key:?} is not the name of a variable")));
        }
        let limits = Limits {
            cpu_seconds: at_least_one("cpu_seconds", raw.cpu_seconds)?,
            memory_bytes: at_least_one("memory_mb", raw.memory_mb)?.map(|mb| mb.saturating_mul(1 << 20)),
            run_time: at_least_one("run_seconds", raw.run_seconds)?.map(Duration::from_secs),
        };
        Ok(Self {
            cwd: raw.cwd,
            roots: raw.roots,
            worktree: raw.worktree,
            worktree_optional: raw.worktree_optional,
            env: env.into(),
            limits,
            at_once,
            pause: raw.pause,
            steer: raw.steer,
            freeze_cap: seconds("freeze_cap_seconds", raw.freeze_cap_seconds, defaults.freeze_cap, 86_400)?,
            start_time: seconds("start_seconds", raw.start_seconds, defaults.start_time, 3_600)?,
            cancel_time: seconds("cancel_seconds", raw.cancel_seconds, defaults.cancel_time, 600)?,
            term_time: seconds("term_seconds", raw.term_seconds, defaults.term_time, 600)?,
            log_bytes: log_kb << 10,
            cgroup: raw.cgroup.unwrap_or(true),
            usage: raw.usage,
            settings,
            ..defaults
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(table: Value) -> Result<AgentConfig, String> {
        let environment = |key: &str| (key == "PATH" || key == "TOKEN").then(|| format!("{key} of the server"));
        AgentConfig::read("claude", table, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn an_agent_needs_a_command_and_gets_no_variable_that_is_not_named() {
        let plain = read(json!({"command": "claude"})).expect("valid");
        let expected = AgentConfig {
            env: BTreeMap::from([("PATH".to_owned(), "PATH of the server".to_owned())]).into(),
            ..AgentConfig::new("claude", "claude", vec![])
        };
        assert_eq!(plain, expected);
        let given = read(json!({"command": "c", "pass_env": ["TOKEN", "MISSING"], "env": {"A": "1", "PATH": "/bin"}}));
        let env = given.expect("valid").env;
        let env: Vec<_> = env.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(env, [("A", "1"), ("PATH", "/bin"), ("TOKEN", "TOKEN of the server")]);
    }

    #[test]
    fn limits_are_read_in_their_units() {
        let table = json!({"command": "c", "cpu_seconds": 7, "memory_mb": 2, "run_seconds": 9, "at_once": 3,
                           "pause": "freeze", "term_seconds": 1});
        let config = read(table).expect("valid");
        let limits =
            Limits { cpu_seconds: Some(7), memory_bytes: Some(2 << 20), run_time: Some(Duration::from_secs(9)) };
        assert_eq!((config.limits, config.at_once, config.pause), (limits, 3, PauseBy::Freeze));
        assert_eq!(config.term_time, Duration::from_secs(1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (json!({}), "agents.claude: missing field `command`"),
            (json!({"command": " "}), "agents.claude: command must not be empty"),
            (json!({"command": "c", "comand": 1}), "agents.claude: unknown field `comand`"),
            (json!({"command": "c", "at_once": 0}), "agents.claude: at_once is 0; 1 to 1000 is allowed"),
            (json!({"command": "c", "memory_mb": 0}), "agents.claude: memory_mb must be at least 1"),
            (json!({"command": "c", "worktree": true}), "agents.claude: worktree needs cwd"),
            (
                json!({"command": "c", "roots": ["/srv", "srv"]}),
                "agents.claude: roots has srv; each of them must be an absolute folder",
            ),
            (json!({"command": "c", "env": {"A=B": ""}}), "agents.claude: \"A=B\" is not the name of a variable"),
            (json!({"command": "c", "mode": ""}), "agents.claude: mode must be a text of 1 to 200 bytes"),
            (
                json!({"command": "c", "options": {"x": []}}),
                "agents.claude: options.x must be a text, a number or true or false",
            ),
            (
                json!({"command": "c", "mcp_servers": {"db": {"args": []}}}),
                "agents.claude: mcp_servers.db needs either command or url",
            ),
            (
                json!({"command": "c", "mcp_servers": {"db": {"url": "x", "comand": "y"}}}),
                "agents.claude: unknown field `comand`",
            ),
            (json!({"command": "c", "term_seconds": 0}), "agents.claude: term_seconds is 0; 1 to 600 is allowed"),
        ];
        for (table, expected) in cases {
            let told = read(table).expect_err("wrong");
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
