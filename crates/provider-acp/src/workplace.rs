//! Where the agent of a session works, and with which credentials: by the configuration, and by the session's `context`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use flightdeck_domain::ports::SpawnError;
use flightdeck_domain::text::JsonObject;
use serde_json::Value;

use crate::config::AgentConfig;
use crate::settings::invalid;

/// The longest path of a folder, in bytes: the limit of Linux.
const LONGEST: usize = 4_096;

/// What a session is given to work in and with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Workplace {
    /// The folder that the context chooses, as it was written there.
    cwd: Option<String>,
    /// Whether the session gets a git worktree of its own.
    pub(crate) worktree: bool,
    /// The names of the credentials that the agent is given; all of them when missing.
    credentials: Option<BTreeSet<String>>,
}

/// A folder that exists, without symbolic links.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// The root that it was chosen within; `None` for that of the configuration.
    pub(crate) root: Option<PathBuf>,
}

impl Workplace {
    /// Reads a context, without a look at the disk.
    pub(crate) fn read(config: &AgentConfig, context: &JsonObject) -> Result<Self, SpawnError> {
        let context = context.as_map();
        let cwd = match context.get("cwd") {
            None => None,
            Some(Value::String(cwd)) if !cwd.trim().is_empty() && cwd.len() <= LONGEST => Some(cwd.clone()),
            Some(_) => return Err(invalid("cwd", format!("must be a folder, a text of 1 to {LONGEST} bytes"))),
        };
        if cwd.is_some() && config.roots.is_empty() {
            let problem = format!(
                "cannot be chosen, because agent {} has no setting roots, the folders within which it may be; leave cwd \
                 out, or have roots set",
                config.name
            );
            return Err(invalid("cwd", problem));
        }
        let worktree = match context.get("worktree") {
            None => config.worktree,
            Some(Value::Bool(false)) if config.worktree && !config.worktree_optional => {
                let problem = format!(
                    "cannot be false, because each session of agent {} gets a worktree of its own; leave it out, or have the \
                     setting worktree_optional set to true",
                    config.name
                );
                return Err(invalid("worktree", problem));
            }
            Some(Value::Bool(worktree)) => *worktree,
            Some(_) => return Err(invalid("worktree", "must be true or false".to_owned())),
        };
        let credentials = context.get("env").map(|names| credentials(config, names)).transpose();
        Ok(Self { cwd, worktree, credentials: credentials.map_err(|problem| invalid("env", problem))? })
    }

    /// Whether the folder that the context chooses may be chosen now.
    pub(crate) async fn check(&self, config: &Arc<AgentConfig>) -> Result<(), SpawnError> {
        let Some(cwd) = self.cwd.clone() else { return Ok(()) };
        let config = Arc::clone(config);
        let looked = tokio::task::spawn_blocking(move || within_roots(&config, &cwd)).await;
        let looked = looked.map_err(|error| SpawnError::Failed(Box::new(error)))?;
        looked.map(drop).map_err(|problem| invalid("cwd", problem))
    }

    /// The folder. Blocks. The error is a sentence.
    pub(crate) fn folder(&self, config: &AgentConfig) -> Result<Folder, String> {
        if let Some(cwd) = &self.cwd {
            return within_roots(config, cwd).map_err(|problem| invalid("cwd", problem).to_string());
        }
        let cwd = config.cwd.clone().map_or_else(std::env::current_dir, Ok);
        let path = cwd.and_then(std::fs::canonicalize).map_err(|error| {
            let named = config.cwd.as_ref().map(|cwd| cwd.display().to_string()).unwrap_or_default();
            format!("the folder {named} of agent {} cannot be used: {error}", config.name)
        })?;
        Ok(Folder { path, root: None })
    }

    /// The variables of the agent.
    pub(crate) fn variables(&self, config: &AgentConfig) -> BTreeMap<String, String> {
        let mut variables = config.env.to_map();
        let mut credentials = config.credentials.to_map();
        if let Some(names) = &self.credentials {
            credentials.retain(|name, _| names.contains(name));
        }
        variables.extend(credentials);
        variables
    }
}

