//! A writer of lines that never fails.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use flightdeck_domain::ports::Clock;
use flightdeck_domain::system::SystemClock;
use tracing_subscriber::fmt::MakeWriter;

/// What the line about lost lines looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Json,
}

/// Writes whole lines to what `open` gives. A line that cannot be written is lost and counted; before the next one that can
/// be written, a line of its own tells how many were lost.
///
/// It waits as long as the target makes it wait, and no longer: a pipe that nobody reads holds it up, as it holds up every
/// program.
pub(super) struct Lasting<F> {
    shape: Shape,
    open: F,
    lost: Mutex<Lost>,
}

#[derive(Default)]
struct Lost {
    lines: u64,
    /// The target has the beginning of a line without its end.
    half: bool,
}

impl<F> Lasting<F> {
    pub(super) fn new(shape: Shape, open: F) -> Self {
        Self { shape, open, lost: Mutex::default() }
    }
}

impl<F: Fn() -> W, W: Write> Lasting<F> {
    fn put(&self, line: &[u8]) {
        // Held while it writes: lines do not mix, and none overtakes the one that tells of lost ones.
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let mut target = (self.open)();
        if lost.lines > 0 {
            let told = self.told(&lost);
            match put_whole(&mut target, &told) {
                Ok(()) => *lost = Lost::default(),
                Err(written) => {
                    lost.half = written > 0 || lost.half;
                    lost.lines = lost.lines.saturating_add(1);
                    return;
                }
            }
        }
        if let Err(written) = put_whole(&mut target, line) {
            *lost = Lost { lines: 1, half: written > 0 };
        }
    }

    fn told(&self, lost: &Lost) -> Vec<u8> {
        let now = SystemClock.now();
        let Lost { lines, half } = lost;
        let end = if *half { "\n" } else { "" };
        match self.shape {
            Shape::Text => format!("{end}{now}  WARN flightdeck: {lines} lines of the log could not be written and are lost\n"),
            Shape::Json => format!(
                "{end}{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"message\":\"lines of the log could not be written and \
                 are lost\",\"lines\":{lines},\"target\":\"flightdeck\"}}\n"
            ),
        }
        .into_bytes()
    }
}

/// Writes all of it, or says how much of it was written.
fn put_whole(target: &mut impl Write, mut rest: &[u8]) -> Result<(), usize> {
    let all = rest.len();
    while !rest.is_empty() {
        match target.write(rest) {
            Ok(0) => return Err(all - rest.len()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(all - rest.len()),
        }
    }
    Ok(())
}

/// One line on its way.
pub(super) struct Line<'a, F>(&'a Lasting<F>);

impl<F: Fn() -> W, W: Write> Write for Line<'_, F> {
    /// The log gives a whole line at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, F: Fn() -> W + 'a, W: Write> MakeWriter<'a> for Lasting<F> {
    type Writer = Line<'a, F>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use super::*;

    /// What it does with the next writes, and what it took.
    type State = (VecDeque<Option<usize>>, Vec<u8>);

    /// A target that takes so many bytes of each write, or fails, and then takes all.
    #[derive(Clone, Default)]
    struct Target(Arc<Mutex<State>>);

    impl Target {
        fn taking(takes: &[Option<usize>]) -> Self {
            Self(Arc::new(Mutex::new((takes.iter().copied().collect(), Vec::new()))))
        }

        fn text(&self) -> String {
            let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8(state.1.clone()).expect("text")
        }
    }

    impl Write for Target {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let take = match state.0.pop_front() {
                Some(Some(take)) => take.min(bytes.len()),
                Some(None) => return Err(io::Error::from(io::ErrorKind::StorageFull)),
                None => bytes.len(),
            };
            state.1.extend(&bytes[..take]);
            Ok(take)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(shape: Shape, takes: &[Option<usize>], lines: &[&str]) -> String {
        let target = Target::taking(takes);
        let given = target.clone();
        let log = Lasting::new(shape, move || given.clone());
        for line in lines {
            log.make_writer().write_all(line.as_bytes()).expect("it never fails");
        }
        target.text()
    }

    #[test]
    fn lines_that_are_lost_are_counted_and_told_before_the_next_one() {
        let text =
            written(Shape::Text, &[Some(99), None, None, None], &["one\n", "two\n", "three\n", "four\n", "five\n"]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "one", "five"), "{text}");
        assert!(lines[1].ends_with("WARN flightdeck: 3 lines of the log could not be written and are lost"), "{text}");
    }

    #[test]
    fn a_half_written_line_is_ended_before_the_next_one() {
        let text = written(Shape::Json, &[Some(2), None], &["{\"a\":1}\n", "{\"b\":2}\n"]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "{\"", "{\"b\":2}"), "{text}");
        let told: serde_json::Value = serde_json::from_str(lines[1]).expect("json");
        assert_eq!((&told["lines"], &told["level"]), (&1.into(), &"WARN".into()), "{text}");
    }

    #[test]
    fn a_short_write_loses_nothing() {
        assert_eq!(written(Shape::Text, &[Some(1), Some(1)], &["one\n", "two\n"]), "one\ntwo\n");
    }
}
