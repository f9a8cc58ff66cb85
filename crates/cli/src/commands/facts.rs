//! Facts about one thing, a line each.

use flightdeck_terminal::{Out, Tone, line};

/// Tells the facts that are known: names in a column of this width, and their values.
pub(super) fn tell(out: Out, width: usize, facts: impl IntoIterator<Item = (&'static str, Option<String>)>) {
    for (name, value) in facts {
        let Some(value) = value else { continue };
        let name = out.paint.paint(Tone::Faint, &format!("{name:<width$}"));
        out.line(&format!("{name}{}", line(&value)));
    }
}
