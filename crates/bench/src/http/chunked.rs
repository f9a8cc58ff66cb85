//! Chunked transfer coding (RFC 9112, section 7.1), taken apart without copying.

use crate::error::{BenchError, Outcome};

/// Where a reader stands in a chunked body.
#[derive(Debug)]
enum Place {
    /// In the digits of a size; whether there was one yet.
    Size(u64, bool),
    /// Behind the size, before its line's end.
    Extension(u64),
    /// In a chunk with so many bytes left.
    Data(u64),
    /// In the line break behind a chunk.
    Break,
    /// In the trailer; whether its present line is empty so far.
    Trailer(bool),
    /// Behind the end.
    Done,
}

/// Takes a chunked body apart, however its bytes are cut.
#[derive(Debug)]
pub(crate) struct Chunks(Place);

impl Default for Chunks {
    fn default() -> Self {
        Self(Place::Size(0, false))
    }
}

impl Chunks {
    /// The next piece of the body in `input`, which is left at what follows it; `None` when more has to be read.
    pub(crate) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Outcome<Option<&'a [u8]>> {
        loop {
            if let Place::Data(left) = self.0 {
                if input.is_empty() {
                    return Ok(None);
                }
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let (piece, rest) = input.split_at_checked(take).unwrap_or((input, &[]));
                *input = rest;
                let left = left - crate::number::count(take);
                self.0 = if left == 0 { Place::Break } else { Place::Data(left) };
                return Ok(Some(piece));
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.0 = self.step(*byte)?;
        }
    }

    /// Whether the body has come to its end.
    pub(crate) const fn ended(&self) -> bool {
        matches!(self.0, Place::Done)
    }

    fn step(&self, byte: u8) -> Outcome<Place> {
        let wrong = |what: &str| Err(BenchError::Protocol(format!("byte {byte:#04x} {what} a chunk")));
        Ok(match (&self.0, byte) {
            (Place::Size(size, _), digit) if digit.is_ascii_hexdigit() => {
                let value = char::from(digit).to_digit(16).unwrap_or(0);
                match size.checked_mul(16) {
                    Some(size) => Place::Size(size + u64::from(value), true),
                    None => return wrong("makes too long"),
                }
            }
            (Place::Size(size, true), b'\r' | b';') => Place::Extension(*size),
            (Place::Size(..), _) => return wrong("is no size of"),
            (Place::Extension(0), b'\n') => Place::Trailer(true),
            (Place::Extension(size), b'\n') => Place::Data(*size),
            (Place::Extension(size), _) => Place::Extension(*size),
            (Place::Break, b'\r') => Place::Break,
            (Place::Break, b'\n') => Place::Size(0, false),
            (Place::Break, _) => return wrong("stands behind"),
            (Place::Trailer(true), b'\n') => Place::Done,
            (Place::Trailer(empty), b'\r') => Place::Trailer(*empty),
            (Place::Trailer(_), byte) => Place::Trailer(byte == b'\n'),
            (Place::Data(_) | Place::Done, _) => return wrong("stands behind the last of"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Outcome<(Vec<u8>, bool)> {
        let mut chunks = Chunks::default();
        let mut body = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(data) = chunks.next(&mut piece)? {
                body.extend_from_slice(data);
            }
        }
        Ok((body, chunks.ended()))
    }

    const BODY: &[u8] = b"5\r\nhello\r\n1;note=x\r\n \r\nA\r\nworld-wide\r\n0\r\nTrailer: 1\r\n\r\n";

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        for at in 0..=BODY.len() {
            let (one, two) = BODY.split_at(at);
            assert_eq!(decode(&[one, two]).expect("a body"), (b"hello world-wide".to_vec(), true), "cut at {at}");
        }
        let bytes: Vec<&[u8]> = BODY.chunks(1).collect();
        assert_eq!(decode(&bytes).expect("a body"), (b"hello world-wide".to_vec(), true));
    }

    #[test]
    fn a_piece_is_not_copied() {
        let body = BODY;
        let mut input = body;
        let piece = Chunks::default().next(&mut input).expect("good").expect("a piece");
        assert!(body.as_ptr_range().contains(&piece.as_ptr()));
    }

    #[test]
    fn an_unfinished_body_has_not_ended() {
        assert_eq!(decode(&[b"5\r\nhel"]).expect("a part"), (b"hel".to_vec(), false));
        assert_eq!(decode(&[b"5\r\nhello\r\n0\r\n"]).expect("a part"), (b"hello".to_vec(), false));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wrong in [&b"\r\n"[..], b"x\r\n", b"1\r\naX", b"fffffffffffffffff\r\n", b"0\r\n\r\nmore"] {
            assert!(decode(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}
