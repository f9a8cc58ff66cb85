//! Work that would keep a worker from its other connections.
//!
//! A worker is one thread for thousands of connections. While it reads a body of megabytes, no other connection on it
//! is answered, not even a kill. So large work is done on threads beside the workers, as many pieces at once as there
//! are cores.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};

use actix_web::{HttpResponse, HttpResponseBuilder};
use tokio::sync::Semaphore;

use crate::problem::ApiError;

/// This many bytes are read, or written, within about a millisecond, so a hand-over is not worth it.
pub(crate) const LIGHT: usize = 65_536;

static CORES: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get))));

/// Does work on this many bytes: at once when they are few, otherwise beside the workers. Work that has begun is
/// completed.
///
/// # Errors
/// The work panicked.
pub(crate) async fn work<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    if bytes <= LIGHT {
        return Ok(work());
    }
    let internal = |error: Box<dyn std::error::Error + Send + Sync>| ApiError::Internal(error);
    let permit = Arc::clone(&CORES).acquire_owned().await.map_err(|error| internal(error.into()))?;
    let working = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    working.await.map_err(|error| internal(error.into()))
}

/// Answers with JSON of about this many bytes.
///
/// # Errors
/// The JSON cannot be written.
pub(crate) async fn json(
    bytes: usize,
    mut response: HttpResponseBuilder,
    write: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let written = work(bytes, write).await?.map_err(|error| ApiError::Internal(error.into()))?;
    Ok(response.content_type("application/json").body(written))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_worker_goes_on_while_something_large_is_read() {
        let (go_on, told) = mpsc::channel();
        let large = work(LIGHT + 1, move || told.recv());
        // On this only thread it could never be sent while the work waits for it.
        let other = async { go_on.send("done").expect("the work waits") };
        let (read, ()) = tokio::join!(large, other);
        assert_eq!(read.expect("no panic"), Ok("done"));
    }

    #[tokio::test]
    async fn what_is_small_is_done_at_once() {
        let here = std::thread::current().id();
        assert_eq!(work(LIGHT, || std::thread::current().id()).await.expect("no panic"), here);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_gives_its_place_back() {
        for _ in 0..100 {
            let error = work(LIGHT + 1, || panic!("on purpose")).await.expect_err("it panicked");
            assert!(matches!(error, ApiError::Internal(_)));
        }
    }
}
