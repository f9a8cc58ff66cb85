//! Files that are part of the binary, packed and named once.

use std::io::{Read, Write};

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";

/// A file as it is served.
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    content_type: &'static str,
    /// Its Content-Security-Policy.
    policy: &'static str,
    plain: Bytes,
    packed: Bytes,
    tag: HeaderValue,
}

impl Asset {
    /// A file that is packed now.
    pub(crate) fn new(name: &'static str, content_type: &'static str, policy: &'static str, plain: Bytes) -> Self {
        // Writing to memory does not fail; if it did, the file would be served as it is.
        let packed = pack(&plain).map_or_else(|_| Bytes::new(), Bytes::from);
        Self::with(name, content_type, policy, plain, packed)
    }

    /// A file that was packed when the server was built.
    pub(crate) fn packed(
        name: &'static str,
        content_type: &'static str,
        policy: &'static str,
        packed: &'static [u8],
    ) -> Self {
        let plain = unpack(packed).map_or_else(|_| Bytes::new(), Bytes::from);
        Self::with(name, content_type, policy, plain, Bytes::from_static(packed))
    }

    fn with(name: &'static str, content_type: &'static str, policy: &'static str, plain: Bytes, packed: Bytes) -> Self {
        let start = Sha256::digest(&plain).iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let tag =
            HeaderValue::from_str(&format!("\"{start:016x}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { name, content_type, policy, plain, packed, tag }
    }

    /// Answers with the file, or says that the browser has it already. Browsers ask each time whether it has changed.
    pub(crate) fn answer(&self, request: &HeaderMap) -> HttpResponse {
        self.answer_as(request, "no-cache")
    }

    /// The same for an address that never has another content: a browser that has it does not ask.
    pub(crate) fn answer_for_good(&self, request: &HeaderMap) -> HttpResponse {
        self.answer_as(request, "public, max-age=31536000, immutable")
    }

    fn answer_as(&self, request: &HeaderMap, keep: &'static str) -> HttpResponse {
        let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if known.split(',').any(|tag| self.tag.as_bytes() == tag.trim().trim_start_matches("W/").as_bytes()) {
            return self.begin(HttpResponse::NotModified(), keep).finish();
        }
        let mut response = self.begin(HttpResponse::Ok(), keep);
        response.content_type(self.content_type);
        if self.packed.is_empty() || !takes_gzip(request) {
            return response.body(self.plain.clone());
        }
        response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        response.body(self.packed.clone())
    }

    fn begin(&self, mut response: HttpResponseBuilder, keep: &'static str) -> HttpResponseBuilder {
        let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
        response
            .insert_header((ETAG, self.tag.clone()))
            .insert_header(header(CACHE_CONTROL, keep))
            .insert_header(header(VARY, "Accept, Accept-Encoding"))
            .insert_header(header(CONTENT_SECURITY_POLICY, self.policy))
            .insert_header(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header(header(REFERRER_POLICY, "same-origin"))
            .insert_header(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"));
        response
    }
}

fn pack(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Whether the encodings include `gzip` with a weight above zero.
fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_that_is_refused_is_not_used() {
        let asks = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(text));
            takes_gzip(&headers)
        };
        assert!(asks("gzip, deflate, br") && asks("br;q=1.0, GZIP;q=0.5"));
        assert!(!asks("") && !asks("br") && !asks("gzip;q=0, br") && !asks("xgzip"));
    }
}
