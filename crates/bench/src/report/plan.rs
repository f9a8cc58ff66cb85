//! What the report runs, and what each figure is to reach. Most loads come in three sizes, a tenth and ten times the one
//! that a goal is set for: what a message or a follower costs must not rise.

use super::goal::{Bound, Goal};

const GROUP_COMMIT: &str = "SQLite, group commit, 64 callers";
const COMMIT: &str = "SQLite, commit of 1 p50";
/// The same at the pace of the loads that publish 20 messages a second.
const PACED_COMMIT: &str = "SQLite, 20 commits a second p50";

/// One command of the report.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) title: String,
    pub(super) words: Vec<String>,
    pub(super) goals: Vec<Goal>,
    /// Which family of sizes it belongs to, and its size: growth is told by family.
    pub(super) growth: Option<(&'static str, u64)>,
    pub(super) on_postgres: bool,
}

/// How large everything is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    seconds: u64,
    /// Large numbers of messages, sessions and followers are divided by it.
    divisor: u64,
}

impl Sizes {
    pub(super) const FULL: Self = Self { seconds: 5, divisor: 1 };
    pub(super) const QUICK: Self = Self { seconds: 1, divisor: 50 };

    const fn of(self, size: u64) -> u64 {
        let smaller = size / self.divisor;
        if smaller == 0 { 1 } else { smaller }
    }
}

impl Entry {
    fn new(title: String, words: &str) -> Self {
        let words = words.split_whitespace().map(str::to_owned).collect();
        Self { title, words, goals: Vec::new(), growth: None, on_postgres: false }
    }

    fn goals(mut self, goals: &[Goal]) -> Self {
        self.goals.extend_from_slice(goals);
        self
    }

    fn grows(mut self, family: &'static str, size: u64) -> Self {
        self.growth = Some((family, size));
        self
    }

    /// How many of so many runs: what no goal is set for tells of growth alone, and needs fewer.
    pub(super) const fn runs(&self, runs: u64) -> u64 {
        if self.goals.is_empty() { runs.div_ceil(2) } else { runs }
    }

    fn goals_at(self, size: u64, at: u64, goals: &[Goal]) -> Self {
        if size == at { self.goals(goals) } else { self }
    }
}

/// Everything, in the order of the page.
pub(super) fn plan(sizes: Sizes, postgres: bool) -> Vec<Entry> {
    let mut plan = ingest(sizes, false);
    if postgres {
        plan.extend(ingest(sizes, true));
        plan.extend(writes(sizes));
    }
    plan.extend(delivery(sizes));
    plan.extend(reads(sizes));
    plan.extend(control(sizes));
    plan.extend(startup(sizes));
    plan
}

fn ingest(sizes: Sizes, on_postgres: bool) -> Vec<Entry> {
    let seconds = sizes.seconds;
    let store = if on_postgres { "PostgreSQL" } else { "SQLite" };
    let (one, batches) = if on_postgres {
        let single = Bound::Limit(1.0, "PostgreSQL, 1 row a commit, 64 connections");
        (single, Bound::Limit(0.9, "PostgreSQL, unnest of 1000"))
    } else {
        (Bound::Limit(1.2, GROUP_COMMIT), Bound::Limit(1.4, "SQLite, commits of 100"))
    };
    let entry = |connections: u64, batch: u64, family, goal| {
        let title = format!("ingest on {store}: {batch} a request, {connections} connections");
        let words =
            format!("ingest --connections {connections} --batch {batch} --sessions 64 --warmup 1 --seconds {seconds}");
        let at = if batch == 1 { 64 } else { 16 };
        let goals = [Goal::at_least("messages", goal)];
        let entry = Entry::new(title, &words).goals_at(connections, at, &goals).grows(family, connections);
        Entry { on_postgres, ..entry }
    };
    let families = if on_postgres {
        ["ingest on PostgreSQL, 1 a request: connections", "ingest on PostgreSQL, 100 a request: connections"]
    } else {
        ["ingest on SQLite, 1 a request: connections", "ingest on SQLite, 100 a request: connections"]
    };
    let [ones, hundreds] = families;
    let single = [6, 64, 640].map(|connections| entry(connections, 1, ones, one));
    let grouped = [2, 16, 160].map(|connections| entry(connections, 100, hundreds, batches));
    single.into_iter().chain(grouped).collect()
}

/// Writes other than appends, of 64 callers on PostgreSQL.
fn writes(sizes: Sizes) -> Vec<Entry> {
    let goals = [
        ("register", "registrations", 8_000.0),
        ("status", "status reports", 10_000.0),
        ("inject", "injects", 3_000.0),
    ];
    let entry = |(kind, figure, goal): (&str, &'static str, f64)| {
        let words = format!("writes --kind {kind} --callers 64 --seconds {}", sizes.seconds);
        let entry = Entry::new(format!("{figure} on PostgreSQL, 64 callers"), &words);
        Entry { on_postgres: true, ..entry.goals(&[Goal::at_least(figure, Bound::Fixed(goal))]) }
    };
    goals.map(entry).into()
}

