//! What the command line puts on a terminal: safe, aligned, coloured where that is wanted.

mod age;
mod output;
mod paint;
mod safe;
mod table;
mod width;

pub(crate) use age::{age, clock, local};
pub(crate) use output::{Out, is_person, note, progress, put};
pub(crate) use paint::{Paint, Tone, of_status};
pub(crate) use safe::{escape_json, json_line, json_pretty, line, text};
pub(crate) use table::Table;
pub(crate) use width::{cut, width};
