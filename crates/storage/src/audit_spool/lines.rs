//! The lines of the spool, and which of them count.
//!
//! A line is `<crc> <generation> <step>`: a CRC-32 of what follows it, a number, and a JSON object. The file is never cut
//! back, for its space is reserved. Once nothing waits any more, the next step is written at the beginning again, under the
//! next generation, over what stands there. So the lines that count are those from the beginning on that are whole and of one
//! generation. What follows them is zeros, one line that a crash has left half written, or the rest of earlier generations.
//!
//! *Invariants.* A generation ends when nothing waits, so the rest of an earlier one never holds a stop that still waits. A
//! step counts before the next one is written, so nothing of the generation follows a line that is not whole. Where either
//! does not hold, a line was spoilt, and the spool is not opened.
//!
//! Earlier versions wrote the JSON object alone; such lines are read at the beginning of the file.

use flightdeck_domain::audit::{Fate, SpooledAction};
use flightdeck_domain::ports::Waiting;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One step in the life of what is spooled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Step {
    Keep(SpooledAction),
    Settle { id: Uuid, fate: Fate },
    Remove { id: Uuid },
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) waiting: Vec<Waiting>,
    /// Where the next line goes, in bytes from the beginning.
    pub(super) end: usize,
    /// The generation of the next line.
    pub(super) generation: u32,
}

/// A line that cannot be passed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spoilt {
    /// Counted from one.
    pub(super) line: usize,
    pub(super) why: String,
}

/// A line, whole.
enum Line {
    Sealed {
        generation: u32,
        step: serde_json::Result<Step>,
    },
    /// As earlier versions wrote it.
    Bare(serde_json::Result<Step>),
    /// Half a line, or none.
    Nothing,
}

/// A step as it is written.
pub(super) fn line(step: &Step, generation: u32) -> serde_json::Result<Vec<u8>> {
    let body = format!("{generation:08x} {}", serde_json::to_string(step)?);
    Ok(format!("{:08x} {body}\n", crc32fast::hash(body.as_bytes())).into_bytes())
}

fn read_line(text: &[u8]) -> Line {
    if text.first() == Some(&b'{') {
        return Line::Bare(serde_json::from_slice(text));
    }
    let number = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let sealed = || {
        let (crc, body) = text.split_at_checked(8)?;
        let body = body.strip_prefix(b" ")?;
        if number(crc)? != crc32fast::hash(body) {
            return None;
        }
        let (generation, step) = body.split_at_checked(8)?;
        Some(Line::Sealed { generation: number(generation)?, step: serde_json::from_slice(step) })
    };
    sealed().unwrap_or(Line::Nothing)
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, Spoilt> {
    let mut contents = Contents::default();
    let mut current = None;
    let mut lines =
        bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n")).enumerate();
    let spoilt = |line: usize, error: serde_json::Error| Spoilt { line: line + 1, why: error.to_string() };
    let mut next = None;
    for (number, text) in lines.by_ref() {
        let step = match read_line(text) {
            Line::Bare(step) if current.is_none() => step,
            Line::Sealed { generation, step } if current.is_none_or(|current| current == generation) => {
                current = Some(generation);
                step
            }
            other => {
                next = Some((number, other));
                break;
            }
        };
        apply(&mut contents.waiting, step.map_err(|error| spoilt(number, error))?);
        contents.end += text.len() + 1;
    }
    // What follows must be of no meaning.
    let (mut newest, mut earlier) = (current.unwrap_or_default(), Vec::new());
    for (number, line) in next.into_iter().chain(lines.map(|(number, text)| (number, read_line(text)))) {
        if let Line::Sealed { generation, step } = line {
            if current == Some(generation) {
                return Err(Spoilt { line: number, why: "it is not whole, and others follow it".to_owned() });
            }
            newest = newest.max(generation);
            if let Ok(step) = step {
                apply(&mut earlier, step);
            }
        }
    }
    if !earlier.is_empty() {
        return Err(Spoilt { line: 1, why: "it is not whole, and stops follow it that still wait".to_owned() });
    }
    contents.generation = current.unwrap_or_else(|| newest.wrapping_add(1));
    if contents.waiting.is_empty() {
        (contents.end, contents.generation) = (0, newest.wrapping_add(1));
    }
    Ok(contents)
}

/// Takes a step into account.
pub(super) fn apply(waiting: &mut Vec<Waiting>, step: Step) {
    match step {
        Step::Keep(action) => waiting.push(Waiting { action, fate: None }),
        Step::Settle { id, fate } => {
            if let Some(found) = waiting.iter_mut().find(|waiting| waiting.action.id == id) {
                found.fate = Some(fate);
            }
        }
        Step::Remove { id } => waiting.retain(|waiting| waiting.action.id != id),
    }
}