fn delivery(sizes: Sizes) -> Vec<Entry> {
    let seconds = sizes.seconds;
    let mut plan = Vec::new();
    for (followers, messages) in [(100, 30_000), (1_000, 5_000), (5_000, 1_000)] {
        let (size, messages) = (sizes.of(followers), sizes.of(messages));
        let goals = [
            Goal::at_least("events", Bound::Fixed(1_000_000.0)),
            Goal::at_least("events", Bound::Limit(1.0, "loopback, 1000 sockets, 10 a write")),
        ];
        let words = format!("fanout --followers {size} --messages {messages}");
        let entry = Entry::new(format!("fan-out at saturation: {size} followers of one session"), &words);
        let entry = if followers >= 1_000 { entry.goals(&goals) } else { entry };
        plan.push(entry.grows("fan-out at saturation: followers", size));
    }
    let words = format!("fanout --followers {} --pipeline 64 --messages {}", sizes.of(1_000), sizes.of(5_000));
    let goals = [Goal::at_least("events", Bound::Fixed(1_000_000.0)), Goal::at_most("reply p99", Bound::Fixed(20.0))];
    plan.push(Entry::new("fan-out of one writer that pipelines 64 requests".to_owned(), &words).goals(&goals));
    for (followers, more) in [(1, 0.3), (100, 0.6), (1_000, 3.5), (5_000, 18.0)] {
        let size = sizes.of(followers);
        let words = format!("fanout --followers {size} --rate 20 --warmup 1 --seconds {seconds}");
        let goals = [
            Goal::at_most("publish to receive p50", Bound::Beyond(PACED_COMMIT, more)),
            Goal::at_most("publish to receive p99", Bound::Own(3.0, "publish to receive p50")),
        ];
        let entry = Entry::new(format!("publish to receive, 20 messages/s: {size} followers"), &words).goals(&goals);
        plan.push(entry.grows("publish to receive: followers", size));
    }
    for sessions in [100, 1_000, 5_000] {
        let size = sizes.of(sessions);
        let words = format!(
            "fanout --followers {size} --sessions {size} --publishers 16 --rate {size} --warmup 1 --seconds {}",
            seconds.max(3)
        );
        let goals = [
            Goal::at_most("publish to receive p50", Bound::Fixed(1.0)),
            Goal::at_most("publish to receive p99", Bound::Fixed(5.0)),
            Goal::at_most("server cores busy", Bound::Fixed(0.15)),
        ];
        let entry = Entry::new(format!("{size} sessions with a follower each, {size} messages/s in all"), &words);
        plan.push(entry.goals_at(sessions, 1_000, &goals).grows("a follower a session: sessions", size));
    }
    for followers in [1_000, 10_000] {
        let size = sizes.of(followers);
        let entry = Entry::new(format!("idle: {size} followers"), &format!("idle --followers {size}"));
        let goals = [Goal::at_most("memory per follower", Bound::Fixed(9.0))];
        plan.push(entry.goals_at(followers, 10_000, &goals).grows("idle: followers", size));
    }
    let words = format!("feed --reports {}", sizes.of(500));
    plan.push(Entry::new("fleet feed: 16 agents, 100 followers".to_owned(), &words));
    plan
}

fn reads(sizes: Sizes) -> Vec<Entry> {
    let mut plan = Vec::new();
    for messages in [10_000, 100_000, 1_000_000] {
        let size = sizes.of(messages).max(1_000);
        let words = format!("history --messages {size} --depth {}", size / 10 * 9);
        let goals = [
            Goal::at_most("deep page by skip / first page", Bound::Fixed(1.2)),
            Goal::at_most("deep page by cursor / first page", Bound::Fixed(1.2)),
            Goal::at_most("deep page by skip p50", Bound::Fixed(1.0)),
            Goal::at_most("deep page by cursor p50", Bound::Fixed(1.0)),
        ];
        let entry = Entry::new(format!("history: pages of 50 of {size} messages"), &words);
        plan.push(entry.goals_at(messages, 1_000_000, &goals).grows("history: messages", size));
    }
    for sessions in [10_000, 100_000] {
        let (size, subtree) = (sizes.of(sessions).max(1_000), sizes.of(sessions / 10).max(100));
        let words = format!("tree --sessions {size} --subtree {subtree}");
        let goals =
            [Goal::at_most("newest p50", Bound::Fixed(2.0)), Goal::at_most("whole subtree p50", Bound::Fixed(30.0))];
        let entry = Entry::new(format!("tree: {size} sessions, {subtree} of them below one"), &words);
        plan.push(entry.goals_at(sessions, 100_000, &goals).grows("tree: sessions", size));
    }
    plan
}

