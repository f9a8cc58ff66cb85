//! Text that agents write, as small trees of what it means.
//!
//! A page cannot take markup from an agent, and parsing it again in a browser needs a library there. So the server reads
//! Markdown, code, diffs, the colours of a terminal and the calls of tools, and gives a tree of [`Node`]s. A page makes an
//! element of each and puts the words in as text.
//!
//! Whatever comes in, the work and the tree are bounded ([`limits`]), and no word is lost: what is beyond a bound is a node
//! of the kind [`Kind::Plain`], and [`Rendered::cut`] says that there is one.

pub mod limits;

mod ansi;
mod call;
mod code;
mod diff;
mod facts;
mod link;
mod markdown;
mod message;
mod node;
mod outcome;

pub use self::call::Call;
pub use self::limits::Allowance;
pub use self::message::{Message, Rendered, render};
pub use self::node::{Diff, Kind, Line, Node, Op, Span};
pub use self::outcome::Outcome;
