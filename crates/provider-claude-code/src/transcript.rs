//! Claude Code's own transcript of a session, where it is a file of this machine: it tells what each message of the model has
//! used, which no hook does.
//!
//! The file is another program's, and its name comes with a hook. It is read when it stands where Claude Code keeps its
//! transcripts and is a plain file, a bounded part at a time, and whatever in it is not understood is passed over.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use flightdeck_agent_io::json;
use flightdeck_agent_io::lines::{Line, Lines};
use flightdeck_domain::day::Day;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::Cost;
use serde_json::{Value, json};

use crate::hook::Hook;

/// The most bytes that are read at once.
const MOST: u64 = 32 << 20;
/// How many models are told apart.
const MODELS: usize = 8;

/// The file that tells of the session of a hook: of a sub-agent its own.
pub(crate) fn path(hook: &Hook) -> Option<PathBuf> {
    let path = PathBuf::from(hook.text("transcript_path")?);
    let name = format!("{}.jsonl", hook.session_id);
    let stands = |path: &Path| {
        let plain = path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Prefix(_) | Component::Normal(_)));
        let projects = path.parent().and_then(Path::parent).and_then(Path::file_name);
        plain && path.is_absolute() && projects.is_some_and(|name| name == "projects")
    };
    if path.file_name().is_none_or(|last| last != name.as_str()) || !stands(&path) {
        return None;
    }
    let Some(agent) = &hook.agent_id else { return Some(path) };
    let word = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    agent.chars().all(word).then(|| path.with_extension("").join("subagents").join(format!("agent-{agent}.jsonl")))
}

/// The same of a sub-agent that the session of a hook has run.
pub(crate) fn path_of_agent(hook: &Hook, agent: &str) -> Option<PathBuf> {
    let hook = Hook { agent_id: Some(agent.to_owned()), ..hook.clone() };
    path(&hook)
}

/// Opens a plain file; anything else is none.
pub(crate) fn open(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // Neither a link to elsewhere nor a pipe that nobody writes to.
        options.custom_flags(i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).ok()?);
    }
    let file = options.open(path).ok()?;
    file.metadata().is_ok_and(|data| data.is_file()).then_some(file)
}

/// Up to where a transcript was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    offset: u64,
    /// The message of the model that was counted last.
    last: Option<String>,
    /// The total of costs that was counted up to here, in billionths of a dollar; `None` when nobody knows it.
    cost: Option<u64>,
}

impl Mark {
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let text = value.get("last").and_then(Value::as_str).map(ToOwned::to_owned);
        let cost = value.get("costNanos").and_then(Value::as_u64);
        Some(Self { offset: value.get("offset")?.as_u64()?, last: text, cost })
    }

    pub(crate) fn value(&self) -> Value {
        json!({"offset": self.offset, "last": self.last, "costNanos": self.cost})
    }

    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }
}

/// What was used of a model: input, output, read from the cache, written to the cache; and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) tokens: [u64; 4],
    pub(crate) at: Option<Timestamp>,
}

/// What a part of a transcript tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// What was used of each model on each day, as far as the transcript tells the time.
    pub(crate) models: BTreeMap<(Option<Day>, String), Counted>,
    /// What everything has cost that was not counted before, sub-agents too.
    pub(crate) cost: Option<Cost>,
    /// Up to where it was read.
    pub(crate) mark: Mark,
    /// Whether there is more.
    pub(crate) is_part: bool,
}

/// Reads on from a mark. Without one the session is new here: what its transcript has from before is not its own, but was
/// taken over from another.
pub(crate) fn read(file: File, mark: Option<&Mark>, since: Timestamp) -> std::io::Result<Told> {
    read_at_most(file, mark, since, MOST)
}

