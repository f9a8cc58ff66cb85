//! A future whose panic is a value.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives what the future comes to, or the text of its panic. The future is dropped with its panic.
pub(crate) struct Caught<T>(Option<Pin<Box<T>>>);

impl<T: Future> Caught<T> {
    pub(crate) fn new(future: T) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T: Future> Future for Caught<T> {
    type Output = Result<T::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Err("it had ended before".to_owned())) };
        // What the panic left half done is dropped here, and never looked at again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => {
                self.0 = None;
                Poll::Ready(Ok(value))
            }
            Err(panic) => {
                let half = self.0.take();
                // A destructor that panics, too, is no second panic.
                let _ = catch_unwind(AssertUnwindSafe(move || drop(half)));
                Poll::Ready(Err(text(&*panic)))
            }
        }
    }
}

/// What a panic says.
pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}
