//! Messages as nodes.

use flightdeck_render::Rendered;
use serde::Serialize;
use utoipa::ToSchema;

/// A message as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RenderedView {
    /// Its place in the conversation.
    pub(crate) seq: u64,
    /// What it is made of.
    #[serde(flatten)]
    pub(crate) rendered: Rendered,
}

/// Messages as they are read.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what is put together from messages that are kept as JSON")]
pub(crate) struct RenderedPageView {
    /// In the order of the conversation.
    messages: Vec<RenderedView>,
}
