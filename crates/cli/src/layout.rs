//! The columns of a session in a tree: its name gives way first, then figures go; its id stays whole.

use flightdeck_terminal::{Tone, cut, width};

/// The blanks between two columns.
const GAP: usize = 2;
/// The digits of an id that lists show.
const ID: usize = 8;
/// The longest age is `999d`.
const AGE: usize = 4;
/// A name that is shorter says nothing; figures go before it becomes so.
const SHORTEST_NAME: usize = 12;
/// The longest plain status; what is wished for beside it may be cut.
const SHORTEST_STATUS: usize = 9;

/// How wide each column is, and whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) name: usize,
    pub(crate) status: usize,
    pub(crate) messages: bool,
    pub(crate) age: bool,
}

impl Layout {
    /// For these widest names and statuses and this width of the number of messages, in so many columns; `None` where nothing
    /// limits them.
    pub(crate) fn new(columns: Option<usize>, name: usize, status: usize, messages: usize) -> Self {
        let mut layout = Self { name, status, messages: true, age: true };
        let Some(columns) = columns else { return layout };
        let missing = |layout: &Self| layout.width(messages).saturating_sub(columns);
        layout.name -= missing(&layout).min(name.saturating_sub(SHORTEST_NAME));
        layout.status -= missing(&layout).min(status.saturating_sub(SHORTEST_STATUS));
        layout.messages = missing(&layout) == 0;
        layout.age = missing(&layout) == 0;
        layout.name -= missing(&layout).min(layout.name);
        layout.status -= missing(&layout).min(layout.status);
        // A column that went may leave more room than was needed.
        layout.name = (layout.name + columns.saturating_sub(layout.width(messages))).min(name);
        layout
    }

    fn width(&self, messages: usize) -> usize {
        let messages = if self.messages { GAP + messages } else { 0 };
        let age = if self.age { GAP + AGE } else { 0 };
        self.name + GAP + self.status + age + messages + GAP + ID
    }
}

/// A line: pieces of text with their tones.
pub(crate) type Line = Vec<(Tone, String)>;

/// Cuts a line to so many columns.
pub(crate) fn fit(line: Line, columns: usize) -> Line {
    let mut left = columns;
    let mut fitted = Line::new();
    for (tone, text) in line {
        let text = cut(&text, left);
        left = left.saturating_sub(width(&text));
        if !text.is_empty() {
            fitted.push((tone, text));
        }
    }
    fitted
}

/// How many columns a line takes.
pub(crate) fn width_of(line: &Line) -> usize {
    line.iter().map(|(_, text)| width(text)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_gives_way_then_figures_go_and_the_id_stays() {
        let layout = |columns| {
            let Layout { name, status, messages, age } = Layout::new(Some(columns), 40, 16, 11);
            (name, status, messages, age)
        };
        assert_eq!(layout(100), (40, 16, true, true));
        assert_eq!(layout(80), (33, 16, true, true));
        assert_eq!(layout(52), (12, 9, true, true));
        assert_eq!(layout(51), (24, 9, false, true));
        assert_eq!(layout(39), (12, 9, false, true), "the number of messages goes before the age");
        assert_eq!(layout(38), (17, 9, false, false));
        assert_eq!(layout(30), (9, 9, false, false));
        for columns in 12..100 {
            assert!(Layout::new(Some(columns), 40, 16, 11).width(11) <= columns, "{columns}");
        }
        assert_eq!(Layout::new(None, 400, 16, 11).name, 400);
    }
}