fn control(sizes: Sizes) -> Vec<Entry> {
    let mut plan = Vec::new();
    for (channel, agents) in [("stream", 10), ("stream", 100), ("stream", 1_000), ("poll", 100)] {
        let (injects, pauses) = (sizes.of(1_000), sizes.of(300));
        let words = format!("control --agents {agents} --injects {injects} --pauses {pauses} --channel {channel}");
        let entry = Entry::new(format!("control: {agents} agents that hear by {channel}"), &words);
        let goals = [Goal::at_most("inject to agent p50", Bound::Beyond(COMMIT, 1.0))];
        let entry = entry.goals_at(agents, 100, &goals);
        plan.push(if channel == "stream" { entry.grows("control: agents", agents) } else { entry });
    }
    plan
}

fn startup(sizes: Sizes) -> Vec<Entry> {
    let mut plan = Vec::new();
    for messages in [0, 100_000, 1_600_000] {
        let size = if messages == 0 { 0 } else { sizes.of(messages) };
        let words = format!("startup --messages {size} --sessions {}", if size == 0 { 1 } else { 100 });
        let entry = Entry::new(format!("start on a store of {size} messages"), &words);
        let goals =
            [Goal::at_most("start to healthy", Bound::Fixed(100.0)), Goal::at_most("idle RSS", Bound::Fixed(15.0))];
        plan.push(entry.goals_at(messages, 1_600_000, &goals).grows("start: messages", size));
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_plan_is_one_that_the_command_line_takes() {
        for sizes in [Sizes::FULL, Sizes::QUICK] {
            for entry in plan(sizes, true) {
                let words = std::iter::once("flightdeck-bench").chain(entry.words.iter().map(String::as_str));
                let taken = crate::cli::grammar().try_get_matches_from(words);
                assert!(taken.is_ok(), "{:?}: {:?}", entry.words, taken.err());
            }
        }
    }

    #[test]
    fn every_target_is_in_the_plan() {
        let told = |goal: &Goal| format!("{} {}", goal.figure, goal.told());
        let mut told: Vec<String> =
            plan(Sizes::FULL, true).iter().flat_map(|entry| entry.goals.iter().map(told)).collect();
        told.dedup();
        let expected = [
            "messages ≥ 1.2 × SQLite, group commit, 64 callers",
            "messages ≥ 1.4 × SQLite, commits of 100",
            "messages ≥ 1 × PostgreSQL, 1 row a commit, 64 connections",
            "messages ≥ 0.9 × PostgreSQL, unnest of 1000",
            "registrations ≥ 8,000",
            "status reports ≥ 10,000",
            "injects ≥ 3,000",
            "events ≥ 1,000,000",
            "events ≥ 1 × loopback, 1000 sockets, 10 a write",
            "events ≥ 1,000,000",
            "events ≥ 1 × loopback, 1000 sockets, 10 a write",
            "events ≥ 1,000,000",
            "reply p99 ≤ 20.0",
            "publish to receive p50 ≤ SQLite, 20 commits a second p50 + 0.3",
            "publish to receive p99 ≤ 3 × publish to receive p50",
            "publish to receive p50 ≤ SQLite, 20 commits a second p50 + 0.6",
            "publish to receive p99 ≤ 3 × publish to receive p50",
            "publish to receive p50 ≤ SQLite, 20 commits a second p50 + 3.5",
            "publish to receive p99 ≤ 3 × publish to receive p50",
            "publish to receive p50 ≤ SQLite, 20 commits a second p50 + 18",
            "publish to receive p99 ≤ 3 × publish to receive p50",
            "publish to receive p50 ≤ 1.00",
            "publish to receive p99 ≤ 5.00",
            "server cores busy ≤ 0.150",
            "memory per follower ≤ 9.00",
            "deep page by skip / first page ≤ 1.20",
            "deep page by cursor / first page ≤ 1.20",
            "deep page by skip p50 ≤ 1.00",
            "deep page by cursor p50 ≤ 1.00",
            "newest p50 ≤ 2.00",
            "whole subtree p50 ≤ 30.0",
            "inject to agent p50 ≤ SQLite, commit of 1 p50 + 1",
            "start to healthy ≤ 100",
            "idle RSS ≤ 15.0",
        ];
        assert_eq!(told, expected);
        let without: Vec<Entry> = plan(Sizes::FULL, false);
        assert!(without.iter().all(|entry| !entry.on_postgres));
    }
}
