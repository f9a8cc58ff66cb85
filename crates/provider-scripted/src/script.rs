//! The script: what it may say, and how a mistake in it is told.

use std::borrow::Cow;
use std::time::Duration;

use flightdeck_domain::approval::ApprovalOptions;
use flightdeck_domain::ports::SpawnError;
use flightdeck_domain::text::{
    AgentType, ApprovalTitle, JsonObject, MessageContent, MissionId, Reason, TaskId, TaskSource,
};
use flightdeck_domain::usage::Usage;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const MAX_STEPS: usize = 1_000;
const MAX_NESTING: usize = 8;
const MAX_MS: u64 = 600_000;
const MAX_REPEAT: u32 = 10_000;
/// Repetitions multiply from level to level; without this, a few lines would start more agents than any machine holds.
const MAX_AGENTS: u64 = 10_000;

const SCRIPT: &str = "context.script";

/// A script that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) repeat: u32,
    /// How long to rest between two steps.
    pub(crate) pace: Duration,
    /// What the agent says that each of its texts has used.
    pub(crate) usage: Option<Usage>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Say(MessageContent),
    Think(MessageContent),
    Tool(Tool),
    Wait(Duration),
    Spawn(Box<Child>),
    Ask(Box<Question>),
    EndTurn,
    Idle,
    Fail(Reason),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) input: Map<String, Value>,
    pub(crate) output: MessageContent,
    /// From call to output.
    pub(crate) takes: Duration,
    pub(crate) failed: bool,
}

/// An agent that a script starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Child {
    pub(crate) agent_type: AgentType,
    pub(crate) task_id: TaskId,
    pub(crate) task_source: TaskSource,
    pub(crate) mission_id: Option<MissionId>,
    pub(crate) prompt: Option<MessageContent>,
    /// The context of its session, holding its script in the form in which it was given.
    pub(crate) context: JsonObject,
    /// The same script, read; `None` for the default one.
    pub(crate) script: Option<Script>,
}

/// What an agent asks permission for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) title: ApprovalTitle,
    pub(crate) detail: JsonObject,
    pub(crate) options: ApprovalOptions,
    pub(crate) expires_in: Option<Duration>,
}

/// What is wrong with a context, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) field: Cow<'static, str>,
    pub(crate) problem: String,
}

