//! Starts supervisors, and listens to them.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio as ChildStdio};
use std::sync::{Arc, mpsc as jobs};

use flightdeck_vitals::Vitals;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::descriptors::{self, Stdio};
use crate::launch::{Launch, LaunchError};
use crate::log::{LogWriter, SharedLog};
use crate::process::{Ended, Exit, Known, Process};
use crate::stray::{self, MARK, Owner};
use crate::supervisor::SUPERVISE;
use crate::wire::{Event, Order, Start};

/// What supervises: a binary whose `main` calls [`divert`](crate::divert) first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    /// The binary.
    pub binary: PathBuf,
}

impl Supervisor {
    /// The binary that runs now, also when its file has been replaced meanwhile.
    ///
    /// # Errors
    /// The system does not say which it is.
    pub fn this_binary() -> io::Result<Self> {
        let binary = if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
        Ok(Self { binary })
    }
}

/// Launches programs. All supervisors are started by one thread that lives as long as the launcher and its programs do, for
/// a death signal comes when the thread ends that started a process.
#[derive(Clone, Debug)]
pub struct Launcher {
    jobs: jobs::Sender<Job>,
}

/// A program that was started, with the other ends of its standard input and output.
#[derive(Debug)]
pub struct Launched {
    /// The program.
    pub process: Process,
    /// What it reads.
    pub input: pipe::Sender,
    /// What it writes.
    pub output: pipe::Receiver,
    /// Its log, for what else belongs there.
    pub log: SharedLog,
}

/// The name of the thread.
const WORKER: &str = "launcher";

struct Job {
    socket: OwnedFd,
    mark: String,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Launcher {
    /// A launcher with this supervisor.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn new(supervisor: Supervisor) -> io::Result<Self> {
        let (jobs, queue) = jobs::channel::<Job>();
        // A panic does not end the thread, for what it has started would die with it.
        Vitals::process().thread(WORKER, move || {
            for Job { socket, mark, reply } in &queue {
                Vitals::pulse(WORKER);
                // Nobody waits for it any more when the send fails; then the closed socket ends it.
                let _ = reply.send(start_supervisor(&supervisor, socket, &mark));
            }
            Ok(())
        })?;
        Ok(Self { jobs })
    }

    /// Starts a program, and comes back when it runs. Must be called on a tokio runtime, which listens to its supervisor
    /// from then on.
    ///
    /// # Errors
    /// It, or its supervisor, cannot be started.
    pub async fn launch(&self, launch: Launch) -> Result<Launched, LaunchError> {
        let prepared = Prepared::new(&launch).map_err(LaunchError::Supervisor)?;
        let Prepared { ours, theirs, stdio, input, output, errors, log } = prepared;
        let (reply, started) = oneshot::channel();
        let mark = launch.owner.mark(&launch.name);
        let gone = || LaunchError::Supervisor(io::Error::other("the launcher's thread is gone"));
        self.jobs.send(Job { socket: theirs.into(), mark: mark.clone(), reply }).map_err(|_job| gone())?;
        let child = started.await.map_err(|_gone| gone())?.map_err(LaunchError::Supervisor)?;
        let (mut events, mut orders) = hand_over(ours, stdio).map_err(LaunchError::Supervisor)?;
        let mut env = launch.env;
        env.insert(MARK.to_owned(), mark);
        let start = Start {
            program: launch.program,
            args: launch.args,
            cwd: launch.cwd,
            env,
            limits: launch.limits,
            cgroup: launch.cgroup,
            name: launch.name.clone(),
        };
        // A supervisor that is gone says so by silence.
        let _ = write(&mut orders, &Order::Start(Box::new(start))).await;
        let pid = match next(&mut events).await {
            Some(Event::Started { pid }) => pid,
            Some(Event::NotStarted { problem }) => {
                reap(child).await;
                return Err(LaunchError::Program(problem));
            }
            _ => {
                reap(child).await;
                return Err(LaunchError::SupervisorEnded);
            }
        };
        let (order, queue) = mpsc::unbounded_channel();
        let (known, told) = watch::channel(Known::default());
        let (owner, name, launcher) = (launch.owner, launch.name, self.clone());
        let line = Line { owner, name, child, events, orders, known, _launcher: launcher };
        // Should it panic, the closed socket ends the program, and who waits for its end hears that nothing is known of it.
        tokio::spawn(Vitals::process().once("program line", line.listen(queue)));
        let log = SharedLog::new(log);
        let (errors, kept) = (Arc::new(Mutex::new(errors)), log.clone());
        Vitals::process().task(&Handle::current(), "program log", move || keep(Arc::clone(&errors), kept.clone()));
        Ok(Launched { process: Process::new(pid, order, told), input, output, log })
    }
}

type Events = tokio::io::Lines<BufReader<OwnedReadHalf>>;

/// Everything that a launch needs before there is a supervisor.
struct Prepared {
    ours: StdUnixStream,
    theirs: StdUnixStream,
    stdio: Stdio,
    input: pipe::Sender,
    output: pipe::Receiver,
    errors: pipe::Receiver,
    log: Option<LogWriter>,
}

