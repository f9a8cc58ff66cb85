//! Colours: only where a person looks, and never the only sign of anything.

use std::io::IsTerminal;

/// What a piece of text is, to the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Beside the point.
    Faint,
    /// It went well.
    Good,
    /// It goes on.
    Busy,
    /// A person should look.
    Attention,
    /// It went wrong.
    Bad,
    /// The keys act on it.
    Selected,
}

impl Tone {
    /// Its select-graphic-rendition code (ECMA-48).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Busy => "36",
            Self::Attention => "33",
            Self::Bad => "31",
            Self::Selected => "7",
        }
    }
}

/// The tone of a session's status.
#[must_use]
pub fn of_status(status: &str) -> Tone {
    match status {
        "running" | "spawning" => Tone::Busy,
        "waiting" | "paused" | "lost" => Tone::Attention,
        "failed" | "killed" => Tone::Bad,
        "completed" => Tone::Good,
        _ => Tone::Plain,
    }
}

/// Whether to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint(bool);

impl Paint {
    /// Nothing is painted.
    pub const OFF: Self = Self(false);

    /// Where a person looks, unless they want none (<https://no-color.org>).
    #[must_use]
    pub fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(std::io::stdout().is_terminal() && !unwanted && !dumb)
    }

    /// The text in a tone. Its own characters must be safe already.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if self.0 && tone != Tone::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", tone.code())
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_there_are_none() {
        assert_eq!(Paint(false).paint(Tone::Bad, "failed"), "failed");
        assert_eq!(Paint(true).paint(Tone::Bad, "failed"), "\x1b[31mfailed\x1b[0m");
        assert_eq!(Paint(true).paint(Tone::Plain, "x"), "x");
    }
}
