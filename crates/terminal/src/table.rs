//! Aligned columns.

use crate::paint::{Paint, Tone};
use crate::safe::line;
use crate::width::{cut, width, wrap};

/// No cell of a column that may be cut is wider, so that one long name does not push the others off the screen.
const WIDEST: usize = 48;
/// The blanks between two columns.
const GAP: usize = 2;
/// In which order columns give way in a narrow terminal, and down to which width. What has to be read in full is wrapped
/// before a name is cut, and both are squeezed further only when that is not enough.
const GIVING_WAY: [(Fit, usize); 4] = [(Fit::Wrap, 24), (Fit::Cut, 10), (Fit::Wrap, 12), (Fit::Cut, 4)];

/// What becomes of a column in a narrow terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// It stays whole: ids, and figures that would say something else when they are cut.
    Whole,
    /// It is cut, with `…` where something is missing.
    Cut,
    /// It takes several lines.
    Wrap,
}

/// A column: its heading, and what becomes of it in a narrow terminal.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    heading: &'static str,
    fit: Fit,
}

impl Column {
    /// One that stays whole in any terminal: ids and figures.
    #[must_use]
    pub const fn whole(heading: &'static str) -> Self {
        Self { heading, fit: Fit::Whole }
    }

    /// One that is cut where there is no room: names.
    #[must_use]
    pub const fn cut(heading: &'static str) -> Self {
        Self { heading, fit: Fit::Cut }
    }

    /// One that takes several lines where there is no room: texts that a person decides by.
    #[must_use]
    pub const fn wrapped(heading: &'static str) -> Self {
        Self { heading, fit: Fit::Wrap }
    }
}

/// Rows of cells; each column is as wide as its widest cell, unless the terminal is too narrow for that.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    /// One with these columns and no rows.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. The cells may hold anything; they are made safe here.
    pub fn row<const N: usize>(&mut self, cells: [(Tone, &str); N]) {
        self.cells(cells);
    }

    /// The same for any number of cells.
    pub fn cells<'c>(&mut self, cells: impl IntoIterator<Item = (Tone, &'c str)>) {
        self.rows.push(cells.into_iter().map(|(tone, cell)| (tone, line(cell))).collect());
    }

    /// Whether it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, headings first, for a terminal of so many columns; `None` where nothing limits them.
    #[must_use]
    pub fn lines(&self, paint: Paint, columns: Option<usize>) -> Vec<String> {
        let headings: Vec<(Tone, String)> =
            self.columns.iter().map(|column| (Tone::Faint, column.heading.to_owned())).collect();
        let widths = self.widths(columns);
        std::iter::once(&headings).chain(&self.rows).flat_map(|row| self.laid(row, &widths, paint)).collect()
    }

    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| width(column.heading)).collect();
        for row in &self.rows {
            for ((widest, column), (_, cell)) in widths.iter_mut().zip(&self.columns).zip(row) {
                let most = if column.fit == Fit::Cut { WIDEST } else { usize::MAX };
                *widest = (*widest).max(width(cell).min(most));
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        let wanted = widths.iter().sum::<usize>() + gaps;
        let mut excess = columns.map_or(0, |columns| wanted.saturating_sub(columns));
        for (fit, least) in GIVING_WAY {
            while excess > 0 {
                let fitting = widths.iter_mut().zip(&self.columns).filter(|(room, column)| {
                    // A heading that is cut names nothing.
                    column.fit == fit && **room > least.max(width(column.heading))
                });
                let Some((widest, _)) = fitting.max_by_key(|(room, _)| **room) else { break };
                *widest -= 1;
                excess -= 1;
            }
        }
        widths
    }

    /// One row on as many lines as its longest wrapped cell takes.
    fn laid(&self, row: &[(Tone, String)], widths: &[usize], paint: Paint) -> Vec<String> {
        let pieces = |((cell, column), width): ((&String, &Column), &usize)| match column.fit {
            Fit::Whole => vec![cell.clone()],
            Fit::Cut => vec![cut(cell, *width)],
            Fit::Wrap => wrap(cell, *width),
        };
        let cells = row.iter().map(|(_, cell)| cell).zip(&self.columns).zip(widths);
        let cells: Vec<Vec<String>> = cells.map(pieces).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|at| {
                let mut text = String::new();
                for (((tone, _), lines), widest) in row.iter().zip(&cells).zip(widths) {
                    let piece = lines.get(at).map_or("", String::as_str);
                    text.push_str(&paint.paint(*tone, piece));
                    text.push_str(&" ".repeat(widest.saturating_sub(width(piece)) + GAP));
                }
                text.trim_end().to_owned()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_are_safe() {
        let mut table = Table::new(&[Column::whole("ID"), Column::cut("NAME"), Column::cut("NOTE")]);
        table.row([(Tone::Plain, "1"), (Tone::Bad, "漢字"), (Tone::Plain, "x")]);
        table.row([(Tone::Plain, "longer"), (Tone::Plain, "a\x1b[2Jb"), (Tone::Plain, "")]);
        let lines = table.lines(Paint::OFF, None);
        assert_eq!(lines, ["ID      NAME       NOTE", "1       漢字       x", "longer  a\\x1b[2Jb"]);
    }

    fn requests() -> Table {
        let mut table =
            Table::new(&[Column::whole("ID"), Column::whole("AGE"), Column::cut("TYPE"), Column::wrapped("TITLE")]);
        table.row([
            (Tone::Plain, "0e0e8b44"),
            (Tone::Plain, "3s"),
            (Tone::Plain, "release-manager"),
            (Tone::Plain, "Run rm -rf /srv/ledger/tmp && systemctl restart ledger"),
        ]);
        table
    }

    #[test]
    fn texts_are_wrapped_and_names_are_cut_before_an_id_is_touched() {
        assert_eq!(
            requests().lines(Paint::OFF, Some(60)),
            [
                "ID        AGE  TYPE             TITLE",
                "0e0e8b44  3s   release-manager  Run rm -rf /srv/ledger/tmp",
                "                                && systemctl restart ledger",
            ]
        );
        for columns in [40, 30, 20, 5] {
            let lines = requests().lines(Paint::OFF, Some(columns));
            assert!(lines.iter().any(|line| line.starts_with("0e0e8b44  3s ")), "{lines:?}");
            let title = lines[0].find("TITLE").expect("a heading");
            let words: String = lines.iter().skip(1).filter_map(|line| line.get(title..)).collect();
            assert_eq!(words.replace(' ', ""), "Runrm-rf/srv/ledger/tmp&&systemctlrestartledger", "{lines:?}");
            assert!(columns < 35 || lines.iter().all(|line| width(line) <= columns), "{lines:?}");
        }
    }

    #[test]
    fn where_nothing_limits_it_a_text_is_whole() {
        let lines = requests().lines(Paint::OFF, None);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with("Run rm -rf /srv/ledger/tmp && systemctl restart ledger"), "{lines:?}");
    }
}
