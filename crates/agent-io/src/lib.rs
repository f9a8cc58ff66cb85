//! The one lenient reader of what agents write: bytes in, lines and JSON values out.
//!
//! Agents are programs of other people. JavaScript and Python write JSON whose strings are no well-formed Unicode
//! (`"\ud83d"` alone), bytes that are not UTF-8, byte order marks, CRLF, `NaN`, and lines of megabytes. None of that may
//! end an agent, a turn or a stream, so everything that reads agents reads through this crate:
//!
//! - [`lines::Lines`] splits bytes into whole lines before anything is cut, and skips a line that is too long to its end.
//! - [`json::read`] gives the value of a JSON text; what is malformed in its strings becomes U+FFFD.
//! - [`json::salvage`] gives what can be known of a text that breaks off or is broken in the middle.
//! - [`text::shown`] makes a text fit for the record, and marks where it is cut.
//! - [`scrub::Scrubber`] takes an agent's own secrets out of what it says.
//!
//! # What does not belong here
//! Sessions, HTTP, SQL, and the meaning of what is read: this crate knows nothing of Flightdeck.

pub mod json;
pub mod lines;
mod mend;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod scrub;
pub mod text;
