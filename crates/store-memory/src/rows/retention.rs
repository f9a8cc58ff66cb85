//! The rules of retention, and archived sessions.

use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, FeedPosition, Seq, SessionId};
use flightdeck_domain::ports::{RetentionRows, Rows};
use flightdeck_domain::retention::{ArchivedSession, EndedPlace, Retention};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;

use crate::state::{State, count, index, put};

fn set_archived(state: &mut State, session: SessionId, note: Option<ArchivedSession>) -> Option<ArchivedSession> {
    put(&mut state.archived, session, note)
}

fn bytes_of(message: &flightdeck_domain::message::Message) -> u64 {
    let metadata = serde_json::to_string(&message.metadata).unwrap_or_default();
    count(message.content.as_str().len() + metadata.len())
}

impl RetentionRows for State {
    async fn retention(&mut self) -> Rows<Retention> {
        Ok(self.retention.clone())
    }

    async fn save_retention(&mut self, retention: &Retention) -> Rows<()> {
        let before = std::mem::replace(&mut self.retention, retention.clone());
        self.noted(|state| state.retention = before);
        Ok(())
    }

    async fn ended_before(&mut self, before: Timestamp, after: Option<EndedPlace>, limit: usize) -> Rows<Vec<Session>> {
        let place = |session: &Session| Some(EndedPlace { ended_at: session.completed_at?, id: session.id });
        let is_wanted = |session: &&Session| {
            let Some(place) = place(session) else { return false };
            place.ended_at < before && Some(place) > after && !self.archived.contains_key(&session.id)
        };
        let mut ended: Vec<Session> = self.sessions.values().filter(is_wanted).cloned().collect();
        ended.sort_by_key(place);
        ended.truncate(limit);
        for session in &mut ended {
            (session.context, session.metadata) = (JsonObject::default(), JsonObject::default());
        }
        Ok(ended)
    }

    async fn conversation_bytes(&mut self, session: SessionId) -> Rows<u64> {
        Ok(self.talks.get(&session).map_or(0, |talk| talk.messages.iter().map(bytes_of).sum()))
    }

    async fn commands_after(&mut self, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Vec<Command>> {
        let behind = self.commands.range((session, after.next())..).take_while(|((of, _), _)| *of == session);
        Ok(behind.take(limit).map(|(_, command)| command.clone()).collect())
    }

    async fn save_archived(&mut self, archived: &ArchivedSession) -> Rows<()> {
        self.change(set_archived, archived.session, Some(archived.clone()));
        Ok(())
    }

    async fn archived(&mut self, sessions: &[SessionId]) -> Rows<Vec<ArchivedSession>> {
        Ok(sessions.iter().filter_map(|session| self.archived.get(session)).cloned().collect())
    }

    async fn unfinished_removals(&mut self, limit: usize) -> Rows<Vec<ArchivedSession>> {
        let unfinished = self.archived.values().filter(|archived| archived.next_removal().is_some());
        Ok(unfinished.take(limit).cloned().collect())
    }

    async fn remove_archived(&mut self, session: SessionId) -> Rows<()> {
        self.change(set_archived, session, None);
        Ok(())
    }

    async fn remove_messages(&mut self, session: SessionId, through: Seq) -> Rows<()> {
        let Some(talk) = self.talks.get_mut(&session) else { return Ok(()) };
        let number = index(through.get().saturating_sub(talk.gone)).min(talk.messages.len());
        let removed: Vec<_> = talk.messages.drain(..number).collect();
        for message in &removed {
            talk.places.remove(&message.id);
        }
        talk.gone += count(number);
        self.noted(move |state| {
            let Some(talk) = state.talks.get_mut(&session) else { return };
            for message in &removed {
                talk.places.insert(message.id, index(message.seq.previous().get()));
            }
            talk.gone -= count(removed.len());
            talk.messages.splice(..0, removed);
        });
        Ok(())
    }

    async fn remove_commands(&mut self, session: SessionId, through: CommandSeq) -> Rows<()> {
        let gone: Vec<_> =
            self.commands.range((session, CommandSeq::ZERO)..=(session, through)).map(|(key, _)| *key).collect();
        for key in gone {
            self.change(Self::set_command, key, None);
        }
        Ok(())
    }

    async fn remove_events(&mut self, through: FeedPosition) -> Rows<u64> {
        let number = index(through.get().saturating_sub(self.feed_gone)).min(self.feed.len());
        let removed: Vec<_> = self.feed.drain(..number).collect();
        self.feed_gone += count(number);
        self.noted(move |state| {
            state.feed_gone -= count(removed.len());
            state.feed.splice(..0, removed);
        });
        Ok(count(number))
    }
}
