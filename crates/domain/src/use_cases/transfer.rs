//! Moves a whole deployment into an empty store.

use crate::audit::{AuditProblem, ChainVerifier};
use crate::ports::{StoreUnavailable, TransferHeads, TransferPage, TransferSource, TransferTarget};

/// Why nothing was moved. The target is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The target is not empty.
    #[error("the target is not empty: it holds {what}; a copy goes into an empty database only")]
    NotEmpty {
        /// The first records that were found.
        what: &'static str,
    },
    /// The copy was read back and differs from the current content of the source.
    #[error(
        "the {what} of the copy differ from those of the source, which was written to meanwhile; stop every server on it"
    )]
    Differs {
        /// The kind of the records that differ.
        what: &'static str,
    },
    /// The source's audit log is damaged, and a copy would hide when that happened.
    #[error("the audit log does not hold together, so it was not copied; see `flightdeck audit verify`")]
    Audit(#[source] AuditProblem),
    /// The source cannot be read.
    #[error("the source cannot be read")]
    Source(#[source] StoreUnavailable),
    /// The target cannot be written.
    #[error("the target cannot be written")]
    Target(#[source] StoreUnavailable),
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// How many records of each kind, by its name.
    pub counts: Vec<(&'static str, u64)>,
    /// The ends of the logs.
    pub heads: TransferHeads,
}

/// Moves a deployment.
///
/// What was written is read back from the target and compared with the *current* content of the source, record by
/// record, before the commit. So a change of the source in the meantime is noticed, and so is a store that gives back
/// something else than it was given.
#[derive(Debug)]
pub struct Transfer;

impl Transfer {
    /// Fills the target, or leaves it unchanged.
    ///
    /// # Errors
    /// Each [`TransferError`] says what to do about it.
    pub async fn execute(
        source: &mut dyn TransferSource,
        mut target: Box<dyn TransferTarget>,
    ) -> Result<Transferred, TransferError> {
        refuse_filled(target.as_mut()).await?;
        for kind in TransferPage::every_kind() {
            let mut page = source.following(&kind).await.map_err(TransferError::Source)?;
            while !page.is_empty() {
                target.put(&page).await.map_err(TransferError::Target)?;
                page = source.following(&page).await.map_err(TransferError::Source)?;
            }
        }
        let heads = source.heads().await.map_err(TransferError::Source)?;
        target.put_heads(&heads).await.map_err(TransferError::Target)?;
        source.look_again().await.map_err(TransferError::Source)?;
        let transferred = compare(source, target.as_mut()).await?;
        target.commit().await.map_err(TransferError::Target)?;
        Ok(transferred)
    }
}

async fn refuse_filled(target: &mut dyn TransferTarget) -> Result<(), TransferError> {
    for kind in TransferPage::every_kind() {
        let first = target.following(&kind).await.map_err(TransferError::Target)?;
        if !first.is_empty() {
            return Err(TransferError::NotEmpty { what: first.what() });
        }
    }
    match target.heads().await.map_err(TransferError::Target)? {
        TransferHeads::EMPTY => Ok(()),
        _ => Err(TransferError::NotEmpty { what: "the marks of events that were removed" }),
    }
}

/// Reads both from their beginnings.
async fn compare(
    source: &mut dyn TransferSource,
    target: &mut dyn TransferTarget,
) -> Result<Transferred, TransferError> {
    let mut counts = Vec::new();
    let mut chain = ChainVerifier::default();
    for kind in TransferPage::every_kind() {
        let what = kind.what();
        let mut count = 0;
        let mut page = kind;
        loop {
            let wanted = source.following(&page).await.map_err(TransferError::Source)?;
            page = target.following(&page).await.map_err(TransferError::Target)?;
            if page != wanted {
                return Err(TransferError::Differs { what });
            }
            if page.is_empty() {
                break;
            }
            if let TransferPage::AuditEntries(entries) = &page {
                entries.iter().try_for_each(|entry| chain.next(entry)).map_err(TransferError::Audit)?;
            }
            count += u64::try_from(page.len()).unwrap_or(u64::MAX);
        }
        counts.push((what, count));
    }
    let wanted = source.heads().await.map_err(TransferError::Source)?;
    let heads = target.heads().await.map_err(TransferError::Target)?;
    chain.ends_at(wanted.audit).map_err(TransferError::Audit)?;
    if heads != wanted {
        return Err(TransferError::Differs { what: "heads" });
    }
    Ok(Transferred { counts, heads })
}

#[cfg(test)]
mod tests;
