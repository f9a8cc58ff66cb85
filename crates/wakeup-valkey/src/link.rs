//! The connection of a replica: made, used, lost and made again.

use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::backoff;
use crate::inbox::Inbox;
use crate::message::Message;
use crate::options::Options;
use crate::outbox::{Batch, Outbox};
use crate::stats::Counters;

/// What others may see of the connection.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Seen>);

#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Missing while there is none that is subscribed.
    pub(crate) connection: Option<MultiplexedConnection>,
    /// Why the last attempt failed, or the last connection ended.
    pub(crate) last_error: Option<Arc<RedisError>>,
}

impl Slot {
    pub(crate) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives up the connection.
    pub(crate) fn close(&self) {
        self.set(Seen::default());
    }

    fn set(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// Keeps a replica connected.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) options: Options,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) counters: Arc<Counters>,
}

/// A connection that is subscribed, and the word that it has ended.
struct Open {
    connection: MultiplexedConnection,
    ended: Arc<Notify>,
}

impl Link {
    /// Connects again and again, as long as it is polled.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut attempt = 0;
        loop {
            let began = Instant::now();
            let error = match self.open().await {
                Ok(open) => self.run(open).await,
                Err(error) => error,
            };
            // What breaks at once is no connection: it is not tried faster for having been there for a moment.
            if began.elapsed() > self.options.retry_at_most + self.options.connect_timeout {
                attempt = 0;
            }
            let error = Arc::new(error);
            self.slot.set(Seen { connection: None, last_error: Some(Arc::clone(&error)) });
            if attempt == 0 {
                let (server, cause): (_, &dyn std::error::Error) = (self.client.get_connection_info().addr(), &error);
                tracing::warn!(%server, cause, "Valkey is away; replicas look for news by themselves; trying again");
            }
            let Options { retry_after, retry_at_most, .. } = self.options;
            sleep(backoff::delay(self.inbox.replica(), attempt, retry_after, retry_at_most)).await;
            attempt += 1;
        }
    }

    async fn open(&self) -> Result<Open, RedisError> {
        let ended = Arc::new(Notify::new());
        let (inbox, word) = (Arc::clone(&self.inbox), Arc::clone(&ended));
        let take = move |push: PushInfo| -> Result<(), RedisError> {
            if push.kind == PushKind::Disconnection {
                word.notify_one();
            } else {
                inbox.take(push);
            }
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout))
            .set_response_timeout(Some(self.options.response_timeout))
            .set_push_sender(take);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(self.options.channel()).await?;
        Ok(Open { connection, ended })
    }

    /// Sends what waits until the connection ends, and says why it did.
    async fn run(&self, open: Open) -> RedisError {
        let Open { mut connection, ended } = open;
        self.slot.set(Seen { connection: Some(connection.clone()), last_error: None });
        self.counters.subscribed.add(1);
        tracing::info!(server = %self.client.get_connection_info().addr(), "connected to Valkey");
        // Whatever others said until now was not heard.
        self.inbox.look_at_everything();
        loop {
            while let Some(batch) = self.outbox.take() {
                if let Err(error) = self.send(&mut connection, &batch).await {
                    self.outbox.put_back(&batch);
                    return error;
                }
            }
            tokio::select! {
                () = self.outbox.filled() => {}
                () = ended.notified() => return (ErrorKind::Io, "the server has closed the connection").into(),
                () = sleep(self.options.ping_every) => {
                    if let Err(error) = redis::cmd("PING").exec_async(&mut connection).await {
                        return error;
                    }
                }
            }
        }
    }

    async fn send(&self, connection: &mut MultiplexedConnection, batch: &Batch) -> Result<(), RedisError> {
        let message = Message { replica: self.inbox.replica(), hints: batch.hints() };
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.options.channel()).arg(message.encode()).exec_async(connection).await?;
        self.counters.messages.add(1);
        self.counters.sent.add(message.hints.len());
        self.counters.coalesced.add(batch.given().saturating_sub(message.hints.len()));
        Ok(())
    }
}
