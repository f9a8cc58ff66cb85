//! Counts what a request in protobuf would take in memory, before it is decoded: an empty message takes two bytes on the
//! wire and a hundred times as much in memory.

use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// The most spans or log records in one request.
pub(crate) const MOST_RECORDS: usize = 20_000;
/// The most attributes and groups of a request.
pub(crate) const MOST_PARTS: usize = 400_000;

/// Whether a request has at most [`MOST_RECORDS`] and [`MOST_PARTS`]. `attributes` is the number of the field with the
/// attributes of a record. A request that breaks off is left to the decoder.
pub(crate) fn fits(bytes: &[u8], attributes: u32) -> bool {
    let mut counts = Counts { records: 0, parts: 0 };
    counts.walk(bytes, 0, attributes);
    counts.records <= MOST_RECORDS && counts.parts <= MOST_PARTS
}

struct Counts {
    records: usize,
    parts: usize,
}

/// The fields to go into at each depth: the groups of resources, the groups of scopes, their records.
const PATH: [u32; 3] = [1, 2, 2];
/// The field of a group with the resource, and of a resource with its attributes.
const RESOURCE: u32 = 1;

impl Counts {
    fn walk(&mut self, mut bytes: &[u8], depth: usize, attributes: u32) {
        while let Some((number, inner)) = next(&mut bytes) {
            let Some(inner) = inner else { continue };
            match PATH.get(depth) {
                Some(into) if *into == number => {
                    self.parts = self.parts.saturating_add(1);
                    self.records = self.records.saturating_add(usize::from(depth == 2));
                    self.walk(inner, depth + 1, attributes);
                }
                Some(_) if depth == 1 && number == RESOURCE => self.count(inner, RESOURCE),
                None if number == attributes => self.parts = self.parts.saturating_add(1),
                _ => {}
            }
        }
    }

    fn count(&mut self, mut bytes: &[u8], wanted: u32) {
        while let Some((number, _)) = next(&mut bytes) {
            self.parts = self.parts.saturating_add(usize::from(number == wanted));
        }
    }
}

/// The next field with what is within it; `None` at the end, and where the bytes are no message.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    if bytes.is_empty() {
        return None;
    }
    let (number, wire) = decode_key(bytes).ok()?;
    if wire != WireType::LengthDelimited {
        skip_field(wire, number, bytes, DecodeContext::default()).ok()?;
        return Some((number, None));
    }
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    let inner = bytes.get(..length)?;
    bytes.advance(length);
    Some((number, Some(inner)))
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::proto::{KeyValue, LogRecord, LogsRequest, ResourceLogs, ScopeLogs};

    fn request(records: usize, attributes: usize) -> Vec<u8> {
        let record = LogRecord { attributes: vec![KeyValue::default(); attributes], ..LogRecord::default() };
        let scope_logs = vec![ScopeLogs { log_records: vec![record; records], ..ScopeLogs::default() }];
        LogsRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }.encode_to_vec()
    }

    #[test]
    fn what_would_fill_the_memory_is_seen_before_it_is_decoded() {
        assert!(fits(&request(MOST_RECORDS, 3), 6));
        assert!(!fits(&request(MOST_RECORDS + 1, 0), 6));
        assert!(fits(&request(1, MOST_PARTS - 10), 6));
        assert!(!fits(&request(1, MOST_PARTS), 6));
        assert!(fits(&[0x0a; 9], 6), "what breaks off is left to the decoder");
        let groups = [0x0a, 0x00].repeat(MOST_PARTS + 1);
        assert!(!fits(&groups, 6), "empty groups");
        let mut resource = [0x0a, 0x00].repeat(40);
        resource = [vec![0x0a, 82, 0x0a, 80], resource].concat();
        assert!(fits(&resource, 6));
        let mut counts = Counts { records: 0, parts: 0 };
        counts.walk(&resource, 0, 6);
        assert_eq!(counts.parts, 41, "attributes of a resource count");
    }
}
