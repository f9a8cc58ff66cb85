//! Pieces make no difference, no byte is lost, and no more is held than one line.
#![no_main]

use flightdeck_agent_io::lines::{Line, Lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (longest, size, bytes) = (usize::from(input.0) + 1, usize::from(input.1) + 1, input.2);
    let mut whole = Lines::new(longest);
    whole.push(&bytes);
    let expected: Vec<Line> = std::iter::from_fn(|| whole.finish()).collect();
    let mut pieces = Lines::new(longest);
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        pieces.push(piece);
        found.extend(std::iter::from_fn(|| pieces.next()));
        assert!(pieces.held() <= longest);
    }
    found.extend(std::iter::from_fn(|| pieces.finish()));
    assert_eq!(found, expected);
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(found.len(), ends + usize::from(bytes.last().is_some_and(|last| *last != b'\n')));
});