impl Prepared {
    fn new(launch: &Launch) -> io::Result<Self> {
        let log = launch.log.as_ref().map(|log| log.create(launch.scrubber.clone())).transpose()?;
        let (ours, theirs) = StdUnixStream::pair()?;
        let ((input, we_write), (we_read, output), (errors, error)) = (io::pipe()?, io::pipe()?, io::pipe()?);
        Ok(Self {
            ours,
            theirs,
            stdio: Stdio { input: input.into(), output: output.into(), error: error.into() },
            input: pipe::Sender::from_owned_fd(we_write.into())?,
            output: pipe::Receiver::from_owned_fd(we_read.into())?,
            errors: pipe::Receiver::from_owned_fd(errors.into())?,
            log,
        })
    }
}

fn start_supervisor(supervisor: &Supervisor, socket: OwnedFd, mark: &str) -> io::Result<Child> {
    Command::new(&supervisor.binary)
        .arg(SUPERVISE)
        .env_clear()
        .env(MARK, mark)
        .current_dir("/")
        .stdin(socket)
        .stdout(ChildStdio::null())
        // A Ctrl-C at the server's terminal is for the server: it ends its agents in order.
        .process_group(0)
        .spawn()
}

fn hand_over(ours: StdUnixStream, stdio: Stdio) -> io::Result<(Events, OwnedWriteHalf)> {
    descriptors::send(&ours, &stdio)?;
    // From here on the program alone has its ends, so that their end is seen.
    drop(stdio);
    ours.set_nonblocking(true)?;
    let (events, orders) = UnixStream::from_std(ours)?.into_split();
    Ok((BufReader::new(events).lines(), orders))
}

async fn write(orders: &mut OwnedWriteHalf, order: &Order) -> io::Result<()> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    orders.write_all(&line).await
}

/// What the supervisor says next; `None` when it is gone.
async fn next(events: &mut Events) -> Option<Event> {
    let line = events.next_line().await.ok().flatten()?;
    serde_json::from_str(&line).ok()
}

/// Waits for the last of a supervisor that has said its last.
async fn reap(mut child: Child) {
    let waited = tokio::task::spawn_blocking(move || child.wait()).await;
    if let Ok(Err(error)) = waited {
        tracing::warn!(%error, "a supervisor's end was not seen");
    }
}

/// The way to one supervisor.
struct Line {
    owner: Owner,
    name: String,
    child: Child,
    events: Events,
    orders: OwnedWriteHalf,
    known: watch::Sender<Known>,
    /// Its thread must not end before the program has.
    _launcher: Launcher,
}

impl Line {
    async fn listen(mut self, mut queue: mpsc::UnboundedReceiver<Order>) {
        let mut gone = false;
        loop {
            tokio::select! {
                event = next(&mut self.events) => match event {
                    Some(Event::Gone) => {
                        gone = true;
                        break;
                    }
                    Some(event) => self.take(event),
                    None => break,
                },
                order = queue.recv() => {
                    let Some(order) = order else {
                        // Nobody holds the process any more: the supervisor ends it when this socket closes.
                        let _ = self.orders.shutdown().await;
                        while let Some(event) = next(&mut self.events).await {
                            gone |= matches!(event, Event::Gone);
                        }
                        break;
                    };
                    // Should it be gone, its silence tells.
                    let _ = write(&mut self.orders, &order).await;
                }
            }
        }
        reap(self.child).await;
        let clean = gone || {
            tracing::error!(program = self.name, "a supervisor was killed; what it supervised is looked for");
            let (owner, name) = (self.owner, self.name);
            tokio::task::spawn_blocking(move || stray::end_program(&owner, &name).clean).await.unwrap_or(false)
        };
        self.known.send_modify(|known| {
            let exit = known.exit.unwrap_or(Exit::Unknown);
            known.ended = Some(Ended { exit, limit: known.limit, clean });
        });
    }

    fn take(&self, event: Event) {
        self.known.send_modify(|known| match event {
            Event::Exited { exit } => known.exit = Some(exit),
            Event::OverLimit { limit } => known.limit = Some(limit),
            Event::Frozen | Event::Thawed => {
                known.frozen = Some(Ok(()));
                known.answers += 1;
            }
            Event::NotFrozen { problem } => {
                known.frozen = Some(Err(problem));
                known.answers += 1;
            }
            Event::Started { .. } | Event::NotStarted { .. } | Event::Gone => {}
        });
    }
}

/// Keeps what comes until there is nothing more. What cannot be written is read all the same: a full pipe would stop the
/// program.
async fn keep(errors: Arc<Mutex<pipe::Receiver>>, log: SharedLog) {
    let mut errors = errors.lock().await;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = errors.read(&mut buffer).await {
        if count == 0 {
            log.end();
            return;
        }
        log.write(buffer.get(..count).unwrap_or_default());
    }
}