/// The names of credentials that a context gives. The error says what is wrong with them.
fn credentials(config: &AgentConfig, names: &Value) -> Result<BTreeSet<String>, String> {
    let texts = names.as_array().map(|names| names.iter().map(Value::as_str).collect::<Option<Vec<&str>>>());
    let Some(Some(names)) = texts else { return Err("must be a list of names of credentials".to_owned()) };
    if let Some(unknown) = names.iter().find(|name| !config.credentials.contains_key(**name)) {
        let known: Vec<&str> = config.credentials.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("names {unknown:?}, which is no credential of agent {}; it has {known}", config.name));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The folder that a context chooses, if it is one of the roots or below one when all links are resolved. What is wrong
/// with it otherwise is the same sentence for all that is not: whoever may spawn learns nothing of other folders.
fn within_roots(config: &AgentConfig, chosen: &str) -> Result<Folder, String> {
    // An absolute path takes the place of the configuration's.
    let whole = config.cwd.clone().unwrap_or_default().join(chosen);
    let found = std::fs::canonicalize(whole).ok().filter(|path| path.is_dir()).and_then(|path| {
        let mut roots = config.roots.iter().filter_map(|root| std::fs::canonicalize(root).ok());
        let root = roots.find(|root| path.starts_with(root))?;
        Some(Folder { path, root: Some(root) })
    });
    found.ok_or_else(|| {
        let roots: Vec<String> = config.roots.iter().map(|root| root.display().to_string()).collect();
        format!(
            "there is no folder {chosen:?} within the setting roots of agent {}; give one that is there, absolute or \
             relative to the agent's own folder, within {}",
            config.name,
            roots.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> AgentConfig {
        AgentConfig {
            env: [("A".to_owned(), "1".to_owned()), ("TWICE".to_owned(), "plain".to_owned())].into(),
            credentials: ["KEY", "TOKEN", "TWICE"].map(|name| (name.to_owned(), "hush".to_owned())).into(),
            ..AgentConfig::new("tester", "c", Vec::new())
        }
    }

    fn read(config: &AgentConfig, context: Value) -> Result<Workplace, String> {
        let context = serde_json::from_value(context).expect("an object");
        Workplace::read(config, &context).map_err(|error| error.to_string())
    }

    #[test]
    fn an_agent_is_given_the_credentials_that_are_named() {
        let config = config();
        let given = |context: Value| {
            let variables = read(&config, context).expect("valid").variables(&config);
            let given: Vec<String> = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            given.join(" ")
        };
        assert_eq!(given(json!({})), "A=1 KEY=hush TOKEN=hush TWICE=hush");
        assert_eq!(given(json!({"env": ["TOKEN"]})), "A=1 TOKEN=hush TWICE=plain");
        assert_eq!(given(json!({"env": []})), "A=1 TWICE=plain");
    }

    #[test]
    fn what_a_context_may_not_choose_is_refused_with_its_field_and_the_setting() {
        let plain = config();
        let rooted = AgentConfig { roots: vec!["/srv".into()], cwd: Some("/srv".into()), worktree: true, ..config() };
        let bare = AgentConfig { credentials: crate::Environment::default(), ..config() };
        let cases = [
            (
                &plain,
                json!({"cwd": "/tmp"}),
                "context.cwd: cannot be chosen, because agent tester has no setting roots",
            ),
            (&rooted, json!({"cwd": ""}), "context.cwd: must be a folder"),
            (&rooted, json!({"cwd": ["/srv"]}), "context.cwd: must be a folder"),
            (
                &rooted,
                json!({"worktree": false}),
                "context.worktree: cannot be false, because each session of agent tester",
            ),
            (&rooted, json!({"worktree": "no"}), "context.worktree: must be true or false"),
            (&plain, json!({"env": "KEY"}), "context.env: must be a list of names"),
            (&plain, json!({"env": ["KEY", 7]}), "context.env: must be a list of names"),
            (
                &plain,
                json!({"env": ["KEY", "A"]}),
                "context.env: names \"A\", which is no credential of agent tester; it has KEY, TOKEN, TWICE",
            ),
            (
                &bare,
                json!({"env": ["KEY"]}),
                "context.env: names \"KEY\", which is no credential of agent tester; it has none",
            ),
        ];
        for (config, context, expected) in cases {
            let told = read(config, context).expect_err("refused");
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn a_worktree_can_be_had_and_can_be_done_without_where_it_is_optional() {
        let always = AgentConfig { worktree: true, ..config() };
        let optional = AgentConfig { worktree_optional: true, ..always.clone() };
        let wanted = |config: &AgentConfig, context: Value| read(config, context).map(|read| read.worktree);
        assert_eq!(wanted(&config(), json!({"worktree": true})), Ok(true));
        assert_eq!(wanted(&config(), json!({"worktree": false})), Ok(false));
        assert_eq!(wanted(&config(), json!({})), Ok(false));
        assert_eq!(wanted(&always, json!({})), Ok(true));
        assert_eq!(wanted(&always, json!({"worktree": true})), Ok(true));
        assert_eq!(wanted(&optional, json!({})), Ok(true));
        assert_eq!(wanted(&optional, json!({"worktree": false})), Ok(false));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_within_the_roots_when_all_links_are_resolved() {
        let outer = tempfile::tempdir().expect("a folder");
        let outer = outer.path().canonicalize().expect("there");
        for folder in ["root/own/below", "root-too", "other/secret"] {
            std::fs::create_dir_all(outer.join(folder)).expect("made");
        }
        std::fs::write(outer.join("root/file"), "x").expect("written");
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(outer.join(to), outer.join(name)).expect("linked");
        link("other", "root/out");
        link("root/own", "other/in");
        link("root", "alias");
        let config = AgentConfig {
            // A root may be a link itself, and one that is not there holds nothing.
            roots: vec![outer.join("missing"), outer.join("alias")],
            cwd: Some(outer.join("root/own")),
            ..config()
        };
        let folder = |cwd: &str| {
            let workplace = read(&config, json!({"cwd": cwd.replace("OUTER", &outer.display().to_string())}));
            workplace.expect("read").folder(&config).map(|folder| folder.path)
        };
        for (cwd, expected) in [
            ("below", "root/own/below"),
            (".", "root/own"),
            ("..", "root"),
            ("OUTER/root/own/../own", "root/own"),
            ("OUTER/alias", "root"),
            ("OUTER/other/in/below", "root/own/below"),
        ] {
            assert_eq!(folder(cwd), Ok(outer.join(expected)), "{cwd}");
        }
        let outside = [
            "../..",
            "OUTER",
            "OUTER/root-too",
            "../out",
            "../out/secret",
            "OUTER/root/missing",
            "../file",
            "/",
            "a\0b",
        ];
        for cwd in outside {
            let told = folder(cwd).expect_err(cwd);
            assert!(told.starts_with("context.cwd: there is no folder ") && told.contains("setting roots"), "{told}");
        }
    }
}
