//! What a text is made of.

use serde::Serialize;
use utoipa::ToSchema;

use crate::limits::SPANS;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RenderedKind)]
pub enum Kind {
    /// Words: `text`.
    Text,
    /// Words that were not read, because there are too many: `text`.
    Plain,
    /// A paragraph.
    Paragraph,
    /// A heading; `number` is its level, 1 to 6.
    Heading,
    /// What is quoted.
    Quote,
    /// A list; `number` is where it begins to count, and is missing where it does not count.
    List,
    /// An entry of a list; `checked` where it is a task.
    Item,
    /// Emphasised.
    Emphasis,
    /// Strongly emphasised.
    Strong,
    /// Struck out.
    Strikethrough,
    /// Code within a line: `text`.
    InlineCode,
    /// A block of code: `spans`, and `language` where it is named.
    Code,
    /// What a terminal showed: `spans`.
    Output,
    /// A link: `target` as it is written, `href` where it may be followed.
    Link,
    /// A picture that is elsewhere, which is never loaded: as a link, with what describes it.
    Image,
    /// A table of rows.
    Table,
    /// A row of cells; `header` where it is the first.
    Row,
    /// A cell.
    Cell,
    /// A line across.
    Rule,
    /// A diff: `diff`.
    Diff,
}

/// A piece of text in one style.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RenderedSpan)]
pub struct Span {
    /// The words.
    pub text: String,
    /// Names of styles with spaces between them; nothing for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub style: String,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RenderedOp)]
pub enum Op {
    /// It is in both.
    Same,
    /// It is in the old text only.
    Removed,
    /// It is in the new text only.
    Added,
    /// It is in neither: it says something about the lines that follow.
    About,
}

/// A line of a diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RenderedLine)]
pub struct Line {
    /// What became of it.
    pub op: Op,
    /// Its number in the old text, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub old: Option<u64>,
    /// Its number in the new text, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub new: Option<u64>,
    /// Its words, without the sign and the end of the line.
    pub text: String,
}

/// What changed in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RenderedDiff)]
pub struct Diff {
    /// The file; empty where it is not known.
    pub path: String,
    /// How many lines were added.
    pub added: u64,
    /// How many lines were removed.
    pub removed: u64,
    /// The lines.
    pub lines: Vec<Line>,
}

impl Diff {
    pub(crate) fn push(&mut self, op: Op, old: Option<u64>, new: Option<u64>, text: &str) {
        match op {
            Op::Added => self.added = self.added.saturating_add(1),
            Op::Removed => self.removed = self.removed.saturating_add(1),
            Op::Same | Op::About => {}
        }
        self.lines.push(Line { op, old, new, text: text.to_owned() });
    }
}

/// A part of a text. Which fields it has depends on its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RenderedNode)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The words of `text`, `plain` and `inlineCode`.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub text: String,
    /// What is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, no_recursion)]
    pub children: Vec<Self>,
    /// The pieces of `code` and `output`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub spans: Vec<Span>,
    /// The language of `code`, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub language: Option<String>,
    /// Where a link leads, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub target: Option<String>,
    /// Where a link leads, if it is one of `http`, `https` and `mailto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub href: Option<String>,
    /// The level of a heading, or the first number of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub number: Option<u64>,
    /// Whether the task is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub checked: Option<bool>,
    /// Of a row: whether it names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub header: Option<bool>,
    /// The diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Diff, required = false)]
    pub diff: Option<Diff>,
}

impl Node {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            text: String::new(),
            children: Vec::new(),
            spans: Vec::new(),
            language: None,
            target: None,
            href: None,
            number: None,
            checked: None,
            header: None,
            diff: None,
        }
    }

    pub(crate) fn words(kind: Kind, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::new(kind) }
    }

    pub(crate) fn changes(diff: Diff) -> Self {
        Self { diff: Some(diff), ..Self::new(Kind::Diff) }
    }
}

/// Adds words in a style to pieces; to the last one when it has the same, or when there are as many as may be.
pub(crate) fn add(spans: &mut Vec<Span>, text: &str, style: &str) {
    if text.is_empty() {
        return;
    }
    let count = spans.len();
    match spans.last_mut() {
        Some(last) if last.style == style || count >= SPANS => last.text.push_str(text),
        _ => {
            // The last one takes whatever follows, in whichever style.
            let style = if count.saturating_add(1) == SPANS { "" } else { style }.to_owned();
            spans.push(Span { text: text.to_owned(), style });
        }
    }
}
