//! The protocol of Redis, as far as streams need it.

use super::dialect::TOPIC;
use crate::error::{BenchError, Outcome};

/// A command as an array of strings.
fn command(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}

pub(super) fn publish(payload: &[u8], out: &mut Vec<u8>) {
    command(&[b"XADD", TOPIC.as_bytes(), b"*", b"d", payload], out);
}

/// Waits for entries behind an id.
pub(super) fn follow(id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let parts: [&[u8]; 8] = [b"XREAD", b"COUNT", b"1000", b"BLOCK", b"0", b"STREAMS", TOPIC.as_bytes(), id.as_bytes()];
    command(&parts, &mut out);
    out
}

fn wrong(received: &[u8]) -> BenchError {
    BenchError::Protocol(format!(
        "Redis said {:?}",
        String::from_utf8_lossy(received).chars().take(200).collect::<String>()
    ))
}

/// A line and what follows it; `None` while it is not whole.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memmem::find(bytes, b"\r\n")?;
    Some((bytes.get(..end)?, bytes.get(end + 2..)?))
}

/// The id of the new entry.
pub(super) fn acknowledged(received: &[u8]) -> Outcome<Option<usize>> {
    match received.first() {
        None => Ok(None),
        Some(b'$') => Ok(string(received)?.map(|(_, rest)| received.len() - rest.len())),
        Some(_) => Err(wrong(received)),
    }
}

/// A string of bytes.
fn string(bytes: &[u8]) -> Outcome<Option<(&[u8], &[u8])>> {
    let Some((head, rest)) = line(bytes) else { return Ok(None) };
    let length = head.strip_prefix(b"$").and_then(crate::sse::number).ok_or_else(|| wrong(bytes))?;
    let length = crate::number::length(length);
    Ok(rest.split_at_checked(length + 2).map(|(text, rest)| (text.get(..length).unwrap_or_default(), rest)))
}

/// The length of an array.
fn array(bytes: &[u8]) -> Outcome<Option<(u64, &[u8])>> {
    let Some((head, rest)) = line(bytes) else { return Ok(None) };
    let length = head.strip_prefix(b"*").and_then(crate::sse::number).ok_or_else(|| wrong(bytes))?;
    Ok(Some((length, rest)))
}

/// The id of the last entry, when the answer of `XREAD` is whole.
pub(super) fn last_id(received: &[u8]) -> Outcome<Option<String>> {
    macro_rules! whole {
        ($part:expr) => {
            match $part? {
                Some(part) => part,
                None => return Ok(None),
            }
        };
    }
    let (_streams, rest) = whole!(array(received));
    let (_pair, rest) = whole!(array(rest));
    let (_name, rest) = whole!(string(rest));
    let (entries, mut rest) = whole!(array(rest));
    let mut last = None;
    for _ in 0..entries {
        let (_pair, behind) = whole!(array(rest));
        let (id, behind) = whole!(string(behind));
        last = Some(String::from_utf8_lossy(id).into_owned());
        let (fields, behind) = whole!(array(behind));
        rest = behind;
        for _ in 0..fields {
            rest = whole!(string(rest)).1;
        }
    }
    if rest.is_empty() { Ok(last) } else { Err(wrong(rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: &[u8] = b"*1\r\n*2\r\n$4\r\nload\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nd\r\n$2\r\nab\r\n\
        *2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nd\r\n$2\r\n\r\n\r\n";

    #[test]
    fn the_last_id_is_known_when_everything_came() {
        for end in 0..ENTRIES.len() {
            assert_eq!(last_id(&ENTRIES[..end]).expect("a part"), None, "{end}");
        }
        assert_eq!(last_id(ENTRIES).expect("whole").as_deref(), Some("1-1"));
        assert!(last_id(b"-ERR no\r\n").is_err());
    }

    #[test]
    fn an_id_acknowledges() {
        assert_eq!(acknowledged(b"$3\r\n1-0\r\n$3").expect("whole"), Some(9));
        assert_eq!(acknowledged(b"$3\r\n1-").expect("a part"), None);
        assert!(acknowledged(b"-OOM\r\n").is_err());
    }

    #[test]
    fn a_command_is_an_array() {
        let mut out = Vec::new();
        publish(b"x", &mut out);
        assert_eq!(out, b"*5\r\n$4\r\nXADD\r\n$4\r\nload\r\n$1\r\n*\r\n$1\r\nd\r\n$1\r\nx\r\n");
    }
}
