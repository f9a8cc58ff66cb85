//! Requests as bytes, made before the clock runs.

use std::net::SocketAddr;

/// A server and who calls it: what every request repeats.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    headers: String,
}

impl Site {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, headers: format!("host: {address}\r\nx-api-key: {key}\r\n") }
    }

    /// A request without a body.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\n{}\r\n", self.headers).into_bytes()
    }

    /// A request for a stream of events.
    pub(crate) fn follow(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\n{}accept: text/event-stream\r\n\r\n", self.headers).into_bytes()
    }

    /// A request with a JSON body.
    pub(crate) fn post(&self, path: &str, json: &[u8]) -> Vec<u8> {
        let mut bytes = self.post_head(path, json.len());
        bytes.extend_from_slice(json);
        bytes
    }

    /// The head of a request whose JSON body has so many bytes.
    pub(crate) fn post_head(&self, path: &str, length: usize) -> Vec<u8> {
        let headers = &self.headers;
        format!("POST {path} HTTP/1.1\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n")
            .into_bytes()
    }

    /// The head of a request that appends line by line, in chunks.
    pub(crate) fn post_stream(&self, path: &str) -> Vec<u8> {
        let headers = &self.headers;
        format!(
            "POST {path}?stream=true HTTP/1.1\r\n{headers}content-type: application/x-ndjson\r\n\
             transfer-encoding: chunked\r\n\r\n"
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole() {
        let site = Site::new(SocketAddr::from(([127, 0, 0, 1], 7600)), "fd_a_b");
        let text = String::from_utf8(site.post("/agents", b"{}")).expect("text");
        assert_eq!(
            text,
            "POST /agents HTTP/1.1\r\nhost: 127.0.0.1:7600\r\nx-api-key: fd_a_b\r\ncontent-type: application/json\r\n\
             content-length: 2\r\n\r\n{}"
        );
        let follow = String::from_utf8(site.follow("/agents/events")).expect("text");
        assert!(follow.ends_with("accept: text/event-stream\r\n\r\n"), "{follow}");
    }
}
