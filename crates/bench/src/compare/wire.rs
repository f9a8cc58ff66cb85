//! A writer's connection: requests in flight, and their acknowledgements in order.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::audience::Sent;
use super::dialect::Dialect;
use crate::content::{Content, Tag};
use crate::error::{BenchError, Outcome};
use crate::progress;
use crate::stats::Samples;

/// One who publishes.
pub(super) struct Writer {
    stream: TcpStream,
    dialect: Dialect,
    content: Content,
    number: u32,
    received: Vec<u8>,
    given: usize,
    waiting: VecDeque<Instant>,
    next: u32,
}

/// A socket that sends at once.
pub(super) async fn connect(dialect: &Dialect) -> Outcome<TcpStream> {
    let address = dialect.address();
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(BenchError::system(format!("cannot connect to {address}")))?;
    stream.set_nodelay(true).map_err(BenchError::system("cannot set TCP_NODELAY"))?;
    Ok(stream)
}

impl Writer {
    pub(super) async fn open(dialect: &Dialect, content: &Content, number: u32) -> Outcome<Self> {
        let mut stream = connect(dialect).await?;
        stream.write_all(&dialect.hello(number)).await.map_err(BenchError::system("cannot send"))?;
        let (dialect, content) = (dialect.clone(), content.clone());
        let (received, waiting) = (Vec::with_capacity(16 * 1_024), VecDeque::new());
        Ok(Self { stream, dialect, content, number, received, given: 0, waiting, next: 0 })
    }

    /// Publishes so many messages, at most `window` of them not acknowledged; gives how long each waited for that.
    ///
    /// # Errors
    /// One was refused.
    pub(super) async fn publish(&mut self, messages: u32, window: u32, sent: &Sent) -> Outcome<Samples> {
        let mut replies = Samples::default();
        let (mut left, window, mut out) = (messages, crate::number::length(window.into()), Vec::new());
        while left > 0 || !self.waiting.is_empty() {
            out.clear();
            while left > 0 && self.waiting.len() < window {
                let tag = Tag { session: self.number, message: self.next };
                let mut text = self.content.escaped().to_vec();
                self.content.stamp(&mut text, tag);
                self.dialect.publish(self.number, &text, &mut out);
                let now = Instant::now();
                sent.note(self.number, now);
                self.waiting.push_back(now);
                (self.next, left) = (self.next + 1, left - 1);
            }
            self.stream.write_all(&out).await.map_err(BenchError::system("cannot send"))?;
            self.acknowledged(&mut replies).await?;
        }
        Ok(replies)
    }

    /// Waits for at least one acknowledgement, and takes all that came with it.
    async fn acknowledged(&mut self, replies: &mut Samples) -> Outcome<()> {
        let before = self.waiting.len();
        loop {
            while let Some(length) = self.dialect.acknowledged(self.received.get(self.given..).unwrap_or_default())? {
                self.given += length;
                let sent = self.waiting.pop_front();
                let sent = sent.ok_or_else(|| BenchError::Protocol("more was acknowledged than sent".to_owned()))?;
                replies.add(sent.elapsed());
                progress::tick();
            }
            self.received.drain(..self.given);
            self.given = 0;
            if self.waiting.len() < before {
                return Ok(());
            }
            let read = self.stream.read_buf(&mut self.received).await.map_err(BenchError::system("cannot receive"))?;
            if read == 0 {
                return Err(BenchError::Protocol("a writer's connection was closed".to_owned()));
            }
        }
    }
}
