//! What the network stack of this machine carries from one thread to another: events of 600 bytes to a thousand sockets.
//! The receiver is the one that follows a server, so this is what a server could reach that did nothing but write.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::check::Dense;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::http::{Flow, Follower};
use crate::number::{count, per_second};
use crate::progress::watched;

const FOLLOWERS: usize = 1_000;
/// The whole event, with what a chunk adds.
const EVENT: usize = 600;
/// How long nothing at all may come.
const PATIENCE: Duration = Duration::from_mins(1);

/// One write for each event, then many events in a write.
pub(super) async fn measure(span: Duration, figures: &mut Figures) -> Outcome<()> {
    for together in [1, 10, 100] {
        one(span, together, figures).await?;
    }
    Ok(())
}

/// So many events in a write.
pub(super) async fn one(span: Duration, together: usize, figures: &mut Figures) -> Outcome<()> {
    let rate = watched(PATIENCE, send(span, together)).await?;
    let name = if together == 1 { "one a write".to_owned() } else { format!("{together} a write") };
    figures.add(format!("loopback, {FOLLOWERS} sockets, {name}"), "events/s", rate);
    Ok(())
}

/// The next events as chunks, each with its id.
fn events(first: u64, together: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(together * EVENT);
    for id in (first..).take(together) {
        let mut event = format!("event: message\nid: {id}\ndata: ").into_bytes();
        // Two line breaks, and about eight bytes for the chunk's size and line breaks.
        event.resize(EVENT - 10, b'x');
        event.extend_from_slice(b"\n\n");
        bytes.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
        bytes.extend_from_slice(&event);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

async fn send(span: Duration, together: usize) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(BenchError::system("cannot listen"))?;
    let address = listener.local_addr().map_err(BenchError::system("cannot listen"))?;
    let sender = std::thread::spawn(move || serve(&listener, span, together));
    let mut receiving = JoinSet::new();
    for number in 0..FOLLOWERS {
        let follower = open(address).await?;
        receiving.spawn_local(receive(follower, number));
    }
    let (mut received, mut begin, mut last) = (0, None::<Instant>, None::<Instant>);
    while let Some(done) = receiving.join_next().await {
        let (events, first, end) = done.map_err(|error| BenchError::task(&error))??;
        received += events;
        begin = begin.map_or(first, |begin| first.map(|first| begin.min(first)).or(Some(begin)));
        last = last.max(end);
    }
    let sent = sender.join().map_err(|_panic| BenchError::Protocol("the sender panicked".to_owned()))?;
    let sent = sent.map_err(BenchError::system("cannot send"))?;
    if sent != received {
        return Err(BenchError::Protocol(format!("{sent} events were sent, {received} came")));
    }
    Ok(begin.zip(last).map_or(0.0, |(begin, last)| per_second(received, last - begin)))
}

async fn open(address: SocketAddr) -> Outcome<Follower> {
    Follower::open(address, b"GET / HTTP/1.1\r\n\r\n").await
}

type Received = (u64, Option<Instant>, Option<Instant>);

async fn receive(mut follower: Follower, number: usize) -> Outcome<Received> {
    let (mut seqs, mut first, mut last) = (Dense::after(0), None, None);
    let take = |frame: crate::sse::Frame<'_>, at| {
        let Some(id) = frame.id else { return Ok(Flow::Enough) };
        seqs.take(id, || format!("socket {number}"))?;
        first = first.or(Some(at));
        last = Some(at);
        Ok(Flow::More)
    };
    follower.read(take).await?;
    Ok((seqs.last(), first, last))
}

/// Takes all followers, then writes to one after the other until the time is up, and ends with an event without an id.
fn serve(listener: &TcpListener, span: Duration, together: usize) -> std::io::Result<u64> {
    let mut sockets: Vec<TcpStream> = Vec::new();
    for _ in 0..FOLLOWERS {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let _ = socket.read(&mut [0; 64])?;
        socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        sockets.push(socket);
    }
    let (begin, mut next) = (Instant::now(), 1);
    while begin.elapsed() < span {
        let bytes = events(next, together);
        for socket in &mut sockets {
            socket.write_all(&bytes)?;
        }
        next += count(together);
    }
    for socket in &mut sockets {
        socket.write_all(b"f\r\ndata: the end\n\n\r\n")?;
    }
    Ok((next - 1) * count(sockets.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_size() {
        let one = events(1, 1).len();
        assert!((EVENT - 5..=EVENT + 5).contains(&one), "{one}");
    }

    #[tokio::test]
    async fn what_is_sent_comes() {
        let local = tokio::task::LocalSet::new();
        let rate =
            local.run_until(watched(PATIENCE, send(Duration::from_millis(1), 3))).await.expect("sent and received");
        assert!(rate > 0.0);
    }
}
