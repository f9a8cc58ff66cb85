//! The whole audit chain is proven.

use std::sync::Arc;

use super::Ports;
use crate::audit::{AuditProblem, AuditVerification, ChainVerifier};
use crate::ports::{AuditLog, StoreUnavailable};

/// Verifies the audit log.
#[derive(Clone)]
pub struct VerifyAudit {
    audit: Arc<dyn AuditLog>,
}

const PAGE: usize = 1_000;

impl VerifyAudit {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { audit: Arc::clone(&ports.audit) }
    }

    /// Walks the chain from its first entry to the head, a page at a time. Entries written meanwhile are left to the
    /// next call.
    ///
    /// # Errors
    /// The store is not available. A broken chain is no error but a result.
    pub async fn execute(&self) -> Result<AuditVerification, StoreUnavailable> {
        let head = self.audit.head().await?;
        let mut verifier = ChainVerifier::default();
        loop {
            let page = self.audit.walk(verifier.reached(), PAGE).await?;
            for entry in &page {
                if verifier.reached() == head.seq {
                    // An entry and the head that knows it are committed together: one without the other is forged.
                    let beyond = self.audit.head().await?.seq < entry.seq;
                    let forged = AuditProblem::Sequence { expected: head.seq.next(), found: entry.seq };
                    return Ok(if beyond { verifier.report(Some(forged)) } else { verifier.finish(head) });
                }
                if let Err(problem) = verifier.next(entry) {
                    return Ok(verifier.report(Some(problem)));
                }
            }
            if page.len() < PAGE {
                return Ok(verifier.finish(head));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditHead, SealedAuditEntry};
    use crate::fixtures::audit_draft;
    use crate::use_cases::testing::MockPorts;

    fn chain(length: usize) -> Vec<SealedAuditEntry> {
        let mut head = AuditHead::EMPTY;
        (0..length)
            .map(|_| {
                let sealed = audit_draft("why").seal(head);
                head = sealed.head();
                sealed
            })
            .collect()
    }

    /// Verifies stored entries against heads as they are read one after the other.
    async fn verify(entries: Vec<SealedAuditEntry>, heads: Vec<AuditHead>) -> AuditVerification {
        let mut mocks = MockPorts::default();
        let mut heads = heads.into_iter();
        let mut last = AuditHead::EMPTY;
        mocks.audit.expect_head().returning(move || {
            last = heads.next().unwrap_or(last);
            Ok(last)
        });
        mocks.audit.expect_walk().returning(move |after, limit| {
            Ok(entries.iter().filter(|entry| entry.seq > after).take(limit).cloned().collect())
        });
        VerifyAudit::new(&mocks.ports()).execute().await.expect("answered")
    }

    #[tokio::test]
    async fn a_clean_chain_of_several_pages_verifies() {
        let entries = chain(2_500);
        let head = entries[2_499].head();
        let result = verify(entries, vec![head]).await;
        assert!(result.valid && result.entries == 2_500, "{result:?}");
        assert!(verify(vec![], vec![AuditHead::EMPTY]).await.valid);
    }

    #[tokio::test]
    async fn an_entry_written_meanwhile_is_no_false_alarm() {
        let entries = chain(3);
        let heads = vec![entries[1].head(), entries[2].head()];
        assert!(verify(entries, heads).await.valid);
    }

    #[tokio::test]
    async fn truncation_and_an_entry_beyond_the_head_are_found() {
        let entries = chain(3);
        let (second, third) = (entries[1].head(), entries[2].head());
        let truncated = verify(entries[..2].to_vec(), vec![third]).await;
        assert_eq!(truncated.problem.as_deref(), Some("the chain ends at entry 2 and the head says entry 3"));
        assert!(!verify(entries, vec![second]).await.valid);
    }
}
