//! Sessions that come and go for a long time: whether memory grows with them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::Names;
use crate::http::{Connection, Site};
use crate::number::{float, ratio};
use crate::options::{number, some};
use crate::process::rss;
use crate::server::Server;

/// How many agents are at work at the same time.
const AGENTS: u32 = 8;
/// The points of the curve.
const POINTS: u32 = 12;
/// Messages of each session.
const MESSAGES: usize = 5;

pub(super) fn grammar() -> Command {
    Command::new("soak")
        .about("Begin and end sessions for a long time: how memory grows with them")
        .arg(number("minutes", "60", "How long it goes on"))
        .arg(number("rate", "2000", "New sessions a minute"))
        .arg(number("ends", "80", "How many of a hundred sessions end; the others stay idle"))
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let (minutes, rate) = (some(matches, "minutes")?, some(matches, "rate")?);
    let ends = some(matches, "ends")?;
    let pid = server.pid.ok_or_else(unreadable)?;
    let memory = || rss(pid).ok_or_else(unreadable);
    let every = Duration::from_mins(1) * AGENTS / rate;
    let begun = Instant::now();
    let end = begun + Duration::from_mins(1) * minutes;
    let sessions = Rc::new(Cell::new(0));
    let mut figures = Figures::default();
    figures.add("RSS at the start", "MB", float(memory()?) / 1e6);

    let names = Names::fresh();
    let mut agents = JoinSet::new();
    for first in 0..AGENTS {
        let agent = Agent { site: server.site.clone(), names, sessions: Rc::clone(&sessions), ends };
        agents.spawn_local(agent.work(first, every, end));
    }
    let mut curve = Vec::new();
    for point in 1..=POINTS {
        sleep_until((begun + (end - begun) * point / POINTS).into()).await;
        let now = memory()?;
        curve.push((sessions.get(), now));
        figures.add(format!("RSS after {:.1} min", begun.elapsed().as_secs_f64() / 60.0), "MB", float(now) / 1e6);
    }
    while let Some(done) = agents.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    figures.add("sessions", "", f64::from(sessions.get()));
    if let (Some(half), Some(last)) = (curve.get(curve.len() / 2 - 1), curve.last()) {
        let grown = float(last.1) - float(half.1);
        let more = f64::from(last.0 - half.0);
        figures.add("growth in the second half", "bytes a session", ratio(grown, more));
    }
    Ok(figures)
}

fn unreadable() -> BenchError {
    BenchError::Usage("the memory of the server cannot be read; give its --pid".to_owned())
}

/// One that runs one session after the other.
struct Agent {
    site: Site,
    names: Names,
    sessions: Rc<Cell<u32>>,
    ends: u32,
}

impl Agent {
    async fn work(self, first: u32, every: Duration, end: Instant) -> Outcome<()> {
        let mut connection = Connection::open(self.site.address).await?;
        let begun = Instant::now() + every * first / AGENTS;
        for round in 0_u32.. {
            let due = begun + every * round;
            if due >= end {
                break;
            }
            sleep_until(due.into()).await;
            crate::progress::tick();
            self.session(&mut connection, round * AGENTS + first).await?;
            self.sessions.set(self.sessions.get() + 1);
        }
        // The last sample is taken with everything still in place.
        sleep(end.saturating_duration_since(Instant::now())).await;
        Ok(())
    }

    /// What an agent does in its life, and an operator with it.
    async fn session(&self, connection: &mut Connection, place: u32) -> Outcome<()> {
        let id = self.names.session(place);
        let new = json!({"sessionId": id.to_string(), "taskId": "soak", "agentType": "soak",
            "context": {"plan": "x".repeat(2_000)}});
        let call = async |connection: &mut Connection, path: &str, body: serde_json::Value, wanted: &[u16]| {
            let request = self.site.post(path, body.to_string().as_bytes());
            connection.exchange(&request).await?.expect(wanted, path).map(drop)
        };
        call(connection, "/agents", new, &[201]).await?;
        let message = json!({"role": "assistant", "content": "x".repeat(500)});
        let said = vec![message; MESSAGES];
        call(connection, &format!("/agents/{id}/messages"), said.into(), &[201]).await?;
        call(connection, &format!("/agents/{id}/inject"), json!({"message": "go on"}), &[200]).await?;
        for path in [format!("/agents/{id}/commands"), format!("/agents/{id}/messages?limit=50")] {
            connection.exchange(&self.site.get(&path)).await?.expect(&[200], &path)?;
        }
        let status = if place % 100 < self.ends { "completed" } else { "idle" };
        call(connection, &format!("/agents/{id}/status"), json!({"status": status}), &[200]).await
    }
}
