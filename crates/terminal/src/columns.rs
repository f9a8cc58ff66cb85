//! How wide the place is that answers are printed to.

use std::io::IsTerminal;

/// The columns of the standard output: `COLUMNS` where it is set, else those of the terminal; `None` where the output goes to
/// a file or a pipe, so that programs get every text whole.
#[must_use]
pub fn columns() -> Option<usize> {
    let set = std::env::var("COLUMNS").ok();
    set.as_deref().and_then(read).or_else(|| {
        let (columns, _) = std::io::stdout().is_terminal().then(crossterm::terminal::size)?.ok()?;
        Some(usize::from(columns)).filter(|columns| *columns > 0)
    })
}

fn read(columns: &str) -> Option<usize> {
    columns.trim().parse().ok().filter(|columns| *columns > 0)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn columns_are_a_number_above_zero() {
        assert_eq!(["80", " 5 ", "0", "", "-1", "wide"].map(read), [Some(80), Some(5), None, None, None, None]);
    }
}
