//! The rules of retention, what is due, and what is archived.

use async_trait::async_trait;

use super::run::run;
use crate::command::Command;
use crate::ids::{CommandSeq, FeedPosition, Seq, SessionId};
use crate::message::Message;
use crate::operation::Scope;
use crate::ports::{
    ArchiveRowError, LetterQuery, RetentionChangeError, RetentionRepository, RetentionRows, Rows, StoreUnavailable,
    Transactional, Tx,
};
use crate::retention::{
    ArchivedSession, DuePage, EndedPlace, Removal, Retention, RetentionChange, RetentionRefused, RetentionRules,
    RetentionTaking,
};
use crate::sink::SinkSource;
use crate::time::Timestamp;

/// Changes the rules: [`RetentionRepository::change_retention`].
///
/// # Errors
/// The store is not available.
pub async fn change<T: Tx>(tx: &mut T, change: &RetentionChange) -> Rows<Result<Retention, RetentionRefused>> {
    let existing = tx.lock_retention().await?;
    let decision = change.decide(&existing);
    if let Ok(retention) = &decision.outcome {
        tx.save_retention(retention).await?;
    }
    tx.record(decision.audit).await?;
    Ok(decision.outcome)
}

/// Takes the lease: [`RetentionRepository::take_retention`].
///
/// # Errors
/// The store is not available.
pub async fn take<T: Tx>(tx: &mut T, taking: &RetentionTaking) -> Rows<Option<Retention>> {
    let existing = tx.lock_retention().await?;
    let Some(taken) = taking.decide(&existing) else { return Ok(None) };
    tx.save_retention(&taken).await?;
    Ok(Some(taken))
}

/// Finds what is due: [`RetentionRepository::due_sessions`].
///
/// # Errors
/// The store is not available.
pub async fn due<T: Tx>(
    tx: &mut T,
    rules: &RetentionRules,
    now: Timestamp,
    after: Option<EndedPlace>,
    limit: usize,
) -> Rows<DuePage> {
    let mut page = DuePage { sessions: Vec::new(), next: None };
    let Some(horizon) = rules.horizon(now) else { return Ok(page) };
    let ended = tx.ended_before(horizon, after, limit).await?;
    if ended.len() >= limit {
        page.next = ended.last().and_then(|last| Some(EndedPlace { ended_at: last.completed_at?, id: last.id }));
    }
    for session in ended {
        // What lives below reads what was said above, and may be told of it.
        if rules.is_due(&session, now) && tx.open_within(&Scope::Subtree(session.id)).await?.is_empty() {
            page.sessions.push(session);
        }
    }
    Ok(page)
}

async fn note_of<T: Tx>(tx: &mut T, session: SessionId) -> Rows<Option<ArchivedSession>> {
    Ok(tx.archived(&[session]).await?.pop())
}

/// Notes that a session is archived: [`RetentionRepository::note_archived`].
///
/// # Errors
/// There is no such session, it is not as archived, or the store is not available.
pub async fn note<T: Tx>(tx: &mut T, archived: &ArchivedSession) -> Result<ArchivedSession, ArchiveRowError> {
    let id = archived.session;
    let session = tx.lock_head(id).await?.ok_or(ArchiveRowError::UnknownSession(id))?;
    if let Some(there) = note_of(tx, id).await? {
        return Ok(there);
    }
    archived.fits(&session)?;
    tx.save_archived(archived).await?;
    tx.remove_change_reports(id, 0..=u32::MAX).await?;
    Ok(archived.clone())
}

/// Removes the next rows: [`RetentionRepository::remove_archived`].
///
/// # Errors
/// The store is not available.
pub async fn remove<T: Tx>(tx: &mut T, session: SessionId) -> Rows<Option<ArchivedSession>> {
    // The lock keeps two replicas from removing at once.
    tx.lock_head(session).await?;
    let Some(archived) = note_of(tx, session).await? else { return Ok(None) };
    let Some(removal) = archived.next_removal() else { return Ok(Some(archived)) };
    match removal {
        Removal::Messages(through) => tx.remove_messages(session, through).await?,
        Removal::Commands(through) => tx.remove_commands(session, through).await?,
    }
    let after = archived.without(removal);
    tx.save_archived(&after).await?;
    Ok(Some(after))
}

/// Cuts the feed: [`RetentionRepository::cut_feed`].
///
/// # Errors
/// The store is not available.
pub async fn cut_feed<T: Tx>(tx: &mut T, through: FeedPosition) -> Rows<u64> {
    // One cuts at a time.
    tx.lock_retention().await?;
    let mut through = through.min(tx.feed_head().await?.previous());
    for sink in tx.sinks().await?.into_iter().filter(|sink| sink.form.source() == SinkSource::Feed) {
        through = through.min(FeedPosition::new(sink.progress.cursor));
        let query = LetterQuery { sink: sink.name, again: true, after: None, limit: 1 };
        for letter in tx.letters(&query).await? {
            through = through.min(FeedPosition::new(letter.place).previous());
        }
    }
    if through == FeedPosition::ZERO {
        return Ok(0);
    }
    tx.remove_events(through).await
}

