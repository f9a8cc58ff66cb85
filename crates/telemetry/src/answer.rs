//! What OTLP/HTTP answers, in the encoding of the request.

use prost::Message;
use serde_json::json;

use crate::encoding::Encoding;
use crate::proto::{PartialSuccess, Response, RpcStatus};

/// What a request brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Points of metrics.
    Metrics,
}

/// An answer of OTLP/HTTP 1.x.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of it was taken: `Export…ServiceResponse`.
    Taken,
    /// Some of it was rejected for good. Without any it is a warning.
    Partly {
        /// How many spans, records or points.
        rejected: u64,
        /// Why, for a person.
        message: String,
    },
    /// Nothing was taken: `google.rpc.Status`.
    Refused {
        /// The code of gRPC.
        code: i32,
        /// Why, for a person.
        message: String,
    },
}

impl Answer {
    /// The bytes of the answer.
    #[must_use]
    pub fn bytes(&self, signal: Signal, encoding: Encoding) -> Vec<u8> {
        match (encoding, self) {
            (Encoding::Protobuf, Self::Taken) => Response::default().encode_to_vec(),
            (Encoding::Protobuf, Self::Partly { rejected, message }) => {
                let rejected = i64::try_from(*rejected).unwrap_or(i64::MAX);
                let partial_success = Some(PartialSuccess { rejected, error_message: message.clone() });
                Response { partial_success }.encode_to_vec()
            }
            (Encoding::Protobuf, Self::Refused { code, message }) => {
                RpcStatus { code: *code, message: message.clone() }.encode_to_vec()
            }
            (Encoding::Json, Self::Taken) => b"{}".to_vec(),
            (Encoding::Json, Self::Partly { rejected, message }) => {
                let name = match signal {
                    Signal::Traces => "rejectedSpans",
                    Signal::Logs => "rejectedLogRecords",
                    Signal::Metrics => "rejectedDataPoints",
                };
                // A number of 64 bits is a text in this mapping.
                let partial = json!({name: rejected.to_string(), "errorMessage": message});
                json!({"partialSuccess": partial}).to_string().into_bytes()
            }
            (Encoding::Json, Self::Refused { code, message }) => {
                json!({"code": code, "message": message}).to_string().into_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_in_the_encoding_of_the_request() {
        let partly = Answer::Partly { rejected: 3, message: "no".to_owned() };
        assert_eq!(partly.bytes(Signal::Logs, Encoding::Protobuf), [0x0a, 6, 8, 3, 0x12, 2, b'n', b'o']);
        let told = String::from_utf8(partly.bytes(Signal::Traces, Encoding::Json)).expect("text");
        assert_eq!(told, r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#);
        assert_eq!(Answer::Taken.bytes(Signal::Logs, Encoding::Protobuf), b"");
        assert_eq!(Answer::Taken.bytes(Signal::Logs, Encoding::Json), b"{}");
        let refused = Answer::Refused { code: 3, message: "x".to_owned() };
        assert_eq!(refused.bytes(Signal::Logs, Encoding::Protobuf), [8, 3, 0x12, 1, b'x']);
    }
}
