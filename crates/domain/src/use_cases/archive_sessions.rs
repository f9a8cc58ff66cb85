//! Conversations that are due move into the archive, and old entries of the feed go.
//!
//! *Invariant.* A row is removed only after its session is noted as archived; a session is noted only after its object was
//! read back whole, its digest compared, and each of its records compared with the store's; and after a manifest that names
//! the object is in the archive. Each step may be repeated, so a server may be killed anywhere.

use std::sync::Arc;

use super::{Has, MayHave};
use crate::approval::Approval;
use crate::command::Command;
use crate::ids::{CommandSeq, FeedPosition, Seq};
use crate::ports::{
    ApprovalFilter, ApprovalQuery, ApprovalRepository, Archive, ArchiveError, ArchiveRecords, ArchiveRowError,
    Checkpointing, Clock, FleetFeed, MessageRepository, RetentionRepository, SinkRepository, StoreUnavailable,
};
use crate::retention::{
    ArchiveManifest, ArchiveObject, ArchivedSession, EndedPlace, ObjectName, Retention, RetentionTaking, feed_removal,
};
use crate::session::Session;
use crate::sink::SinkSource;
use crate::text::ReplicaName;

/// Why a pass ended before its time. What it did stays; the next pass goes on.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveSessionsError {
    /// The archive does not do its work.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What was read back is not what the store has. Nothing of it is removed.
    #[error("the object {object} was read back and differs from the store at {what}")]
    Differs {
        /// The object.
        object: ObjectName,
        /// Where.
        what: String,
    },
    /// A session was not noted.
    #[error(transparent)]
    NotNoted(#[from] ArchiveRowError),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// What a pass has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchivePass {
    /// Sessions that were archived.
    pub sessions: u64,
    /// Messages that were removed from the store.
    pub messages: u64,
    /// Entries of the feed that were removed.
    pub events: u64,
    /// Whether there is more to do.
    pub more: bool,
}

impl ArchivePass {
    /// Whether it removed anything.
    #[must_use]
    pub const fn removed_any(&self) -> bool {
        self.messages > 0 || self.events > 0
    }
}

/// Archives conversations and cuts the feed.
#[derive(Clone)]
pub struct ArchiveSessions {
    retention: Arc<dyn RetentionRepository>,
    messages: Arc<dyn MessageRepository>,
    approvals: Arc<dyn ApprovalRepository>,
    feed: Arc<dyn FleetFeed>,
    sinks: Arc<dyn SinkRepository>,
    archive: Arc<dyn Archive>,
    checkpointing: Option<Checkpointing>,
    clock: Arc<dyn Clock>,
    replica: ReplicaName,
}

impl ArchiveSessions {
    /// So many sessions share a manifest, and are looked at in one page.
    pub const SESSIONS: usize = 50;
    /// A manifest is written when its sessions have so many messages.
    const MESSAGES: u64 = 20_000;
    /// So many records are read at once.
    const PAGE: usize = 1_000;
    /// So many removals of rows, or of entries of the feed, are done before the lease is taken again.
    const REMOVALS: usize = 200;
    /// So many pages of ended sessions are looked at before the lease is taken again.
    const PAGES: usize = 20;

    /// Takes the ports it needs, and the name of this replica. `None` when the deployment has no archive.
    #[must_use]
    pub fn new<P>(ports: &P, replica: ReplicaName) -> Option<Self>
    where
        P: Has<dyn RetentionRepository>
            + Has<dyn MessageRepository>
            + Has<dyn ApprovalRepository>
            + Has<dyn FleetFeed>
            + Has<dyn SinkRepository>
            + Has<dyn Clock>
            + MayHave<Arc<dyn Archive>>
            + MayHave<Checkpointing>,
    {
        Some(Self {
            retention: ports.port(),
            messages: ports.port(),
            approvals: ports.port(),
            feed: ports.port(),
            sinks: ports.port(),
            archive: ports.optional()?,
            checkpointing: ports.optional(),
            clock: ports.port(),
            replica,
        })
    }

