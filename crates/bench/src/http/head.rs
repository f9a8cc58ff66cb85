//! The head of a response.

use memchr::memmem;

use crate::error::{BenchError, Outcome};
use crate::sse::number;

/// How a response's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// After so many bytes.
    Length(u64),
    /// With its last chunk.
    Chunked,
}

/// What the head of a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// Its own length with the empty line, in bytes.
    pub(crate) length: usize,
}

impl Head {
    /// Reads the head at the beginning of `bytes`; `None` when its end has not come.
    pub(crate) fn read(bytes: &[u8]) -> Outcome<Option<Self>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let head = bytes.get(..end + 2).unwrap_or(bytes);
        let wrong = || BenchError::Protocol(format!("{:?} is no head", String::from_utf8_lossy(head)));
        let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| number(rest.get(..3)?)).ok_or_else(wrong)?;
        let status = u16::try_from(status).map_err(|_error| wrong())?;
        let chunked = header(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
        let body = match header(head, "content-length") {
            _ if chunked => Body::Chunked,
            Some(length) => Body::Length(number(length).ok_or_else(wrong)?),
            None if status == 204 || status == 304 => Body::Length(0),
            None => return Err(wrong()),
        };
        Ok(Some(Self { status, body, length: end + 4 }))
    }
}

/// The status and the whole length of the answer at the beginning of what came; `None` while it is not whole.
///
/// # Errors
/// It is no answer, or has no length.
pub(crate) fn front(bytes: &[u8]) -> Outcome<Option<(u16, usize)>> {
    let Some(head) = Head::read(bytes)? else { return Ok(None) };
    let Body::Length(body) = head.body else {
        return Err(BenchError::Protocol("an answer came in chunks that must have a length".to_owned()));
    };
    let whole = head.length + crate::number::length(body);
    Ok((bytes.len() >= whole).then_some((head.status, whole)))
}

/// The value of a header, without the space around it; names are the same in any case.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (given, rest) = line.split_at_checked(name.len())?;
        let value = given.eq_ignore_ascii_case(name.as_bytes()).then(|| rest.strip_prefix(b":"))??;
        Some(value.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Outcome<Option<Head>> {
        Head::read(text.as_bytes())
    }

    #[test]
    fn a_head_says_how_its_body_ends() {
        let text = "HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx-request-id: 1\r\n\r\n{";
        assert_eq!(
            read(text).expect("good"),
            Some(Head { status: 201, body: Body::Length(12), length: text.len() - 1 })
        );
        let chunked = read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").expect("good").expect("whole");
        assert_eq!((chunked.status, chunked.body), (200, Body::Chunked));
        let empty = read("HTTP/1.1 204 No Content\r\n\r\n").expect("good").expect("whole");
        assert_eq!((empty.status, empty.body), (204, Body::Length(0)));
    }

    #[test]
    fn half_a_head_is_none_yet() {
        assert_eq!(read("HTTP/1.1 201 Created\r\ncontent-length: 12\r\n").expect("good"), None);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for wrong in [
            "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_header_is_found_whatever_its_case() {
        let head = b"HTTP/1.1 200 OK\r\nFlightdeck-Next-Cursor:  abc \r\n";
        assert_eq!(header(head, "flightdeck-next-cursor"), Some(&b"abc"[..]));
        assert_eq!(header(head, "flightdeck-next"), None);
    }
}