fn read_at_most(mut file: File, mark: Option<&Mark>, since: Timestamp, most: u64) -> std::io::Result<Told> {
    let mut reading = Reading::begin(mark, since);
    file.seek(SeekFrom::Start(reading.mark.offset))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let is_part = u64::try_from(bytes.len()).is_ok_and(|read| read == most);
    // A line without an end is still being written; one that does not fit is passed over.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let whole = if whole == 0 && is_part { bytes.len() } else { whole };
    bytes.truncate(whole);
    reading.mark.offset += u64::try_from(whole).unwrap_or_default();
    let mut lines = Lines::default();
    lines.push(&bytes);
    drop(bytes);
    while let Some(line) = lines.next() {
        if let Line::Whole(line) = line
            && let Ok(read) = json::read(&line)
        {
            reading.take(&read.value);
        }
    }
    Ok(Told { is_part, ..reading.end() })
}

struct Reading {
    mark: Mark,
    since: Timestamp,
    /// Each message of the model, with the most that was told of it: it comes in several lines.
    messages: BTreeMap<String, (String, Counted)>,
    /// Whether this is the first part that is read.
    is_first: bool,
    /// Whether there are messages from before the session.
    has_older: bool,
    /// The last total of costs before what counts.
    cost_before: Option<u64>,
    cost: Option<u64>,
    counted_last: Option<String>,
}

impl Reading {
    fn begin(mark: Option<&Mark>, since: Timestamp) -> Self {
        let mark = mark.cloned().unwrap_or_default();
        let is_first = mark.offset == 0;
        let (cost_before, counted_last) = (mark.cost, mark.last.clone());
        let messages = BTreeMap::new();
        Self { mark, since, messages, is_first, has_older: false, cost_before, cost: None, counted_last }
    }