/// Puts rows back: [`RetentionRepository::put_back`].
///
/// # Errors
/// The session is not archived, the store has rows there, or the store is not available.
pub async fn put_back<T: Tx>(
    tx: &mut T,
    session: SessionId,
    messages: &[Message],
    commands: &[Command],
) -> Result<(), ArchiveRowError> {
    tx.lock_head(session).await?.ok_or(ArchiveRowError::UnknownSession(session))?;
    let archived = note_of(tx, session).await?.ok_or(ArchiveRowError::Occupied(session))?;
    if archived.next_removal().is_some() {
        return Err(ArchiveRowError::Occupied(session));
    }
    let last = restored(tx, session).await?.get().saturating_add(1);
    let last_command = match commands {
        [] => 0,
        _ => restored_commands(tx, session).await?.get().saturating_add(1),
    };
    let dense = messages.iter().zip(last..).all(|(message, seq)| message.seq.get() == seq);
    let dense_commands = commands.iter().zip(last_command..).all(|(command, seq)| command.seq.get() == seq);
    let theirs = messages.iter().all(|message| message.session_id == session)
        && commands.iter().all(|command| command.session_id == session);
    if !dense || !dense_commands || !theirs {
        return Err(ArchiveRowError::Occupied(session));
    }
    tx.insert_messages(messages).await?;
    for command in commands {
        tx.insert_command(command).await?;
    }
    Ok(())
}

/// The last message that was put back.
async fn restored<T: Tx>(tx: &mut T, session: SessionId) -> Rows<Seq> {
    let end = tx.messages_before(session, Seq::new(u64::MAX), 1).await?;
    Ok(end.and_then(|slice| slice.messages.last().map(|message| message.seq)).unwrap_or(Seq::ZERO))
}

/// The last command that was put back.
async fn restored_commands<T: Tx>(tx: &mut T, session: SessionId) -> Rows<CommandSeq> {
    const PAGE: usize = 1_000;
    let mut last = CommandSeq::ZERO;
    loop {
        let page = tx.commands_after(session, last, PAGE).await?;
        last = page.last().map_or(last, |command| command.seq);
        if page.len() < PAGE {
            return Ok(last);
        }
    }
}

/// Forgets that a session is archived: [`RetentionRepository::end_restoring`].
///
/// # Errors
/// The store is not available.
pub async fn end_restoring<T: Tx>(tx: &mut T, session: SessionId) -> Rows<bool> {
    let Some(head) = tx.lock_head(session).await? else { return Ok(false) };
    let (last, last_command) = (restored(tx, session).await?, restored_commands(tx, session).await?);
    if (last, last_command) != (head.last_seq, head.last_command_seq) {
        return Ok(false);
    }
    tx.remove_archived(session).await?;
    Ok(true)
}

#[async_trait]
impl<S: Transactional> RetentionRepository for S {
    async fn retention(&self) -> Result<Retention, StoreUnavailable> {
        run!(self.read, (), |tx| tx.retention()).await
    }

    async fn change_retention(&self, wanted: RetentionChange) -> Result<Retention, RetentionChangeError> {
        let done: Rows<_> = run!(self.write, (wanted), |tx| change(tx, &wanted)).await;
        Ok(done??)
    }

    async fn take_retention(&self, taking: RetentionTaking) -> Result<Option<Retention>, StoreUnavailable> {
        run!(self.write, (taking), |tx| take(tx, &taking)).await
    }

    async fn due_sessions(
        &self,
        rules: RetentionRules,
        now: Timestamp,
        after: Option<EndedPlace>,
        limit: usize,
    ) -> Result<DuePage, StoreUnavailable> {
        run!(self.read_moment, (rules, now, after, limit), |tx| due(tx, &rules, now, after, limit)).await
    }

    async fn commands_after(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Vec<Command>, StoreUnavailable> {
        run!(self.read, (session, after, limit), |tx| tx.commands_after(session, after, limit)).await
    }

    async fn conversation_bytes(&self, session: SessionId) -> Result<u64, StoreUnavailable> {
        run!(self.read, (session), |tx| tx.conversation_bytes(session)).await
    }

    async fn note_archived(&self, archived: ArchivedSession) -> Result<ArchivedSession, ArchiveRowError> {
        run!(self.write, (archived), |tx| note(tx, &archived)).await
    }

    async fn archived(&self, session: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable> {
        run!(self.read, (session), |tx| note_of(tx, session)).await
    }

    async fn archived_among(&self, sessions: Vec<SessionId>) -> Result<Vec<ArchivedSession>, StoreUnavailable> {
        run!(self.read, (sessions), |tx| tx.archived(&sessions)).await
    }

    async fn unfinished_removals(&self, limit: usize) -> Result<Vec<ArchivedSession>, StoreUnavailable> {
        run!(self.read, (limit), |tx| tx.unfinished_removals(limit)).await
    }

    async fn remove_archived(&self, session: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable> {
        run!(self.write, (session), |tx| remove(tx, session)).await
    }

    async fn cut_feed(&self, through: FeedPosition) -> Result<u64, StoreUnavailable> {
        run!(self.write, (through), |tx| cut_feed(tx, through)).await
    }

    async fn put_back(
        &self,
        session: SessionId,
        messages: Vec<Message>,
        commands: Vec<Command>,
    ) -> Result<(), ArchiveRowError> {
        run!(self.write, (session, messages, commands), |tx| put_back(tx, session, &messages, &commands)).await
    }

    async fn end_restoring(&self, session: SessionId) -> Result<bool, StoreUnavailable> {
        run!(self.write, (session), |tx| end_restoring(tx, session)).await
    }
}
