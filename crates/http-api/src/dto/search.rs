//! The results of a search in a conversation.

use flightdeck_domain::ids::Seq;
use flightdeck_domain::use_cases::SearchPage;
use serde::Serialize;
use utoipa::ToSchema;

use super::MessageView;

/// The messages that have the words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SearchView<'a> {
    /// Newest first.
    matches: Vec<MessageView<'a>>,
    /// Everything from here on was looked at: give it as `before` to go on. Missing when the beginning was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    next_before: Option<u64>,
}

impl<'a> From<&'a SearchPage> for SearchView<'a> {
    fn from(page: &'a SearchPage) -> Self {
        let matches = page.matches.iter().map(|message| MessageView::new(message, page.receipts.get(&message.id)));
        Self { matches: matches.collect(), next_before: page.next_before.map(Seq::get) }
    }
}
