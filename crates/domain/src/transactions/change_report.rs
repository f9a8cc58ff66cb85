//! Reports of what agents changed.

use async_trait::async_trait;

use super::run::run;
use crate::changes::{ChangeReport, Stretch};
use crate::ids::SessionId;
use crate::ports::{ChangeReportRows as _, ChangeReports, SaveReportError, StoreUnavailable, Transactional, Tx};

/// The turn of a row.
const fn turn(stretch: Stretch) -> u32 {
    match stretch {
        Stretch::Whole => 0,
        Stretch::Turn(turn) => turn,
    }
}

/// Keeps a report: [`ChangeReports::save_change_report`].
///
/// # Errors
/// There is no such session, it is archived, or the store is not available.
pub async fn save<T: Tx>(
    tx: &mut T,
    session: SessionId,
    stretch: Stretch,
    report: &ChangeReport,
) -> Result<(), SaveReportError> {
    tx.lock_head(session).await?.ok_or(SaveReportError::UnknownSession(session))?;
    if !tx.archived(&[session]).await?.is_empty() {
        return Err(SaveReportError::Archived(session));
    }
    let turn = turn(stretch);
    let there = tx.change_report(session, turn).await?;
    if there.is_some_and(|there| there.to_at > report.to_at) {
        return Ok(());
    }
    tx.save_change_report(session, turn, report).await?;
    let gone = turn.saturating_sub(ChangeReport::KEPT_TURNS);
    if gone > 0 {
        tx.remove_change_reports(session, 1..=gone).await?;
    }
    Ok(())
}

#[async_trait]
impl<S: Transactional> ChangeReports for S {
    async fn save_change_report(
        &self,
        session: SessionId,
        stretch: Stretch,
        report: ChangeReport,
    ) -> Result<(), SaveReportError> {
        run!(self.write, (session, stretch, report), |tx| save(tx, session, stretch, &report)).await
    }

    async fn change_report(
        &self,
        session: SessionId,
        stretch: Stretch,
    ) -> Result<Option<ChangeReport>, StoreUnavailable> {
        run!(self.read, (session, stretch), |tx| tx.change_report(session, turn(stretch))).await
    }
}
