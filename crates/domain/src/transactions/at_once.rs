//! Scripts on stores whose operations never wait.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A future waited in a store whose operations never wait: one of its operations is faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation of the store waits for something; it has to be done when it returns")]
pub struct Waited;

/// Runs a future to its end on this thread: that of a script over operations that block instead of waiting.
///
/// # Errors
/// The future waits. What it has done so far must be undone.
pub fn at_once<F: Future>(future: F) -> Result<F::Output, Waited> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => Err(Waited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_an_error_and_no_panic() {
        assert_eq!(at_once(async { 7 }), Ok(7));
        assert_eq!(at_once(std::future::pending::<()>()), Err(Waited));
    }
}
