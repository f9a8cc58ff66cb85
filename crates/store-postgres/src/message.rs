//! Conversations.

use std::collections::HashMap;

use async_trait::async_trait;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, ConversationEnd, MessageRepository, MessageSlice, StoreUnavailable,
};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::append::Append;
use crate::database::{Transaction, on};
use crate::lease::come_back;
use crate::session::control;
use crate::tables::sessions::Touch;
use crate::tables::{messages, sessions};
use crate::usage::{Booking, book};

#[async_trait]
impl MessageRepository for PostgresStore {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.appends.append(Append { session, batch, at }).await
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        Ok(on!(self.read, (session, after, limit), |connection| messages::after(connection, *session, *after, *limit))
            .await?)
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        Ok(on!(self.read, (session, before, limit), |connection| messages::before(
            connection, *session, *before, *limit
        ))
        .await?)
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        Ok(on!(self.read, (sessions), |connection| sessions::ends(connection, sessions)).await?)
    }
}

/// One append in a transaction of its own.
pub(crate) async fn append(tx: &mut Transaction, append: &Append) -> Result<AppendOutcome, AppendError> {
    let Append { session: id, batch, at } = append;
    let (id, at) = (*id, *at);
    let session = sessions::lock_head(tx, id).await?.ok_or(AppendError::UnknownSession(id))?;
    let back = come_back(tx, &session, at).await?;
    let came_back = back.is_some();
    let session = back.unwrap_or(session);
    let wanted: Vec<_> = match session.last_seq {
        Seq::ZERO => Vec::new(),
        _ => batch.iter().map(|message| (id, message.id)).collect(),
    };
    let known: HashMap<MessageId, Message> =
        messages::known(tx, &wanted).await?.into_iter().map(|message| (message.id, message)).collect();
    let plan = session.append(batch.clone(), &known)?;
    messages::insert(tx, &plan.insert).await?;
    sessions::touch(tx, &[Touch::of(&session, plan.last_seq, at)]).await?;
    let used = Booking { session: &session, used: plan.used, at };
    let exhausted = !book(tx, &[used]).await?.is_empty();
    let control = control(tx, &session).await?;
    Ok(AppendOutcome {
        appended: plan.appended,
        inserted: plan.insert,
        last_seq: plan.last_seq,
        control,
        came_back,
        exhausted,
    })
}
