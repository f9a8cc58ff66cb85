//! Bytes become lines, piece by piece.

/// The longest line that is read whole, in bytes: 64 MiB.
pub const LONGEST: usize = 64 << 20;
/// What is kept of a line that is too long, in bytes.
const HEAD: usize = 1 << 10;
/// A buffer that has grown beyond this is given back when it is empty.
const KEPT: usize = 1 << 20;

/// A line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// All of it, without CR and without a byte order mark in front.
    Whole(Vec<u8>),
    /// It was longer than allowed, and was skipped to its end.
    TooLong {
        /// How it begins.
        head: Vec<u8>,
        /// How long it was, in bytes.
        bytes: u64,
    },
}

/// Collects bytes, and gives lines as soon as they are whole.
///
/// Each byte is looked at once, however small the pieces are that it comes in, and at most one line of the allowed length is
/// held in memory, besides what was pushed and not taken out.
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Where the current line begins.
    start: usize,
    /// Up to where no line end was found.
    searched: usize,
    longest: usize,
    /// The line that is being skipped, as far as it is known.
    skipped: Option<(Vec<u8>, u64)>,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new(LONGEST)
    }
}

impl Lines {
    /// Lines of at most so many bytes.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, searched: 0, longest, skipped: None }
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.searched = self.searched.saturating_sub(self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len().saturating_sub(self.start)
    }

    /// Whether [`Self::next`] has something to give. Costs what was pushed since it was last asked.
    pub fn ready(&mut self) -> bool {
        let unseen = self.buffer.get(self.searched..).unwrap_or_default();
        let length = memchr::memchr(b'\n', unseen);
        // The line end itself is found again at once.
        self.searched += length.unwrap_or(unseen.len());
        if length.is_none() && (self.skipped.is_some() || self.held() > self.longest) {
            self.skip(self.buffer.len());
        }
        length.is_some()
    }

    /// The next line that is whole, if there is one.
    #[expect(clippy::should_implement_trait, reason = "an iterator ends; this one goes on after the next push")]
    pub fn next(&mut self) -> Option<Line> {
        if !self.ready() {
            return None;
        }
        let end = self.searched;
        Some(self.take(end, end + 1))
    }

    /// What is left when nothing more comes: the last line may lack its end.
    pub fn finish(&mut self) -> Option<Line> {
        if let Some(line) = self.next() {
            return Some(line);
        }
        (self.held() > 0 || self.skipped.is_some()).then(|| self.take(self.buffer.len(), self.buffer.len()))
    }

    /// Takes out the line that ends here; the next one begins at `next`.
    fn take(&mut self, end: usize, next: usize) -> Line {
        let line = if self.skipped.is_some() || end.saturating_sub(self.start) > self.longest {
            self.skip(end);
            let (head, bytes) = self.skipped.take().unwrap_or_default();
            Line::TooLong { head, bytes }
        } else {
            Line::Whole(tidy(self.buffer.get(self.start..end).unwrap_or_default()).to_vec())
        };
        (self.start, self.searched) = (next, next);
        if self.start >= self.buffer.len() {
            self.clear();
        }
        line
    }

    /// Drops the current line up to here.
    fn skip(&mut self, end: usize) {
        let part = self.buffer.get(self.start..end).unwrap_or_default();
        let (head, bytes) = self.skipped.get_or_insert_default();
        head.extend(part.iter().take(HEAD.saturating_sub(head.len())));
        *bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
        (self.start, self.searched) = (end, end);
        if self.start >= self.buffer.len() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        (self.start, self.searched) = (0, 0);
    }
}

/// Without what only some systems write around a line.
fn tidy(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines, pieces: &[&[u8]]) -> Vec<Line> {
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece);
            found.extend(std::iter::from_fn(|| lines.next()));
        }
        found.extend(std::iter::from_fn(|| lines.finish()));
        found
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_come_whole_whatever_pieces_they_came_in() {
        let found = all(&mut Lines::default(), &[b"\xef\xbb\xbf{\"a\"", b":1}\r", b"\n\nb\nc"]);
        assert_eq!(found, [whole("{\"a\":1}"), whole(""), whole("b"), whole("c")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end_and_told() {
        let found = all(&mut Lines::new(4), &[b"ab", b"cd", b"ef", b"gh\nnext\n12345\nz"]);
        let long = |text: &str| Line::TooLong {
            head: text.as_bytes().to_vec(),
            bytes: u64::try_from(text.len()).expect("short"),
        };
        assert_eq!(found, [long("abcdefgh"), whole("next"), long("12345"), whole("z")]);
        let found = all(&mut Lines::new(4), &[b"never ends"]);
        assert_eq!(found, [long("never ends")]);
    }

    #[test]
    fn a_skipped_line_takes_no_memory() {
        let mut lines = Lines::new(1 << 10);
        for _ in 0..1_000 {
            lines.push(&[b'x'; 1 << 10]);
            assert_eq!(lines.next(), None);
            assert!(lines.held() <= 1 << 10);
        }
        let Some(Line::TooLong { head, bytes }) = lines.finish() else { panic!("told") };
        assert_eq!((head.len(), bytes), (HEAD, 1_000 << 10));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
                                     size in 1_usize..20, longest in 1_usize..50) {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(all(&mut Lines::new(longest), &pieces), all(&mut Lines::new(longest), &[&bytes]));
        }
    }
}
