//! Aligned columns.

use crate::paint::{Paint, Tone};
use crate::safe::line;
use crate::width::{cut, width};

/// No cell is wider, so that one long name does not push the others off the screen.
const WIDEST: usize = 48;

/// Rows of cells; each column is as wide as its widest cell, and the last one as it comes.
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    /// One with these headings and no rows.
    #[must_use]
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row. The cells may hold anything; they are made safe here.
    pub fn row<const N: usize>(&mut self, cells: [(Tone, &str); N]) {
        let last = N.saturating_sub(1);
        let safe = |(index, (tone, cell)): (usize, (Tone, &str))| {
            let cell = line(cell);
            (tone, if index == last { cell } else { cut(&cell, WIDEST) })
        };
        self.rows.push(cells.into_iter().enumerate().map(safe).collect());
    }

    /// Whether it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One line a row, headings first.
    #[must_use]
    pub fn lines(&self, paint: Paint) -> Vec<String> {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| width(heading)).collect();
        for row in &self.rows {
            for (widest, (_, cell)) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        let headings: Vec<_> = self.headings.iter().map(|heading| (Tone::Faint, (*heading).to_owned())).collect();
        std::iter::once(&headings).chain(&self.rows).map(|row| laid(row, &widths, paint)).collect()
    }
}

fn laid(row: &[(Tone, String)], widths: &[usize], paint: Paint) -> String {
    let mut text = String::new();
    for (index, ((tone, cell), widest)) in row.iter().zip(widths).enumerate() {
        text.push_str(&paint.paint(*tone, cell));
        if index + 1 < row.len() {
            text.push_str(&" ".repeat(widest.saturating_sub(width(cell)) + 2));
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_are_safe() {
        let mut table = Table::new(&["ID", "NAME", "NOTE"]);
        table.row([(Tone::Plain, "1"), (Tone::Bad, "漢字"), (Tone::Plain, "x")]);
        table.row([(Tone::Plain, "longer"), (Tone::Plain, "a\x1b[2Jb"), (Tone::Plain, "")]);
        let lines = table.lines(Paint::OFF);
        assert_eq!(lines, ["ID      NAME       NOTE", "1       漢字       x", "longer  a\\x1b[2Jb"]);
    }
}