    fn take(&mut self, line: &Value) {
        let text = |field: &str| line.get(field).and_then(Value::as_str);
        match text("type") {
            Some("assistant") => {
                let at = line.get("timestamp").and_then(|at| serde_json::from_value::<Timestamp>(at.clone()).ok());
                if at.is_some_and(|at| at < self.since) {
                    self.has_older = true;
                } else if let Some(message) = line.get("message") {
                    self.message(message, at);
                }
            }
            Some("cost-state") if line.get("hasUnknownModelCost") != Some(&Value::Bool(true)) => {
                let total = line.get("totalCostUSD").and_then(Value::as_f64);
                let total = total.and_then(|dollars| Cost::try_from(dollars).ok()).map(Cost::nanos);
                if self.is_first && self.messages.is_empty() {
                    self.cost_before = total.or(self.cost_before);
                } else {
                    self.cost = total.or(self.cost);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, message: &Value, at: Option<Timestamp>) {
        let text = |field: &str| message.get(field).and_then(Value::as_str);
        let (Some(id), Some(usage)) = (text("id"), message.get("usage")) else { return };
        if self.counted_last.as_deref() == Some(id) {
            return;
        }
        let count = |field: &str| usage.get(field).and_then(Value::as_u64).unwrap_or_default();
        let fields = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
        let model = text("model").unwrap_or_default().to_owned();
        // The time of its first line counts, as for those who read transcripts day by day.
        let (_, most) = self.messages.entry(id.to_owned()).or_insert((model, Counted { at, ..Counted::default() }));
        for (most, now) in most.tokens.iter_mut().zip(fields.map(count)) {
            *most = now.max(*most);
        }
        self.mark.last = Some(id.to_owned());
    }

    fn end(self) -> Told {
        let Self { mut mark, messages, is_first, has_older, cost_before, cost, .. } = self;
        let mut models: BTreeMap<(Option<Day>, String), Counted> = BTreeMap::new();
        for (model, counted) in messages.into_values().filter(|(_, counted)| counted.tokens != [0; 4]) {
            let key = (counted.at.map(Day::of), model);
            let key = if models.len() < MODELS || models.contains_key(&key) { key } else { (key.0, String::new()) };
            let sum = models.entry(key).or_default();
            for (sum, count) in sum.tokens.iter_mut().zip(counted.tokens) {
                *sum = sum.saturating_add(count);
            }
            sum.at = sum.at.max(counted.at);
        }
        // What another session has cost before is not known when only its messages were taken over.
        let base = cost_before.or((is_first && !has_older).then_some(0));
        let more = cost.zip(base).map(|(total, base)| if total < base { total } else { total.saturating_sub(base) });
        mark.cost = cost.or(base);
        Told { models, cost: more.filter(|more| *more > 0).map(Cost::from_nanos), mark, is_part: false }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn hook(path: &str, agent: Option<&str>) -> Hook {
        let body = json!({"session_id": "s1", "hook_event_name": "Stop", "transcript_path": path, "agent_id": agent});
        Hook::read(body.as_object().cloned().expect("an object")).expect("a hook")
    }

    #[test]
    fn only_what_stands_where_transcripts_are_kept_is_read() {
        let found = |name: &str, agent| path(&hook(name, agent)).map(|path| path.display().to_string());
        let own = "/home/ana/.claude/projects/-home-ana-shop/s1.jsonl";
        assert_eq!(found(own, None).as_deref(), Some(own));
        let below = "/home/ana/.claude/projects/-home-ana-shop/s1/subagents/agent-a1.jsonl";
        assert_eq!(found(own, Some("a1")).as_deref(), Some(below));
        for other in [
            "/etc/passwd",
            "/home/ana/.claude/projects/-home-ana-shop/s2.jsonl",
            "/home/ana/.claude/projects/../projects/x/s1.jsonl",
            "projects/x/s1.jsonl",
            "/home/ana/s1.jsonl",
        ] {
            assert_eq!(found(other, None), None, "{other}");
        }
        assert_eq!(found(own, Some("../../../etc/x")), None);
    }

    fn at(second: u32) -> Timestamp {
        serde_json::from_value(json!(format!("2026-11-28T10:00:{second:02}Z"))).expect("a time")
    }

    fn assistant(id: &str, model: &str, output: u64, second: u32) -> String {
        let usage = json!({"input_tokens": 100, "output_tokens": output, "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 5});
        let message = json!({"id": id, "model": model, "usage": usage});
        json!({"type": "assistant", "timestamp": at(second), "message": message}).to_string()
    }

    fn cost(total: f64) -> String {
        json!({"type": "cost-state", "totalCostUSD": total, "hasUnknownModelCost": false}).to_string()
    }

    /// What was used of a model on the day of [`at`].
    fn of(told: &Told, model: &str) -> [u64; 4] {
        let key = (Some(Day::of(at(0))), model.to_owned());
        told.models.get(&key).copied().unwrap_or_default().tokens
    }

    struct Kept(tempfile::NamedTempFile);

    impl Kept {
        fn new() -> Self {
            Self(tempfile::NamedTempFile::new().expect("a file"))
        }

        fn add(&mut self, lines: &[String]) {
            self.0.write_all(format!("{}\n", lines.join("\n")).as_bytes()).expect("written");
        }

        fn told(&self, mark: Option<&Mark>) -> Told {
            read(open(self.0.path()).expect("a file"), mark, at(10)).expect("read")
        }
    }

    #[test]
    fn a_message_counts_once_however_many_lines_it_has_and_totals_become_differences() {
        let mut kept = Kept::new();
        kept.add(&["no JSON".to_owned(), assistant("m1", "opus", 1, 10), assistant("m1", "opus", 10, 10)]);
        kept.add(&[assistant("m2", "haiku", 7, 11), assistant("m3", "opus", 10, 12)]);
        let first = kept.told(None);
        assert_eq!(of(&first, "opus"), [200, 20, 80, 10]);
        assert_eq!((of(&first, "haiku"), first.cost), ([100, 7, 40, 5], None));
        assert_eq!(kept.told(Some(&first.mark)).models, BTreeMap::new(), "nothing twice");
        kept.add(&[assistant("m3", "opus", 10, 12), assistant("m4", "opus", 1, 13), cost(0.5)]);
        let second = kept.told(Some(&first.mark));
        assert_eq!((of(&second, "opus"), second.cost.map(Cost::nanos)), ([100, 1, 40, 5], Some(500_000_000)));
        kept.add(&[assistant("m5", "opus", 1, 14)]);
        let third = kept.told(Some(&second.mark));
        // Claude Code writes it when it ends: behind the last turn.
        kept.add(&[cost(0.75)]);
        let third = kept.told(Some(&third.mark));
        assert_eq!(third.cost.map(Cost::nanos), Some(250_000_000));
        kept.add(&[assistant("m6", "opus", 1, 15), cost(0.1)]);
        assert_eq!(kept.told(Some(&third.mark)).cost.map(Cost::nanos), Some(100_000_000), "it began anew");
    }

    #[test]
    fn a_turn_over_midnight_counts_on_both_days() {
        let mut kept = Kept::new();
        let next = assistant("m2", "opus", 7, 20).replace("2026-11-28T10", "2026-11-29T00");
        // Its second line is of the day after its first one.
        let late = assistant("m1", "opus", 9, 30).replace("2026-11-28T10", "2026-11-29T00");
        kept.add(&[assistant("m1", "opus", 1, 20), late, next]);
        let told = kept.told(None);
        let tokens: Vec<_> = told
            .models
            .iter()
            .map(|((day, _), counted)| (day.expect("a day").to_string(), counted.tokens[1]))
            .collect();
        assert_eq!(tokens, [("2026-11-28".to_owned(), 9), ("2026-11-29".to_owned(), 7)]);
    }

    #[test]
    fn what_was_taken_over_from_another_session_is_not_counted() {
        let mut kept = Kept::new();
        kept.add(&[assistant("m1", "opus", 1, 1), assistant("m2", "opus", 10, 20), cost(0.5)]);
        let told = kept.told(None);
        assert_eq!((of(&told, "opus"), told.cost), ([100, 10, 40, 5], None), "nobody knows what came before");
        kept.add(&[assistant("m3", "opus", 1, 21), cost(0.6)]);
        assert_eq!(kept.told(Some(&told.mark)).cost.map(Cost::nanos), Some(100_000_000), "from then on they do");
        let mut resumed = Kept::new();
        resumed.add(&[assistant("m1", "opus", 1, 1), cost(0.5), assistant("m2", "opus", 10, 20), cost(0.75)]);
        assert_eq!(resumed.told(None).cost.map(Cost::nanos), Some(250_000_000));
    }

    #[test]
    fn a_long_file_is_read_a_part_at_a_time_and_a_line_that_is_being_written_waits() {
        let mut kept = Kept::new();
        let lines: Vec<String> = (0..40).map(|n| assistant(&format!("m{n}"), "opus", 1, 20)).collect();
        kept.add(&lines);
        kept.0.write_all(b"{\"type\":\"assis").expect("written");
        let (mut mark, mut sum, mut parts) = (None, 0, 0);
        loop {
            let told = read_at_most(open(kept.0.path()).expect("a file"), mark.as_ref(), at(10), 1_000).expect("read");
            sum += of(&told, "opus")[1];
            parts += 1;
            mark = Some(told.mark);
            if !told.is_part {
                break;
            }
        }
        assert_eq!(sum, 40);
        assert!(parts > 5);
        let long = vec!["x".repeat(5_000), assistant("last", "opus", 3, 20)];
        kept.add(&long);
        let mut sum = 0;
        for _ in 0..9 {
            let told = read_at_most(open(kept.0.path()).expect("a file"), mark.as_ref(), at(10), 1_000).expect("read");
            sum += of(&told, "opus")[1];
            mark = Some(told.mark);
        }
        assert_eq!(sum, 3, "a line that does not fit is passed over");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_a_folder_are_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(kept.0.path(), &link).expect("linked");
        assert!(open(&link).is_none());
        assert!(open(folder.path()).is_none());
        assert!(open(&folder.path().join("nothing")).is_none());
    }
}
