//! What agents really wrote, and how it may come to be broken.

use flightdeck_agent_io::mutants::Numbers;

/// The presets, with lines that their agents wrote.
pub(crate) const RECORDED: [(&str, &str); 6] = [
    ("claude", include_str!("recorded/claude.jsonl")),
    ("codex", include_str!("recorded/codex.jsonl")),
    ("gemini", include_str!("recorded/gemini.jsonl")),
    ("opencode", include_str!("recorded/opencode.jsonl")),
    ("pi", include_str!("recorded/pi.jsonl")),
    ("qwen", include_str!("recorded/qwen.jsonl")),
];

/// What is put into a line.
const PUT_IN: [&[u8]; 14] = [
    b"\\ud83d",
    b"\\udc1d",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\0",
    b"\\u0000",
    b"\r",
    b"\"",
    b"\\",
    b"NaN",
    b"1e999",
    b"-5",
    b"{}",
    b",",
];

/// So many lines, each broken in one to three ways. No line has a line end within.
pub(crate) fn mutated(recorded: &str, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let lines: Vec<&[u8]> = recorded.lines().map(str::as_bytes).collect();
    let mut dice = Numbers::new(seed);
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let mut line = lines[dice.below(lines.len())].to_vec();
        for _ in 0..=dice.below(3) {
            let other = lines[dice.below(lines.len())];
            line = broken(&line, other, &mut dice);
        }
        line.retain(|byte| *byte != b'\n');
        all.push(line);
    }
    all
}

fn broken(line: &[u8], other: &[u8], dice: &mut Numbers) -> Vec<u8> {
    let mut line = line.to_vec();
    if line.is_empty() {
        return other.to_vec();
    }
    let place = dice.below(line.len());
    match dice.below(10) {
        0 | 1 => line[place] ^= 1 << dice.below(8),
        2 => line.truncate(place),
        3 => line = [line.as_slice(), &line].concat(),
        4 => line = [b"\xef\xbb\xbf".as_slice(), &line].concat(),
        5 => {
            let end = (place + 1 + dice.below(20)).min(line.len());
            line.drain(place..end);
        }
        6 => line = [&line[..place], &other[dice.below(other.len())..]].concat(),
        7 => {
            let depth = 1 + dice.below(300);
            let deep = [vec![b'['; depth], vec![b']'; depth]].concat();
            line = with(&line, place, &deep);
        }
        _ => line = with(&line, place, PUT_IN[dice.below(PUT_IN.len())]),
    }
    line
}

fn with(line: &[u8], place: usize, more: &[u8]) -> Vec<u8> {
    [&line[..place], more, &line[place..]].concat()
}
