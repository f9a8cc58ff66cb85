//! The audit log, page by page. Every reading of the log is recorded on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Has;
use crate::action::{ActionName, Origin};
use crate::audit::{AuditOutcome, AuditTarget, SealedAuditEntry};
use crate::ids::AuditSeq;
use crate::operator::Actor;
use crate::ports::{AuditFilter, AuditLog, Clock, OperatorActions, StoreUnavailable};
use crate::text::RequestId;

/// Who reads the audit log, and by which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReader {
    /// Who reads.
    pub actor: Actor,
    /// The request.
    pub request_id: RequestId,
}

/// Records readings of the audit log on the audit log.
#[derive(Clone)]
pub(super) struct Readings {
    actions: Arc<dyn OperatorActions>,
    clock: Arc<dyn Clock>,
}

impl Readings {
    pub(super) fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn OperatorActions> + Has<dyn Clock>,
    {
        Self { actions: ports.port(), clock: ports.port() }
    }

    /// Records a reading before anything is shown: a reading that cannot be recorded is refused.
    pub(super) async fn record(
        &self,
        reader: AuditReader,
        details: BTreeMap<String, String>,
    ) -> Result<AuditSeq, StoreUnavailable> {
        let AuditReader { actor, request_id } = reader;
        let by = Origin::new(actor, request_id).at(self.clock.now());
        self.actions
            .record(by.audit(ActionName::AuditRead, AuditTarget::AuditLog, AuditOutcome::Accepted, details))
            .await
    }
}

/// The details of a reading, in the words of the API.
pub(super) fn details<const N: usize>(read: &str, given: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    std::iter::once(("read".to_owned(), read.to_owned())).chain(given).collect()
}

/// Reads the audit log.
#[derive(Clone)]
pub struct ReadAudit {
    audit: Arc<dyn AuditLog>,
    readings: Readings,
}

impl ReadAudit {
    /// The most entries on one page.
    pub const MAX_LIMIT: usize = 1_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn OperatorActions> + Has<dyn AuditLog> + Has<dyn Clock>,
    {
        Self { audit: ports.port(), readings: Readings::new(ports) }
    }

    /// Gives a page, newest first, never longer than [`ReadAudit::MAX_LIMIT`]. The reading is recorded first; the page
    /// shows the log as it was before that.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        reader: AuditReader,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        let limit = limit.min(Self::MAX_LIMIT);
        let AuditFilter { session_id, subtree, actor, action, from, to } = &filter;
        let details = details(
            "page",
            [
                ("agentId", session_id.map(|id| id.to_string())),
                ("subtree", subtree.map(|id| id.to_string())),
                ("operator", actor.as_ref().map(ToString::to_string)),
                ("action", action.map(|action| action.as_str().to_owned())),
                ("from", from.map(|at| at.to_string())),
                ("to", to.map(|at| at.to_string())),
                ("before", before.map(|seq| seq.to_string())),
                ("limit", Some(limit.to_string())),
            ],
        );
        let own = self.readings.record(reader, details).await?;
        let before = before.map_or(own, |before| before.min(own));
        self.audit.page(filter, Some(before), limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session_id};
    use crate::use_cases::testing::{MockPorts, reader};

    #[tokio::test]
    async fn a_page_is_bounded_and_recorded_with_its_filter_before_it_is_read() {
        let mut mocks = MockPorts::default();
        let mut order = mockall::Sequence::new();
        let recorded = |draft: &crate::audit::AuditDraft| {
            let told = |name: &str| draft.details.get(name).map(String::as_str);
            draft.action == ActionName::AuditRead
                && draft.target == AuditTarget::AuditLog
                && draft.outcome == AuditOutcome::Accepted
                && draft.actor == reader().actor
                && told("read") == Some("page")
                && told("subtree") == Some("00000000-0000-0000-0000-000000000007")
                && told("from") == Some("2026-01-01T00:00:05.000000Z")
                && told("limit") == Some("1000")
                && !draft.details.contains_key("agentId")
        };
        mocks
            .actions
            .expect_record()
            .withf(recorded)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(AuditSeq::new(9)));
        mocks
            .audit
            .expect_page()
            .withf(|_, before, limit| *before == Some(AuditSeq::new(9)) && *limit == 1_000)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, _, _| Ok(vec![]));
        let read = ReadAudit::new(&mocks.ports());
        let filter = AuditFilter { subtree: Some(session_id(7)), from: Some(at(5)), ..AuditFilter::default() };
        assert!(read.execute(reader(), filter, None, usize::MAX).await.expect("answered").is_empty());
    }

    #[tokio::test]
    async fn a_place_before_the_reading_stays() {
        let mut mocks = MockPorts::default();
        mocks.actions.expect_record().returning(|_| Ok(AuditSeq::new(9)));
        mocks
            .audit
            .expect_page()
            .withf(|_, before, _| *before == Some(AuditSeq::new(4)))
            .returning(|_, _, _| Ok(vec![]));
        let read = ReadAudit::new(&mocks.ports());
        assert!(read.execute(reader(), AuditFilter::default(), Some(AuditSeq::new(4)), 5).await.is_ok());
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_is_not_shown() {
        let mut mocks = MockPorts::default();
        mocks.actions.expect_record().returning(|_| Err(StoreUnavailable::new("the disk is full")));
        mocks.audit.expect_page().never();
        let read = ReadAudit::new(&mocks.ports());
        assert!(read.execute(reader(), AuditFilter::default(), None, 5).await.is_err());
    }
}
