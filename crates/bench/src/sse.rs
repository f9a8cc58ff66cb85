//! Server-sent events as Flightdeck writes them: lines end with LF, and the data of an event is one line.

use memchr::{memchr, memmem};

use crate::error::Outcome;

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Its type; empty when it has none.
    pub(crate) event: &'a [u8],
    /// The number in its `id`; `None` without one, or when it is no number.
    pub(crate) id: Option<u64>,
    /// Its data.
    pub(crate) data: &'a [u8],
}

/// Finds events in a stream, however its bytes are cut. An event that lies whole in what was read is not copied.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The beginning of an event whose end has not come.
    begun: Vec<u8>,
}

impl Frames {
    /// Gives each event that ends in `bytes`, in order. Comments, and events without data, are left out.
    pub(crate) fn read(&mut self, bytes: &[u8], mut take: impl FnMut(Frame<'_>) -> Outcome<()>) -> Outcome<()> {
        let mut rest = bytes;
        if !self.begun.is_empty() {
            let broken = self.begun.ends_with(b"\n") && rest.starts_with(b"\n");
            let end = if broken { Some(1) } else { memmem::find(rest, b"\n\n").map(|at| at + 2) };
            let Some((head, tail)) = end.and_then(|end| rest.split_at_checked(end)) else {
                self.begun.extend_from_slice(rest);
                return Ok(());
            };
            self.begun.extend_from_slice(head);
            rest = tail;
            let mut whole = self.begun.as_slice();
            let outcome = next(&mut whole).map_or(Ok(()), |frame| offer(frame, &mut take));
            self.begun.clear();
            outcome?;
        }
        while let Some(frame) = next(&mut rest) {
            offer(frame, &mut take)?;
        }
        self.begun.extend_from_slice(rest);
        Ok(())
    }
}

fn offer(frame: Frame<'_>, take: &mut impl FnMut(Frame<'_>) -> Outcome<()>) -> Outcome<()> {
    if frame.data.is_empty() { Ok(()) } else { take(frame) }
}

/// The first event of `rest`, which is left behind it; `None`, and `rest` as it was, when its end is not there.
fn next<'a>(rest: &mut &'a [u8]) -> Option<Frame<'a>> {
    let mut frame = Frame::default();
    let mut lines = *rest;
    loop {
        let (line, after) = lines.split_at_checked(memchr(b'\n', lines)?)?;
        lines = after.get(1..)?;
        if line.is_empty() {
            *rest = lines;
            return Some(frame);
        }
        if let Some(data) = line.strip_prefix(b"data: ") {
            frame.data = data;
        } else if let Some(id) = line.strip_prefix(b"id: ") {
            // The feed says the epoch before the place.
            frame.id = id.rsplit(|byte| *byte == b'-').next().and_then(number);
        } else if let Some(event) = line.strip_prefix(b"event: ") {
            frame.event = event;
        }
    }
}

/// Digits, and nothing else.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = (Vec<u8>, Option<u64>, Vec<u8>);

    fn read(pieces: &[&[u8]]) -> Vec<Owned> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for piece in pieces {
            let take = |frame: Frame<'_>| {
                found.push((frame.event.to_vec(), frame.id, frame.data.to_vec()));
                Ok(())
            };
            frames.read(piece, take).expect("taken");
        }
        found
    }

    const STREAM: &[u8] = b"retry: 1500\n\nevent: message\nid: 1\ndata: {\"a\":1}\n\n: keep-alive\n\n\
        event: message\nid: 2\ndata: {\"a\":2}\n\nevent: end\ndata: {}\n\nevent: message\nid: 3\ndata: {";

    fn expected() -> Vec<Owned> {
        let frame = |event: &str, id, data: &str| (event.into(), id, data.into());
        vec![frame("message", Some(1), "{\"a\":1}"), frame("message", Some(2), "{\"a\":2}"), frame("end", None, "{}")]
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        assert_eq!(read(&[STREAM]), expected());
        for at in 0..=STREAM.len() {
            let (one, two) = STREAM.split_at(at);
            assert_eq!(read(&[one, two]), expected(), "cut at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(read(&bytes), expected());
    }

    #[test]
    fn what_is_whole_is_not_copied() {
        let (stream, mut inside) = (STREAM, false);
        let check = |frame: Frame<'_>| {
            inside = stream.as_ptr_range().contains(&frame.data.as_ptr());
            Ok(())
        };
        Frames::default().read(stream, check).expect("taken");
        assert!(inside);
    }

    #[test]
    fn an_id_that_is_no_number_is_none() {
        for (id, expected) in
            [("7", Some(7)), ("x", None), ("", None), ("18446744073709551616", None), ("x-7", Some(7)), ("-", None)]
        {
            let text = format!("id: {id}\ndata: x\n\n");
            assert_eq!(read(&[text.as_bytes()]), [(Vec::new(), expected, b"x".to_vec())], "{id:?}");
        }
    }

    #[test]
    fn whoever_takes_an_event_can_stop_the_reading() {
        let mut taken = 0;
        let stop = |_: Frame<'_>| {
            taken += 1;
            Err(crate::error::BenchError::Stalled(0))
        };
        assert!(Frames::default().read(STREAM, stop).is_err());
        assert_eq!(taken, 1);
    }
}
