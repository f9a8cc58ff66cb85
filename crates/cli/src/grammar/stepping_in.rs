//! Commands that change something.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::shared::{Asking, SessionId, SessionIds, Unasked, Why};

/// `flightdeck spawn`
#[derive(Debug, Args)]
pub(crate) struct SpawnArgs {
    /// what runs it, one of `flightdeck providers`; when missing the one that has agents of this type
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,
    /// what kind of agent it is
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) agent_type: String,
    /// the work item
    #[arg(long, value_name = "TASK")]
    pub(crate) task: String,
    /// where the work item comes from; `manual` when missing
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// the session that it is to be below
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<String>,
    /// the mission; that of its parent when missing
    #[arg(long, value_name = "MISSION")]
    pub(crate) mission: Option<String>,
    /// what it is given to work with; what must be in it depends on the provider
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) context: Option<String>,
    /// the model, by the agent's name of it
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// the mode, by the agent's name of it
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    /// the folder that it works in, within the `roots` of its configuration
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cwd: Option<String>,
    /// whether it gets a git worktree of its own
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) worktree: Option<bool>,
    /// a credential of its configuration that it is given; may be given again. Without one it gets all
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Vec<String>,
    /// whatever else is to be kept
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) metadata: Option<String>,
    /// what to tell it first; - reads standard input
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Option<String>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck inject`
#[derive(Debug, Args)]
pub(crate) struct InjectArgs {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// what to say; - reads standard input
    #[arg(value_name = "MESSAGE")]
    pub(crate) message: String,
    /// into the current turn, with the next one, or by stopping the current one
    #[arg(long, default_value = "queue", value_parser = ["steer", "queue", "interrupt"])]
    pub(crate) delivery: String,
    #[command(flatten)]
    pub(crate) why: Why,
    /// how long to wait for the effect, as 500ms, 10s or 2m; 0s not at all
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) wait: String,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck configure`
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("choice").required(true).multiple(true)))]
pub(crate) struct ConfigureArgs {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// the model, by the agent's own name of it
    #[arg(long, value_name = "MODEL", group = "choice")]
    pub(crate) model: Option<String>,
    /// the mode, by the agent's own name of it
    #[arg(long, value_name = "MODE", group = "choice")]
    pub(crate) mode: Option<String>,
    #[command(flatten)]
    pub(crate) why: Why,
    /// how long to wait for the agent's answer, as 500ms, 10s or 2m; 0s not at all
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) wait: String,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// Whom a command means besides the sessions that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    #[value(name = "self")]
    Alone,
    Subtree,
    Mission,
}

impl Scope {
    /// Its name in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Alone => "self",
            Self::Subtree => "subtree",
            Self::Mission => "mission",
        }
    }
}

/// `flightdeck pause`, `resume` and `kill`
#[derive(Debug, Args)]
pub(crate) struct ControlArgs {
    #[command(flatten)]
    pub(crate) sessions: SessionIds,
    /// this one alone, with all below it, or all of its mission
    #[arg(long, value_enum, default_value = "self")]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) why: Why,
    /// how long to wait for the effect, as 500ms, 10s or 2m; 0s not at all
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) wait: String,
    #[command(flatten)]
    pub(crate) unasked: Unasked,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck interrupt`
#[derive(Debug, Args)]
pub(crate) struct InterruptArgs {
    #[command(flatten)]
    pub(crate) control: ControlArgs,
    /// take back the messages that wait for them, too
    #[arg(long)]
    pub(crate) drop_queued: bool,
}

/// `flightdeck close`
#[derive(Debug, Args)]
pub(crate) struct CloseArgs {
    #[command(flatten)]
    pub(crate) sessions: SessionIds,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck kill-all`
#[derive(Debug, Args)]
pub(crate) struct KillAllArgs {
    /// let agents be started again; kills nobody
    #[arg(long)]
    pub(crate) release: bool,
    #[command(flatten)]
    pub(crate) why: Why,
    /// how long to wait for the effect, as 500ms, 10s or 2m; 0s not at all
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) wait: String,
    #[command(flatten)]
    pub(crate) unasked: Unasked,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck approvals`
#[derive(Debug, Args)]
pub(crate) struct ApprovalsArgs {
    #[command(flatten)]
    pub(crate) list: ApprovalsListArgs,
    #[command(subcommand)]
    pub(crate) command: Option<ApprovalsCommand>,
}

/// What is done with permission requests.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// The same as without a word
    List(ApprovalsListArgs),
    /// Show one request in full
    Show {
        #[command(flatten)]
        request: RequestId,
        #[command(flatten)]
        asking: Asking,
    },
    /// Allow what is asked for, once
    Allow {
        #[command(flatten)]
        decide: DecideArgs,
        /// a field of its form, where it has one; may be given again. A value is JSON, or else a text
        #[arg(long, value_name = "NAME=VALUE", value_parser = field)]
        answer: Vec<(String, Value)>,
    },
    /// Reject what is asked for, once
    Reject(DecideArgs),
}

/// `flightdeck approvals list`
#[derive(Debug, Args)]
pub(crate) struct ApprovalsListArgs {
    /// those that are closed too
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// One permission request.
#[derive(Debug, Args)]
pub(crate) struct RequestId {
    /// a request: its id, or a part that only one begins or ends with
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// `flightdeck approvals allow` and `reject`
#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    #[command(flatten)]
    pub(crate) request: RequestId,
    /// and whenever the agent asks for the same
    #[arg(long)]
    pub(crate) always: bool,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck login`
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// open it in the browser
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// A field of a form, as `name=value`.
fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "is not of the form NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_no_json| value.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_json_or_else_a_text() {
        let read = |text: &str| field(text).expect("a field");
        assert_eq!(read("count=3"), ("count".to_owned(), json!(3)));
        assert_eq!(read("branch=main"), ("branch".to_owned(), json!("main")));
        assert_eq!(read("zip=\"0123\""), ("zip".to_owned(), json!("0123")));
        assert_eq!(read("note=a=b"), ("note".to_owned(), json!("a=b")));
        assert!(field("branch").is_err());
    }
}
