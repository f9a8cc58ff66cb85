//! Clients that try to keep the server busy with nothing: how soon others are answered meanwhile, a kill of all before all.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::http::{Connection, Site};
use crate::number::{float, millis, nanos};
use crate::options::{number, seconds, some, word};
use crate::process::rss;
use crate::server::Server;
use crate::stats::Samples;

/// How often it is asked whether the server lives.
const EVERY: Duration = Duration::from_millis(5);
/// How long the attack runs before anything is measured.
const WARM: Duration = Duration::from_secs(1);

pub(super) fn grammar() -> Command {
    Command::new("freeze")
        .about("Try to freeze the server with what a few clients send: how soon others are answered meanwhile")
        .arg(number("connections", "16", "How many attack"))
        .arg(number("seconds", "10", "How long it is measured"))
        .arg(
            Arg::new("kind")
                .long("kind")
                .default_value("dribble")
                .value_parser(["dribble", "lines", "bodies", "values"])
                .help(
                    "dribble: 3 MiB without a line end, then 20,000 chunks of a byte; lines: lines of 60 MiB; bodies: \
                     batches of 4 MiB; values: bodies with a million values",
                ),
        )
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let (connections, span) = (some(matches, "connections")?, seconds(matches, "seconds"));
    let members = register(&server.site, Names::fresh(), 0..connections, |_| None).await?;
    let kind = word(matches, "kind").unwrap_or("dribble");
    let attack = Attack::of(kind);
    let mut attackers = JoinSet::new();
    for member in &members {
        let request = attack.request(&server.site, &format!("/agents/{}/messages", member.id));
        attackers.spawn_local(again_and_again(server.site.address, request, attack.clone()));
    }
    sleep(WARM).await;

    let mut connection = Connection::open(server.site.address).await?;
    let live = server.site.get("/health/live");
    let (mut samples, mut most) = (Samples::default(), 0);
    let begun = Instant::now();
    while begun.elapsed() < span {
        let asked = Instant::now();
        connection.exchange(&live).await?.expect(&[200], "GET /health/live")?;
        samples.add(asked.elapsed());
        most = most.max(server.pid.and_then(rss).unwrap_or(0));
        sleep(EVERY).await;
    }
    let kill = server.site.post("/agents/kill-all?wait=0s", b"{}");
    let asked = Instant::now();
    connection.exchange(&kill).await?.expect(&[200], "POST /agents/kill-all")?;
    let killed = asked.elapsed();
    attackers.abort_all();

    let samples = samples.sorted();
    let mut figures = Figures::default();
    figures.add("live p50", "ms", samples.p50());
    figures.add("live p99", "ms", samples.p99());
    figures.add("live max", "ms", samples.max());
    figures.add("kill-all", "ms", millis(nanos(killed)));
    figures.add("server RSS, most", "MB", float(most) / 1e6);
    Ok(figures)
}

/// What an attacker sends, and how.
#[derive(Clone)]
struct Attack {
    streamed: bool,
    body: Vec<u8>,
    /// So many chunks of one byte follow.
    dribbled: usize,
}

impl Attack {
    fn of(kind: &str) -> Self {
        let message = |content: &str| format!(r#"{{"role":"assistant","content":"{content}"}}"#);
        let (streamed, body, dribbled) = match kind {
            "lines" => (true, format!("{}\n", message(&"x".repeat(60 << 20))), 0),
            "bodies" => (false, format!("[{}]", vec![message(&"x".repeat(4_000)); 1_000].join(",")), 0),
            "values" => {
                let values = "0,".repeat(900_000);
                (false, format!(r#"{{"role":"assistant","content":"x","metadata":{{"a":[{values}0]}}}}"#), 0)
            }
            _ => (true, "x".repeat(3 << 20), 20_000),
        };
        Self { streamed, body: body.into_bytes(), dribbled }
    }

    fn request(&self, site: &Site, path: &str) -> Vec<u8> {
        if self.streamed { site.post_stream(path) } else { site.post_head(path, self.body.len()) }
    }
}

async fn again_and_again(address: SocketAddr, head: Vec<u8>, attack: Attack) {
    loop {
        // What becomes of an attack is no concern of ours: the next one comes.
        let _ = once(address, &head, &attack).await;
        tokio::task::yield_now().await;
    }
}

async fn once(address: SocketAddr, head: &[u8], attack: &Attack) -> Outcome<()> {
    let failed = BenchError::system("cannot attack");
    let send = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head).await?;
        if attack.streamed {
            for piece in attack.body.chunks(65_536) {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                stream.write_all(piece).await?;
                stream.write_all(b"\r\n").await?;
            }
            for _ in 0..attack.dribbled {
                stream.write_all(b"1\r\nx\r\n").await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        } else {
            stream.write_all(&attack.body).await?;
        }
        stream.read_buf(&mut Vec::new()).await.map(drop)
    };
    send.await.map_err(failed)
}
