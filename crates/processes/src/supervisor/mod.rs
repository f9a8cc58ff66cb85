//! The process that stands between a launcher and a program.

mod cgroup;
mod family;
mod stage;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::ExitCode;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Duration, Instant};

use self::family::{Ending, Family};
use self::watch::Watch;
use crate::descriptors::{self, Stdio};
use crate::wire::{Event, Order};

/// The first argument of a supervisor.
pub(crate) const SUPERVISE: &str = "__supervise";
/// The first argument of a program that is about to be started.
const STAGE: &str = "__stage";

/// How often limits are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often what is to die is looked for, should no signal tell.
const HUNT: Duration = Duration::from_millis(10);
/// What is left of a program that has ended by itself is asked to end, and killed after so long.
const LEFTOVERS: Duration = Duration::from_secs(2);

/// Begins to supervise, when this process was started for it; `None` when it was not. Every binary that launches programs
/// calls it before anything else, with no other thread running, and ends with the code that it gives.
#[must_use]
pub fn divert() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next()?;
    if first == SUPERVISE {
        return Some(match run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => told("a supervisor failed", &error),
        });
    }
    if first == STAGE {
        let rest: Vec<OsString> = arguments.collect();
        let error = stage::enter(&rest);
        return Some(told("the program cannot be started", &error));
    }
    None
}

/// There is no log here; of a stage this is the program's own log. A text that cannot be written is no reason to panic.
fn told(what: &str, error: &io::Error) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "flightdeck: {what}: {error}");
    ExitCode::from(127)
}

fn run() -> io::Result<()> {
    let socket = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let stdio = descriptors::receive(&socket)?;
    let nothing = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    become_guardian()?;
    socket.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (orders, events) = UnixStream::from_std(socket)?.into_split();
        let mut supervisor = Supervisor {
            orders: Some(BufReader::new(orders).lines()),
            events,
            children: signal(SignalKind::child())?,
            end: signal(SignalKind::terminate())?,
        };
        supervisor.run(stdio).await
    })
}

/// Whoever is orphaned below this process becomes its child; and when the thread that started it is gone it is told.
fn become_guardian() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getpid, set_child_subreaper, set_parent_process_death_signal};
        set_child_subreaper(Some(getpid()))?;
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    Ok(())
}

struct Supervisor {
    /// `None` once the launcher is gone.
    orders: Option<Lines<BufReader<OwnedReadHalf>>>,
    events: OwnedWriteHalf,
    children: Signal,
    end: Signal,
}

/// What there is to do.
enum Next {
    Order(Order),
    /// Nobody is there any more for whom the program runs.
    Abandoned,
    Children,
    Time,
}

impl Supervisor {
    async fn run(&mut self, stdio: Stdio) -> io::Result<()> {
        let Next::Order(Order::Start(start)) = self.next(None).await else { return Ok(()) };
        let limits = start.limits;
        let mut family = match Family::start(&start, stdio) {
            Ok(family) => family,
            Err(problem) => {
                self.tell(&Event::NotStarted { problem }).await;
                return Ok(());
            }
        };
        self.tell(&Event::Started { pid: family.pid() }).await;
        let mut watch = Watch::new(limits);
        let mut ending: Option<Ending> = None;
        loop {
            if let Some(exit) = family.reap() {
                self.tell(&Event::Exited { exit }).await;
                Ending::hasten(&mut ending, &mut family, LEFTOVERS);
            }
            if family.is_gone() {
                family.forget();
                self.tell(&Event::Gone).await;
                return Ok(());
            }
            if ending.is_none()
                && let Some(limit) = watch.look()
            {
                self.tell(&Event::OverLimit { limit }).await;
                Ending::hasten(&mut ending, &mut family, Duration::ZERO);
            }
            let wake = match &mut ending {
                Some(ending) => Some(ending.press(&mut family, HUNT)),
                None => watch.next_look(LOOK),
            };
            match self.next(wake).await {
                Next::Order(Order::Terminate { grace_ms }) => {
                    Ending::hasten(&mut ending, &mut family, Duration::from_millis(grace_ms));
                }
                Next::Abandoned => Ending::hasten(&mut ending, &mut family, Duration::ZERO),
                // Whatever is to end must not stand still.
                Next::Order(Order::Freeze) if ending.is_none() => {
                    let event = match family.freeze().await {
                        Ok(()) => Event::Frozen,
                        Err(problem) => Event::NotFrozen { problem },
                    };
                    self.tell(&event).await;
                }
                Next::Order(Order::Freeze) => {
                    self.tell(&Event::NotFrozen { problem: "it is being ended".to_owned() }).await;
                }
                Next::Order(Order::Thaw) => {
                    family.thaw();
                    self.tell(&Event::Thawed).await;
                }
                Next::Order(Order::Crash) => family.crash(),
                Next::Order(Order::Start(_)) | Next::Children | Next::Time => {}
            }
        }
    }

    async fn next(&mut self, wake: Option<Instant>) -> Next {
        let time = async {
            match wake {
                Some(wake) => tokio::time::sleep_until(wake).await,
                None => std::future::pending().await,
            }
        };
        let order = async {
            match &mut self.orders {
                Some(orders) => orders.next_line().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            line = order => match line {
                // What this version does not know it cannot do; the launcher is of the same binary.
                Ok(Some(line)) if line.is_empty() => Next::Time,
                Ok(Some(line)) => serde_json::from_str(&line).map_or(Next::Abandoned, Next::Order),
                Ok(None) | Err(_) => {
                    self.orders = None;
                    Next::Abandoned
                }
            },
            _ = self.children.recv() => Next::Children,
            _ = self.end.recv() => Next::Abandoned,
            () = time => Next::Time,
        }
    }

    /// A launcher that is gone hears nothing, which its orders tell.
    async fn tell(&mut self, event: &Event) {
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            let _ = self.events.write_all(&line).await;
        }
    }
}
