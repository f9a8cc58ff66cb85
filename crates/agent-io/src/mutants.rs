//! Spoilt lines, for the tests of readers: the same for the same seed on every machine.

/// A sequence of numbers without a pattern (`SplitMix64`), good enough to spoil lines with.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// A sequence of its own for each seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, and 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or_default();
        mixed.checked_rem(end).unwrap_or_default()
    }
}

/// A line with one or two things wrong with it: bytes flipped, a part cut off, a part doubled, an unpaired surrogate, a byte
/// that is not UTF-8, a byte order mark, depth, a raw control character. It has no line end in it.
#[must_use]
pub fn mutant(line: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut line = line.to_vec();
    for _ in 0..=numbers.below(2) {
        let place = numbers.below(line.len());
        match numbers.below(9) {
            0 => {
                if let Some(byte) = line.get_mut(place) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
            1 => line.truncate(place),
            2 => {
                let part = line.get(..place).unwrap_or_default().to_vec();
                line.splice(place..place, part);
            }
            3 => insert_in_a_text(&mut line, place, b"\\ud83d"),
            4 => insert_in_a_text(&mut line, place, b"\\udc1d"),
            5 => insert_in_a_text(&mut line, place, b"caf\xe9"),
            6 => drop(line.splice(..0, *b"\xef\xbb\xbf")),
            7 => {
                let deep = "[".repeat(500) + &"]".repeat(500);
                insert_in_a_text(&mut line, place, format!("\",\"deep\":{deep},\"x\":\"").as_bytes());
            }
            _ => insert_in_a_text(&mut line, place, &[u8::try_from(numbers.below(32)).unwrap_or_default()]),
        }
    }
    line.retain(|byte| *byte != b'\n');
    line
}

/// Inserts bytes within the first text that reaches beyond this place, or at the end where there is none.
fn insert_in_a_text(line: &mut Vec<u8>, place: usize, bytes: &[u8]) {
    let (mut within, mut escaped) = (false, false);
    let inner = line.iter().enumerate().position(|(at, byte)| {
        let is_inner = within && !escaped && at >= place;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = within,
            b'"' => within = !within,
            _ => {}
        }
        is_inner
    });
    let place = inner.unwrap_or(line.len());
    line.splice(place..place, bytes.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_mutants_every_time_and_none_has_a_line_end() {
        let line = br#"{"type":"assistant","message":{"content":[{"type":"text","text":"hello"}]}}"#;
        let some = |seed| {
            let mut numbers = Numbers::new(seed);
            (0..1_000).map(|_| mutant(line, &mut numbers)).collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert!(some(1).iter().flatten().all(|byte| *byte != b'\n'));
        assert!(some(1).iter().filter(|mutant| mutant.as_slice() == line).count() < 50);
    }
}