impl From<Mistake> for SpawnError {
    fn from(mistake: Mistake) -> Self {
        Self::Invalid { field: mistake.field, problem: mistake.problem }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScript {
    script: Option<Vec<Value>>,
    repeat: Option<u32>,
    pace: Option<u64>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum RawStep {
    Say(MessageContent),
    Think(MessageContent),
    Tool(RawTool),
    Wait(RawWait),
    Spawn(RawSpawn),
    Ask(RawAsk),
    Turn(RawTurn),
    Idle(bool),
    Fail(Reason),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTool {
    name: String,
    #[serde(default)]
    input: Map<String, Value>,
    output: MessageContent,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    failed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWait {
    ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawAsk {
    title: ApprovalTitle,
    #[serde(default)]
    detail: JsonObject,
    #[serde(default)]
    options: ApprovalOptions,
    expires_in_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum RawTurn {
    End,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawSpawn {
    agent_type: AgentType,
    task_id: TaskId,
    #[serde(default)]
    task_source: TaskSource,
    mission_id: Option<MissionId>,
    prompt: Option<MessageContent>,
    script: Option<Vec<Value>>,
    repeat: Option<u32>,
    pace: Option<u64>,
    usage: Option<Usage>,
}

impl Script {
    /// Reads the script of a session's context; `None` when it has none.
    pub(crate) fn read(context: &JsonObject) -> Result<Option<Self>, Mistake> {
        let given = Value::Object(context.as_map().clone());
        let raw: RawScript = serde_path_to_error::deserialize(&given).map_err(|error| {
            let path = error.path().to_string();
            // The member at fault, also one that is not known.
            let field = match path.split(['.', '[']).next().unwrap_or_default() {
                "" => "context".into(),
                member => format!("context.{member}").into(),
            };
            Mistake { field, problem: error.inner().to_string() }
        })?;
        let Some(script) = read(raw, 0, "")? else { return Ok(None) };
        let agents = script.agents();
        if agents > MAX_AGENTS {
            let problem = format!("would start {agents} agents in all; at most {MAX_AGENTS} are allowed");
            return Err(Mistake { field: SCRIPT.into(), problem });
        }
        Ok(Some(script))
    }

    /// What an agent without a script plays.
    pub(crate) fn default_for(prompt: Option<&MessageContent>) -> Self {
        let heard = prompt.map_or_else(
            || "Nobody gave me a prompt. Send me a message and I will answer it.".to_owned(),
            |prompt| format!("You asked: {}", quote(prompt)),
        );
        let says = ["Hello. I am a scripted agent without a script.".to_owned(), heard];
        let mut steps: Vec<Step> =
            says.into_iter().filter_map(|text| MessageContent::new(text).ok()).map(Step::Say).collect();
        steps.push(Step::Idle);
        Self { steps, repeat: 1, pace: Duration::ZERO, usage: None }
    }

    /// How many agents it starts, with all that they start.
    fn agents(&self) -> u64 {
        let once = self.steps.iter().fold(0_u64, |sum, step| match step {
            Step::Spawn(child) => sum.saturating_add(1).saturating_add(child.script.as_ref().map_or(0, Self::agents)),
            _ => sum,
        });
        once.saturating_mul(u64::from(self.repeat))
    }
}

/// A text in quotation marks, cut to what fits on a screen.
pub(crate) fn quote(text: &MessageContent) -> String {
    const LONGEST: usize = 2_000;
    let text = text.as_str().trim();
    let mut characters = text.chars();
    let shown: String = characters.by_ref().take(LONGEST).collect();
    let more = if characters.next().is_some() { "…" } else { "" };
    format!("“{shown}{more}”")
}

/// `within` names the step that a spawned agent's script is in.
fn read(raw: RawScript, nesting: usize, within: &str) -> Result<Option<Script>, Mistake> {
    let nested = nesting > 0;
    let mistake = |field: &'static str, problem: String| Mistake {
        field: if nested { SCRIPT } else { field }.into(),
        problem: format!("{within}{problem}"),
    };
    let repeat = raw.repeat.unwrap_or(1);
    if !(1..=MAX_REPEAT).contains(&repeat) {
        let named = if nested { "repeat is " } else { "is " };
        return Err(mistake("context.repeat", format!("{named}{repeat}; 1 to {MAX_REPEAT} is allowed")));
    }
    let pace = raw.pace.unwrap_or(0);
    if pace > MAX_MS {
        let named = if nested { "pace is " } else { "is " };
        return Err(mistake("context.pace", format!("{named}{pace} ms; at most {MAX_MS} (ten minutes) is allowed")));
    }
    let Some(given) = raw.script else {
        if raw.repeat.is_some() || raw.pace.is_some() || raw.usage.is_some() {
            return Err(mistake("context", "repeat, pace and usage are of use with a script only".to_owned()));
        }
        return Ok(None);
    };
    if given.is_empty() {
        return Err(mistake(SCRIPT, "has no step; give at least one, for example [{\"say\": \"hello\"}]".to_owned()));
    }
    if given.len() > MAX_STEPS {
        return Err(mistake(SCRIPT, format!("has {} steps; at most {MAX_STEPS} are allowed", given.len())));
    }
    let last = given.len();
    let mut steps = Vec::with_capacity(last);
    for (number, value) in (1..).zip(&given) {
        let here = format!("{within}step {number}");
        let step = read_step(value, nesting, &here, raw.usage.as_ref())
            .map_err(|problem| Mistake { field: SCRIPT.into(), problem })?;
        if step == Step::Idle && (number < last || repeat > 1) {
            let problem = format!("{here}: idle is for good, so it must be the last step and repeat must be 1");
            return Err(Mistake { field: SCRIPT.into(), problem });
        }
        steps.push(step);
    }
    Ok(Some(Script { steps, repeat, pace: Duration::from_millis(pace), usage: raw.usage }))
}

/// The error is a whole sentence that begins with `here`. Agents that it starts use what their parent does, unless they say.
fn read_step(value: &Value, nesting: usize, here: &str, usage: Option<&Usage>) -> Result<Step, String> {
    let members = value.as_object().map(Map::len);
    if members != Some(1) {
        let is = match value.as_object() {
            None => "this is no object".to_owned(),
            Some(map) if map.is_empty() => "this one has none".to_owned(),
            Some(map) => format!("this one has {}", map.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        };
        return Err(format!(
            "{here}: a step is an object with exactly one member, for example {{\"say\": \"hello\"}}; {is}"
        ));
    }
    let raw: RawStep = serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string() {
        path if path == "." => format!("{here}: {}", error.inner()),
        path => format!("{here}, {path}: {}", error.inner()),
    })?;
    let limited = |name: &str, ms: u64| {
        if ms > MAX_MS {
            return Err(format!("{here}, {name}: is {ms}; at most {MAX_MS} (ten minutes) is allowed"));
        }
        Ok(Duration::from_millis(ms))
    };
    Ok(match raw {
        RawStep::Say(text) => Step::Say(text),
        RawStep::Think(text) => Step::Think(text),
        RawStep::Tool(tool) if tool.name.trim().is_empty() => {
            return Err(format!("{here}, tool.name: must not be empty"));
        }
        RawStep::Tool(RawTool { name, input, output, ms, failed }) => {
            Step::Tool(Tool { name, input, output, takes: limited("tool.ms", ms)?, failed })
        }
        RawStep::Wait(wait) => Step::Wait(limited("wait.ms", wait.ms)?),
        RawStep::Ask(RawAsk { expires_in_seconds: Some(0), .. }) => {
            return Err(format!("{here}, ask.expiresInSeconds: must be at least 1"));
        }
        RawStep::Ask(RawAsk { title, detail, options, expires_in_seconds }) => {
            let expires_in = expires_in_seconds.map(Duration::from_secs);
            Step::Ask(Box::new(Question { title, detail, options, expires_in }))
        }
        RawStep::Turn(RawTurn::End) => Step::EndTurn,
        RawStep::Idle(true) => Step::Idle,
        RawStep::Idle(false) => return Err(format!("{here}, idle: must be true; leave the step out instead")),
        RawStep::Fail(reason) => Step::Fail(reason),
        RawStep::Spawn(_) if nesting >= MAX_NESTING => {
            return Err(format!("{here}: scripts of spawned agents nest at most {MAX_NESTING} deep"));
        }
        RawStep::Spawn(spawn) => {
            let mut context = Map::new();
            for name in ["script", "repeat", "pace"] {
                if let Some(given) = value.get("spawn").and_then(|spawn| spawn.get(name)).filter(|v| !v.is_null()) {
                    context.insert(name.to_owned(), given.clone());
                }
            }
            let usage = spawn.usage.or_else(|| usage.filter(|_| spawn.script.is_some()).cloned());
            if let Some(usage) = &usage {
                context.insert(Usage::KEY.to_owned(), json!(usage));
            }
            let context = JsonObject::new(context).map_err(|error| format!("{here}, spawn.script: {error}"))?;
            let raw = RawScript { script: spawn.script, repeat: spawn.repeat, pace: spawn.pace, usage };
            let script = read(raw, nesting + 1, &format!("{here}, spawn: ")).map_err(|mistake| mistake.problem)?;
            Step::Spawn(Box::new(Child {
                agent_type: spawn.agent_type,
                task_id: spawn.task_id,
                task_source: spawn.task_source,
                mission_id: spawn.mission_id,
                prompt: spawn.prompt,
                context,
                script,
            }))
        }
    })
}

#[cfg(test)]
mod tests;