    /// One round under the lease: goes on with removals, archives a page of sessions and removes their rows, and cuts the
    /// feed. Looks at the sessions behind a place, and moves the place; `None` begins anew. Call it again while there is
    /// more.
    ///
    /// # Errors
    /// The store or the archive is not available, or what was read back differs.
    pub async fn round(&self, place: &mut Option<EndedPlace>) -> Result<ArchivePass, ArchiveSessionsError> {
        let taking = RetentionTaking { by: self.replica.clone(), at: self.clock.now() };
        let Some(retention) = self.retention.take_retention(taking).await? else { return Ok(ArchivePass::default()) };
        let mut pass = ArchivePass::default();
        // What was noted before comes first: its rows are removed whatever the rules are now.
        if self.remove(&mut pass).await? {
            return Ok(pass);
        }
        self.archive_page(&retention, place, &mut pass).await?;
        pass.more |= self.remove(&mut pass).await?;
        pass.more |= self.cut_feed(&retention, &mut pass).await?;
        Ok(pass)
    }

    /// Archives the next sessions that are due.
    async fn archive_page(
        &self,
        retention: &Retention,
        place: &mut Option<EndedPlace>,
        pass: &mut ArchivePass,
    ) -> Result<(), ArchiveSessionsError> {
        let now = self.clock.now();
        let mut due = Vec::new();
        for _ in 0..Self::PAGES {
            let page = self.retention.due_sessions(retention.rules.clone(), now, *place, Self::SESSIONS).await?;
            *place = page.next;
            due = page.sessions;
            if place.is_none() || !due.is_empty() {
                break;
            }
        }
        pass.more |= place.is_some();
        if due.is_empty() {
            return Ok(());
        }
        let (mut objects, mut fault) = (Vec::with_capacity(due.len()), None);
        let mut messages = 0_u64;
        for session in due {
            if messages >= Self::MESSAGES {
                // What is noted need not be written again after a stop.
                self.note(std::mem::take(&mut objects), pass).await?;
                messages = 0;
            }
            messages = messages.saturating_add(session.last_seq.get());
            let object = self.write_object(&session).await?;
            match self.compare(&session, &object).await {
                Ok(()) => objects.push((session, object)),
                // It stays in the store, and holds up none of the others.
                Err(differs @ ArchiveSessionsError::Differs { .. }) => fault = Some(differs),
                Err(error) => return Err(error),
            }
        }
        if !objects.is_empty() {
            self.note(objects, pass).await?;
        }
        fault.map_or(Ok(()), Err)
    }

    /// Writes the object of a session into the archive, and nothing else.
    ///
    /// # Errors
    /// The store or the archive is not available.
    pub async fn write_object(&self, session: &Session) -> Result<ArchiveObject, ArchiveSessionsError> {
        let mut writer = self.archive.begin(session.clone()).await?;
        let mut after = Seq::ZERO;
        loop {
            let slice = self.messages.after(session.id, after, Self::PAGE).await?;
            let page = slice.map(|slice| slice.messages).unwrap_or_default();
            let Some(last) = page.last() else { break };
            after = last.seq;
            writer.add(ArchiveRecords::Messages(page)).await?;
        }
        let mut after = CommandSeq::ZERO;
        loop {
            let page: Vec<Command> = self.retention.commands_after(session.id, after, Self::PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            writer.add(ArchiveRecords::Commands(page)).await?;
        }
        for page in self.approvals_of(session).await? {
            writer.add(ArchiveRecords::Approvals(page)).await?;
        }
        Ok(writer.finish().await?)
    }

    async fn approvals_of(&self, session: &Session) -> Result<Vec<Vec<Approval>>, StoreUnavailable> {
        let filter = ApprovalFilter { session_id: Some(session.id), ..ApprovalFilter::default() };
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let query = ApprovalQuery { filter: filter.clone(), before, limit: Self::PAGE };
            let page = self.approvals.list(query).await?;
            before = page.next;
            pages.push(page.approvals);
            if before.is_none() {
                return Ok(pages);
            }
        }
    }

