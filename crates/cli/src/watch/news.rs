//! What comes to the live view.

use crossterm::event::KeyEvent;
use flightdeck_client::replies::{Approval, Messages};
use flightdeck_client::{ClientError, Event};
use uuid::Uuid;

/// What comes in.
pub(super) enum News {
    Key(KeyEvent),
    Resized,
    /// Nobody can see or press anything any more.
    Closed,
    /// Something happened in the fleet.
    Fleet(Box<Event>),
    /// Whether the feed is connected.
    Live(bool),
    /// A part of a conversation that was to be read.
    Messages(Uuid, Result<Messages, ClientError>),
    /// The open permission requests.
    Requests(Result<Vec<Approval>, ClientError>),
    /// What came of something that was asked for.
    Told(String),
    /// There is no going on.
    Over(ClientError),
}
