//! What commands print, and what they end with: text that is safe for a terminal, aligned tables, colours where a person
//! looks, and the one table of exit codes ([`Exit`]).
//!
//! # What does not belong here
//! What is printed: sessions, servers, databases. A crate that prints nothing does not need this one.

mod age;
mod columns;
mod exit;
mod fault;
mod outcome;
mod output;
mod paint;
mod safe;
mod table;
mod width;

pub use age::{age, clock, local};
pub use columns::columns;
pub use exit::Exit;
pub use fault::Fault;
pub use outcome::{BoxError, Outcome, say, tell, warn};
pub use output::{Out, is_person, note, progress, put};
pub use paint::{Paint, Tone, of_status};
pub use safe::{escape_json, json_line, json_pretty, line, text};
pub use table::{Column, Table};
pub use width::{cut, width, wrap};
