//! Calls that carry a key are done once.

use crate::action::{Attribution, Call, Fingerprint, Remembered};
use crate::ports::{Rows, Tx};

/// Compares a call with what is remembered of its key, which is locked for it.
pub(super) async fn call<T: Tx>(tx: &mut T, by: &Attribution, fingerprint: Fingerprint) -> Rows<Call> {
    let Some(key) = &by.idempotency_key else { return Ok(Call::New) };
    let kept = tx.remembered(&by.actor, key).await?;
    Ok(by.call(fingerprint, kept))
}

/// Remembers the result of an accepted call, if it has a key; deletes what is too old.
pub(super) async fn keep<T: Tx>(
    tx: &mut T,
    by: &Attribution,
    remembered: impl FnOnce() -> Remembered + Send,
) -> Rows<()> {
    let Some(key) = &by.idempotency_key else { return Ok(()) };
    let remembered = remembered();
    tx.forget_calls(by.remembered_since()).await?;
    tx.remember(&by.actor, key, &remembered).await
}
