//! How much is done for one text. Each bound makes the work linear in it.

/// Of a longer text the first so many bytes are read; the rest stays plain.
pub const TEXT: usize = 256 * 1024;
/// The most nodes of one text. A page makes about an element of each.
pub const NODES: usize = 4_000;
/// How deep containers are nested. What lies deeper is put into the last one.
pub const DEPTH: usize = 32;
/// A longer block of code is not highlighted, in bytes.
pub const CODE: usize = 32 * 1024;
/// From a longer line on a block of code is not highlighted, in bytes. Grammars look at a line again and again.
pub const CODE_LINE: usize = 1_000;
/// The most pieces of different styles in one block.
pub const SPANS: usize = 1_500;
/// The most lines of one diff; more are told as they are.
pub const DIFF_LINES: usize = 2_000;
/// Two longer texts are not compared: all of the first is removed, all of the second is added. In lines.
pub const COMPARED_LINES: usize = 2_000;

/// How much may still be highlighted. It is the only work whose cost a byte is high, so many texts share one allowance.
#[derive(Debug)]
pub struct Allowance {
    bytes: usize,
}

impl Allowance {
    /// So many bytes of code.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self { bytes }
    }

    /// Takes what a block of this many bytes needs, if it is there.
    pub(crate) const fn take(&mut self, bytes: usize) -> bool {
        match self.bytes.checked_sub(bytes) {
            Some(rest) => {
                self.bytes = rest;
                true
            }
            None => false,
        }
    }

    /// Whether everything was used up, so that something may have stayed plain that would be highlighted by itself.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.bytes < CODE
    }
}

impl Default for Allowance {
    /// Enough for one text.
    fn default() -> Self {
        Self::new(4 * CODE)
    }
}

/// The first so many bytes of a text, at the end of a line where there is one, and the rest.
pub(crate) fn split(text: &str, most: usize) -> (&str, &str) {
    if text.len() <= most {
        return (text, "");
    }
    let mut at = most;
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    let (head, _) = text.split_at(at);
    text.split_at(head.rfind('\n').map_or(at, |end| end.saturating_add(1)))
}
