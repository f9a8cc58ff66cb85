//! Sinks and their dead letters.

use super::super::LetterQuery;
use super::Rows;
use crate::sink::{DeadLetter, Sink, SinkName};

/// The rows of sinks. A transaction that locks one of these locks nothing else except the audit log.
pub trait SinkRows: Send {
    /// Writes a sink; `false` when its name is taken.
    fn insert_sink(&mut self, sink: &Sink) -> impl Future<Output = Rows<bool>> + Send;

    /// Reads a sink.
    fn sink(&mut self, name: &SinkName) -> impl Future<Output = Rows<Option<Sink>>> + Send;

    /// Reads and locks a sink.
    fn lock_sink(&mut self, name: &SinkName) -> impl Future<Output = Rows<Option<Sink>>> + Send {
        self.sink(name)
    }

    /// All sinks, by name, in the order of the bytes.
    fn sinks(&mut self) -> impl Future<Output = Rows<Vec<Sink>>> + Send;

    /// Writes everything of a sink but its name and form.
    fn save_sink(&mut self, sink: &Sink) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes a sink with its dead letters.
    fn remove_sink(&mut self, name: &SinkName) -> impl Future<Output = Rows<()>> + Send;

    /// Writes a dead letter, in place of one that is at its place.
    fn insert_letter(&mut self, letter: &DeadLetter) -> impl Future<Output = Rows<()>> + Send;

    /// Reads a dead letter.
    fn letter(&mut self, sink: &SinkName, place: u64) -> impl Future<Output = Rows<Option<DeadLetter>>> + Send;

    /// Dead letters of a sink, by place.
    fn letters(&mut self, query: &LetterQuery) -> impl Future<Output = Rows<Vec<DeadLetter>>> + Send;

    /// How many dead letters each sink has that has some, by name.
    fn count_letters(&mut self) -> impl Future<Output = Rows<Vec<(SinkName, u64)>>> + Send;

    /// Marks dead letters of a sink to be sent again, those at the places, or all when there are none, and gives their
    /// number.
    fn save_letters_again(&mut self, sink: &SinkName, places: &[u64]) -> impl Future<Output = Rows<u64>> + Send;

    /// Deletes a dead letter.
    fn remove_letter(&mut self, sink: &SinkName, place: u64) -> impl Future<Output = Rows<()>> + Send;
}
