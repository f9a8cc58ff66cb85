//! Bodies: packed or not, in protobuf or JSON.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use prost::Message;

use crate::proto::{LogsRequest, TracesRequest};
use crate::{json, walk};

/// How a request is written, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`, in the mapping of OTLP: ids in hexadecimal digits, numbers of 64 bits as texts or numbers.
    Json,
}

/// Why a body is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its structure does not hold.
    #[error("the body is no request of OTLP in this encoding: {0}")]
    Broken(String),
    /// It has more than is taken at once.
    #[error("{0}; send less at once")]
    TooMuch(String),
}

impl Encoding {
    /// The encoding of a media type, without its parameters.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type.trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    pub(crate) fn traces(self, bytes: &[u8]) -> Result<TracesRequest, Unreadable> {
        match self {
            Self::Protobuf => protobuf(bytes, 9),
            Self::Json => json::traces(bytes),
        }
    }

    pub(crate) fn logs(self, bytes: &[u8]) -> Result<LogsRequest, Unreadable> {
        match self {
            Self::Protobuf => protobuf(bytes, 6),
            Self::Json => json::logs(bytes),
        }
    }
}

fn protobuf<T: Message + Default>(bytes: &[u8], attributes: u32) -> Result<T, Unreadable> {
    if !walk::fits(bytes, attributes) {
        let most = walk::MOST_RECORDS;
        return Err(Unreadable::TooMuch(format!("the request has more than {most} records, or too many attributes")));
    }
    T::decode(bytes).map_err(|error| Unreadable::Broken(error.to_string()))
}

/// A body that was packed with gzip (RFC 1952), of at most so many bytes when unpacked.
///
/// # Errors
/// It is not gzip, or longer.
pub fn unpacked(packed: &[u8], most: usize) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(packed).take(limit).read_to_end(&mut bytes);
    read.map_err(|error| Unreadable::Broken(format!("it is not gzip: {error}")))?;
    if bytes.len() > most {
        return Err(Unreadable::TooMuch(format!("the body is larger than {most} bytes when unpacked")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("packed")
    }

    #[test]
    fn what_is_packed_is_unpacked_up_to_a_bound() {
        assert_eq!(unpacked(&packed(b"abc"), 3), Ok(b"abc".to_vec()));
        assert!(matches!(unpacked(&packed(&[0; 4]), 3), Err(Unreadable::TooMuch(_))));
        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(unpacked(&bomb, 8 << 20), Err(Unreadable::TooMuch(_))));
        assert!(matches!(unpacked(b"no gzip", 100), Err(Unreadable::Broken(_))));
        let mut cut = packed(b"a text that breaks off");
        cut.truncate(15);
        assert!(matches!(unpacked(&cut, 100), Err(Unreadable::Broken(_))));
    }

    #[test]
    fn the_encoding_is_that_of_the_media_type() {
        for (word, encoding) in [
            ("application/json", Some(Encoding::Json)),
            ("Application/X-Protobuf", Some(Encoding::Protobuf)),
            ("application/protobuf", None),
            ("", None),
        ] {
            assert_eq!(Encoding::of(word), encoding, "{word}");
        }
    }
}