    /// Reads the object back, and compares every message and command with the store's.
    ///
    /// # Errors
    /// The store or the archive is not available, or something differs.
    pub async fn compare(&self, session: &Session, object: &ArchiveObject) -> Result<(), ArchiveSessionsError> {
        self.archive.check(object.clone()).await?;
        let differs = |what: String| ArchiveSessionsError::Differs { object: object.name.clone(), what };
        if (object.messages, object.commands) != (session.last_seq, session.last_command_seq) {
            let (messages, commands) = (session.last_seq, session.last_command_seq);
            return Err(differs(format!("its end: the session has {messages} messages and {commands} commands")));
        }
        let mut after = Seq::ZERO;
        while after < session.last_seq {
            let here = self.messages.after(session.id, after, Self::PAGE).await?;
            let here = here.map(|slice| slice.messages).unwrap_or_default();
            let there = self.archive.messages_after(object.name.clone(), after, here.len()).await?;
            let alike = here.iter().zip(&there).take_while(|(here, there)| here == there);
            let Some((last, _)) = alike.last() else { return Err(differs(format!("message {}", after.next()))) };
            after = last.seq;
        }
        let mut after = CommandSeq::ZERO;
        while after < session.last_command_seq {
            let here = self.retention.commands_after(session.id, after, Self::PAGE).await?;
            let there = self.archive.commands_after(object.name.clone(), after, here.len()).await?;
            let alike = here.iter().zip(&there).take_while(|(here, there)| here == there);
            let Some((last, _)) = alike.last() else { return Err(differs(format!("command {}", after.next()))) };
            after = last.seq;
        }
        Ok(())
    }

    /// Writes the manifest, then notes the sessions.
    async fn note(
        &self,
        objects: Vec<(Session, ArchiveObject)>,
        pass: &mut ArchivePass,
    ) -> Result<(), ArchiveSessionsError> {
        let at = self.clock.now();
        let archived = |(session, object): (Session, ArchiveObject)| ArchivedSession {
            session: session.id,
            archived_at: at,
            // Given below, when the manifest has its name.
            manifest: object.name.clone(),
            object,
            removed_messages: Seq::ZERO,
            removed_commands: CommandSeq::ZERO,
        };
        let sessions: Vec<ArchivedSession> = objects.into_iter().map(archived).collect();
        let signer = self.checkpointing.as_ref().map(|checkpointing| checkpointing.signer.as_ref());
        let manifest = self.archive.put_manifest(ArchiveManifest::of(&sessions, at).sign(signer)).await?;
        for archived in sessions {
            self.retention.note_archived(ArchivedSession { manifest: manifest.clone(), ..archived }).await?;
            pass.sessions = pass.sessions.saturating_add(1);
        }
        Ok(())
    }

    /// Removes rows of archived sessions. Says whether there are more.
    async fn remove(&self, pass: &mut ArchivePass) -> Result<bool, ArchiveSessionsError> {
        let mut left = Self::REMOVALS;
        loop {
            let unfinished = self.retention.unfinished_removals(Self::SESSIONS).await?;
            if unfinished.is_empty() {
                return Ok(false);
            }
            for mut archived in unfinished {
                while archived.next_removal().is_some() {
                    if left == 0 {
                        pass.more = true;
                        return Ok(true);
                    }
                    left -= 1;
                    let before = archived.removed_messages;
                    let Some(after) = self.retention.remove_archived(archived.session).await? else { break };
                    archived = after;
                    let removed = archived.removed_messages.get().saturating_sub(before.get());
                    pass.messages = pass.messages.saturating_add(removed);
                }
            }
        }
    }

    /// Removes old entries of the feed. Says whether there are more.
    async fn cut_feed(&self, retention: &Retention, pass: &mut ArchivePass) -> Result<bool, StoreUnavailable> {
        let Some(horizon) = retention.rules.feed_horizon(self.clock.now()) else { return Ok(false) };
        for _ in 0..Self::REMOVALS {
            let head = self.feed.head().await?;
            let oldest = self.feed.after(FeedPosition::ZERO, Self::PAGE).await?;
            let needed = self.needed().await?;
            let Some(through) = feed_removal(&oldest, horizon, head, needed) else { return Ok(false) };
            let removed = self.retention.cut_feed(through).await?;
            pass.events = pass.events.saturating_add(removed);
            if removed == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// From which position on a sink has still something to deliver.
    async fn needed(&self) -> Result<Option<FeedPosition>, StoreUnavailable> {
        let sinks = self.sinks.sinks().await?;
        let followed = sinks.iter().filter(|sink| sink.form.source() == SinkSource::Feed);
        Ok(followed.map(|sink| FeedPosition::new(sink.progress.cursor).next()).min())
    }
}

#[cfg(test)]
mod tests;
