//! Searches a conversation for words, from its end to its beginning, a limited part at a time.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use super::Has;
use crate::ids::{MessageId, Seq, SessionId};
use crate::message::{Message, MessageReceipt};
use crate::ports::{MessageRepository, StoreUnavailable};

/// The text to search for; upper and lower case count as equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchWords(String);

/// The text is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give 1 to {} characters to look for", SearchWords::MAX_CHARS)]
pub struct UnsearchableWords;

impl SearchWords {
    /// The largest number of characters.
    pub const MAX_CHARS: usize = 200;

    fn are_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.0)
    }
}

impl FromStr for SearchWords {
    type Err = UnsearchableWords;

    fn from_str(text: &str) -> Result<Self, UnsearchableWords> {
        let fits = !text.trim().is_empty() && text.chars().count() <= Self::MAX_CHARS;
        if fits { Ok(Self(text.to_lowercase())) } else { Err(UnsearchableWords) }
    }
}

/// The result of searching a part of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPage {
    /// The messages that contain the words, newest first.
    pub matches: Vec<Message>,
    /// The receipts of the operator's messages among them.
    pub receipts: HashMap<MessageId, MessageReceipt>,
    /// Everything from here on was searched; `None` when the beginning was reached.
    pub next_before: Option<Seq>,
}

/// Searches conversations.
#[derive(Clone)]
pub struct SearchHistory {
    messages: Arc<dyn MessageRepository>,
}

impl SearchHistory {
    /// The largest number of matches on one page.
    pub const MAX_LIMIT: usize = 200;
    /// The largest number of messages that one call searches.
    pub const MAX_MESSAGES: usize = 10_000;
    /// A call also ends after this number of bytes of text, because few messages may be as long as many.
    pub const MAX_BYTES: usize = 16 * 1_048_576;
    /// How many messages are read at once.
    const PAGE: usize = 250;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn MessageRepository>,
    {
        Self { messages: ports.port() }
    }

    /// Searches for words before a place, or from the end; `None` when there is no such session. It ends with the
    /// `limit`-th match, with the beginning of the conversation, or at the limits of one call.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        session: SessionId,
        words: &SearchWords,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Option<SearchPage>, StoreUnavailable> {
        let limit = limit.clamp(1, Self::MAX_LIMIT);
        let mut before = before.unwrap_or(Seq::new(u64::MAX));
        let mut found = SearchPage { matches: Vec::new(), receipts: HashMap::new(), next_before: None };
        let (mut messages, mut bytes) = (0, 0);
        while messages < Self::MAX_MESSAGES && bytes < Self::MAX_BYTES {
            let Some(mut slice) = self.messages.before(session, before, Self::PAGE).await? else { return Ok(None) };
            let more = slice.messages.first().is_some_and(|first| first.seq > Seq::new(1));
            for message in slice.messages.into_iter().rev() {
                (messages, bytes, before) = (messages + 1, bytes + message.content.as_str().len(), message.seq);
                if !words.are_in(message.content.as_str()) {
                    continue;
                }
                found.receipts.extend(slice.receipts.remove_entry(&message.id));
                found.matches.push(message);
                if found.matches.len() == limit {
                    found.next_before = (before > Seq::new(1)).then_some(before);
                    return Ok(Some(found));
                }
            }
            if !more {
                return Ok(Some(found));
            }
        }
        found.next_before = (before > Seq::new(1)).then_some(before);
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{new_message, session_id};
    use crate::message::NewMessage;
    use crate::ports::MessageSlice;
    use crate::session::SessionStatus;
    use crate::text::{MessageContent, ProviderName};
    use crate::use_cases::testing::MockPorts;

    fn message(seq: u64, said: &str) -> Message {
        let content = MessageContent::new(said).expect("valid");
        let new = NewMessage { content, ..new_message(u128::from(seq)) };
        new.at_seq(Seq::new(seq), session_id(1), ProviderName::internal())
    }

    /// A conversation of so many messages, of which every hundredth asks for a Pull-Up.
    fn conversation(last: u64) -> SearchHistory {
        let mut mocks = MockPorts::default();
        mocks.messages.expect_before().returning(move |session, before, limit| {
            if session != session_id(1) {
                return Ok(None);
            }
            let end = before.get().min(last + 1);
            let start = end.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX)).max(1);
            let said = |seq: u64| if seq.is_multiple_of(100) { "Pull-Up, ÄRA" } else { "steady" };
            let messages = (start..end).map(|seq| message(seq, said(seq))).collect();
            let (receipts, last_seq) = (HashMap::new(), Seq::new(last));
            Ok(Some(MessageSlice { messages, receipts, last_seq, status: SessionStatus::Running }))
        });
        SearchHistory::new(&mocks.ports())
    }

    async fn look(search: &SearchHistory, words: &str, before: Option<u64>, limit: usize) -> (Vec<u64>, Option<u64>) {
        let words = words.parse().expect("words");
        let page = search.execute(session_id(1), &words, before.map(Seq::new), limit).await;
        let page = page.expect("read").expect("a session");
        (page.matches.iter().map(|found| found.seq.get()).collect(), page.next_before.map(Seq::get))
    }

    #[tokio::test]
    async fn capitals_do_not_count_and_newest_come_first() {
        let search = conversation(350);
        assert_eq!(look(&search, "pull-up", None, 50).await, (vec![300, 200, 100], None));
        assert_eq!(look(&search, "ära", None, 50).await.0, [300, 200, 100]);
        assert_eq!(look(&search, "pull up", None, 50).await, (vec![], None));
    }

    #[tokio::test]
    async fn pages_go_on_where_they_ended() {
        let search = conversation(350);
        assert_eq!(look(&search, "pull-up", None, 2).await, (vec![300, 200], Some(200)));
        assert_eq!(look(&search, "pull-up", Some(200), 2).await, (vec![100], None));
    }

    #[tokio::test]
    async fn a_call_looks_at_a_bounded_stretch() {
        let search = conversation(25_000);
        assert_eq!(look(&search, "mayday", None, 50).await, (vec![], Some(15_001)));
        assert_eq!(look(&search, "mayday", Some(15_001), 50).await, (vec![], Some(5_001)));
        assert_eq!(look(&search, "mayday", Some(5_001), 50).await, (vec![], None));
        assert_eq!(look(&search, "pull-up", None, 100_000).await.0.len(), 100, "as many as are in the stretch");
    }

    #[tokio::test]
    async fn an_unknown_session_is_none() {
        let words = "x".parse().expect("words");
        let page = conversation(1).execute(session_id(2), &words, None, 1).await;
        assert_eq!(page.expect("read"), None);
    }

    #[test]
    fn words_must_be_there_and_few() {
        for wrong in ["", "  ", &"x".repeat(201)] {
            assert_eq!(wrong.parse::<SearchWords>(), Err(UnsearchableWords));
        }
        assert!("é".repeat(200).parse::<SearchWords>().is_ok());
    }
}
