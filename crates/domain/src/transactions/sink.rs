//! Sinks and their delivery.

use async_trait::async_trait;

use super::run::run;
use crate::ports::{LetterQuery, Rows, SinkChangeError, SinkRepository, SinkRows, StoreUnavailable, Transactional, Tx};
use crate::sink::{
    DeadLetter, LetterEffect, LettersChange, Settling, Sink, SinkChange, SinkEffect, SinkName, SinkRefused,
    SinkResealing, Taking,
};

/// Makes, changes or removes a sink: [`SinkRepository::change_sink`].
///
/// # Errors
/// The store is not available.
pub async fn change<T: Tx>(tx: &mut T, change: &SinkChange) -> Rows<Result<Sink, SinkRefused>> {
    let existing = tx.lock_sink(&change.name).await?;
    let mut decision = change.decide(existing.as_ref());
    if let Ok(SinkEffect::Create(sink)) = &decision.outcome
        && !tx.insert_sink(sink).await?
    {
        // Made by somebody else since the lock, which holds only what is there.
        let revision = tx.sink(&change.name).await?.map_or(1, |sink| sink.revision);
        decision = change.refuse(SinkRefused::Exists { name: change.name.clone(), revision });
    }
    match &decision.outcome {
        Ok(SinkEffect::Change(sink)) => tx.save_sink(sink).await?,
        Ok(SinkEffect::Remove(sink)) => tx.remove_sink(&sink.name).await?,
        Ok(SinkEffect::Create(_)) | Err(_) => {}
    }
    tx.record(decision.audit).await?;
    Ok(decision.outcome.map(SinkEffect::into_sink))
}

/// Replaces sealed credentials: [`SinkRepository::reseal_sink`].
///
/// # Errors
/// The store is not available.
pub async fn reseal<T: Tx>(tx: &mut T, resealing: &SinkResealing) -> Rows<bool> {
    let existing = tx.lock_sink(&resealing.name).await?;
    let Some((sink, entry)) = resealing.decide(existing.as_ref()) else { return Ok(false) };
    tx.save_sink(&sink).await?;
    tx.record(entry).await?;
    Ok(true)
}

/// Takes the lease of a sink: [`SinkRepository::take_sink`].
///
/// # Errors
/// The store is not available.
pub async fn take<T: Tx>(tx: &mut T, taking: &Taking) -> Rows<Option<Sink>> {
    let existing = tx.lock_sink(&taking.name).await?;
    let Some(sink) = taking.decide(existing.as_ref()) else { return Ok(None) };
    tx.save_sink(&sink).await?;
    Ok(Some(sink))
}

/// Writes what has become of a message: [`SinkRepository::settle_sink`].
///
/// # Errors
/// The store is not available.
pub async fn settle<T: Tx>(tx: &mut T, settling: &Settling) -> Rows<Option<Sink>> {
    let existing = tx.lock_sink(&settling.name).await?;
    let Some(mut settled) = settling.decide(existing.as_ref()) else { return Ok(None) };
    match settled.letters {
        Some(LetterEffect::Died(letter)) => tx.insert_letter(&letter).await?,
        Some(LetterEffect::Gone(place)) => tx.remove_letter(&settling.name, place).await?,
        Some(LetterEffect::Stays(place, error)) => {
            if let Some(letter) = tx.letter(&settling.name, place).await? {
                let tries = letter.tries.saturating_add(1);
                tx.insert_letter(&DeadLetter { error, tries, again: false, ..letter }).await?;
            }
        }
        None => {}
    }
    if settling.step.is_again() {
        let query = LetterQuery { sink: settling.name.clone(), again: true, after: None, limit: 1 };
        settled.sink.progress.again = !tx.letters(&query).await?.is_empty();
    }
    tx.save_sink(&settled.sink).await?;
    Ok(Some(settled.sink))
}

/// Marks dead letters to be sent again: [`SinkRepository::resend_letters`].
///
/// # Errors
/// The store is not available.
pub async fn resend<T: Tx>(tx: &mut T, change: &LettersChange) -> Rows<Result<u64, SinkRefused>> {
    let existing = tx.lock_sink(&change.name).await?;
    let letters = match existing {
        Some(_) => tx.save_letters_again(&change.name, &change.places).await?,
        None => 0,
    };
    let (outcome, entry) = change.decide(existing.as_ref(), letters);
    if let Ok(sink) = &outcome {
        tx.save_sink(sink).await?;
    }
    tx.record(entry).await?;
    Ok(outcome.map(|_| letters))
}

#[async_trait]
impl<S: Transactional> SinkRepository for S {
    async fn sink(&self, name: SinkName) -> Result<Option<Sink>, StoreUnavailable> {
        run!(self.read, (name), |tx| tx.sink(&name)).await
    }

    async fn sinks(&self) -> Result<Vec<Sink>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.sinks()).await
    }

    async fn change_sink(&self, wanted: SinkChange) -> Result<Sink, SinkChangeError> {
        let done: Rows<_> = run!(self.write, (wanted), |tx| change(tx, &wanted)).await;
        Ok(done??)
    }

    async fn reseal_sink(&self, resealing: SinkResealing) -> Result<bool, StoreUnavailable> {
        run!(self.write, (resealing), |tx| reseal(tx, &resealing)).await
    }

    async fn take_sink(&self, taking: Taking) -> Result<Option<Sink>, StoreUnavailable> {
        run!(self.write, (taking), |tx| take(tx, &taking)).await
    }

    async fn settle_sink(&self, settling: Settling) -> Result<Option<Sink>, StoreUnavailable> {
        run!(self.write, (settling), |tx| settle(tx, &settling)).await
    }

    async fn dead_letters(&self, query: LetterQuery) -> Result<Vec<DeadLetter>, StoreUnavailable> {
        run!(self.read, (query), |tx| tx.letters(&query)).await
    }

    async fn count_dead_letters(&self) -> Result<Vec<(SinkName, u64)>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.count_letters()).await
    }

    async fn resend_letters(&self, wanted: LettersChange) -> Result<u64, SinkChangeError> {
        let done: Rows<_> = run!(self.write, (wanted), |tx| resend(tx, &wanted)).await;
        Ok(done??)
    }
}
