//! The terminal: taken over while this lives, and given back as it was.

use std::io::{self, Write};
use std::sync::mpsc::Sender;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyEventKind, read};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};
use flightdeck_terminal::{Paint, Tone};

use super::news::News;
use crate::layout::Line;

/// The whole screen.
pub(super) struct Screen {
    paint: Paint,
    /// What stands on it, so that only what changed is drawn.
    shown: Vec<String>,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        // From here on a drop gives the terminal back, also while a panic goes by.
        let screen = Self { paint: Paint::of_stdout(), shown: Vec::new() };
        execute!(io::stdout(), EnterAlternateScreen, Hide, Clear(ClearType::All))?;
        Ok(screen)
    }

    /// Columns and lines. A terminal that does not tell has those of old.
    #[expect(clippy::unused_self, reason = "it is the size of this screen")]
    pub(super) fn size(&self) -> (u16, u16) {
        size().ok().filter(|(columns, lines)| *columns > 0 && *lines > 0).unwrap_or((80, 24))
    }

    /// The terminal may have moved what stood on it: the next drawing is whole.
    pub(super) fn forget(&mut self) {
        self.shown.clear();
    }

    pub(super) fn draw(&mut self, lines: &[Line]) -> io::Result<()> {
        let lines: Vec<String> = lines.iter().map(|line| self.painted(line)).collect();
        let mut out = io::stdout().lock();
        if self.shown.len() != lines.len() {
            queue!(out, Clear(ClearType::All))?;
            self.shown.clear();
        }
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) != Some(line) {
                queue!(out, MoveTo(0, u16::try_from(row).unwrap_or(u16::MAX)), Clear(ClearType::CurrentLine))?;
                out.write_all(line.as_bytes())?;
            }
        }
        self.shown = lines;
        out.flush()
    }

    fn painted(&self, line: &Line) -> String {
        line.iter()
            .map(|(tone, text)| match tone {
                // Where the selection is has to be seen without colours, too.
                Tone::Selected => format!("\x1b[7m{text}\x1b[0m"),
                tone => self.paint.paint(*tone, text),
            })
            .collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Reads keys in a thread of its own, until nobody listens.
pub(super) fn read_keys(tell: Sender<News>) {
    std::thread::spawn(move || {
        loop {
            let news = match read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => News::Key(key),
                Ok(Event::Resize(..)) => News::Resized,
                Ok(_) => continue,
                // The terminal is gone.
                Err(_) => News::Closed,
            };
            let closed = matches!(news, News::Closed);
            if tell.send(news).is_err() || closed {
                return;
            }
        }
    });
}
