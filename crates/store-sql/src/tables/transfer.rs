//! Whole tables, page by page, in the order of a key.

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::command::Command;
use flightdeck_domain::epoch::ReplicaMark;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::RememberedCall;
use flightdeck_domain::session::Session;

use crate::statement::{Bind, Statement};
use crate::values::Key;

/// How many records a page holds; what is longest of each kind still fits into memory so many times.
pub const PAGE: usize = 200;

/// Something with a place in the order of its table.
pub trait Placed {
    /// The values of its key.
    fn place(&self) -> Vec<Bind<'_>>;
}

macro_rules! placed {
    ($($type:ty: $it:ident => $place:expr;)+) => {$(
        impl Placed for $type {
            fn place(&self) -> Vec<Bind<'_>> {
                let $it = self;
                $place.into()
            }
        }
    )+};
}

placed! {
    Session: it => [Bind::Id(it.id.key())];
    Message: it => [Bind::Id(it.session_id.key()), Bind::Integer(it.seq.to_i64())];
    Command: it => [Bind::Id(it.session_id.key()), Bind::Integer(it.seq.to_i64())];
    Approval: it => [Bind::Id(it.id.key())];
    Operation: it => [Bind::Id(it.id.key())];
    OperationTarget: it => [Bind::Id(it.operation_id.key()), Bind::Id(it.session_id.key())];
    FleetEvent: it => [Bind::Integer(it.position.to_i64())];
    ApiKey: it => [Bind::Text(it.id.as_str())];
    RememberedCall: it => [Bind::Text(it.actor.as_str()), Bind::Text(it.key.as_str())];
    ReplicaMark: it => [Bind::Text(&it.replica)];
}

/// The place of the last of a page; none when it has none.
#[must_use]
pub fn end<T: Placed>(page: &[T]) -> Vec<Bind<'_>> {
    page.last().map_or(vec![], Placed::place)
}

/// One page of a table in the order of a key, behind the key that is given, or from the beginning when none is.
#[must_use]
pub fn next<'a>(table: &str, key: &str, last: Vec<Bind<'a>>) -> Statement<'a> {
    let behind = match last.len() {
        0 => String::new(),
        values => format!(" WHERE ({key}) > ({})", vec!["?"; values].join(", ")),
    };
    let statement = Statement::begin(format!("SELECT * FROM {table}{behind} ORDER BY {key} LIMIT {PAGE}"));
    last.into_iter().fold(statement, Statement::bind)
}
