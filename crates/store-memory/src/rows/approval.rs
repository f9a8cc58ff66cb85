//! Permission requests.

use std::ops::Bound;

use flightdeck_domain::approval::Approval;
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::ports::{ApprovalCursor, ApprovalFilter, ApprovalQuery, ApprovalRows, Rows};
use flightdeck_domain::time::Timestamp;

use crate::state::{State, count};

impl State {
    fn open_of(&self, session: SessionId) -> impl Iterator<Item = &Approval> {
        let from = (session, ApprovalId::new(uuid::Uuid::nil()));
        let ids = self.undecided.range(from..).take_while(move |(at, _)| *at == session);
        ids.filter_map(|(_, id)| self.approvals.get(id))
    }

    fn asks(&self, filter: &ApprovalFilter, approval: &Approval) -> bool {
        let ApprovalFilter { session_id, subtree, missions, statuses } = filter;
        session_id.is_none_or(|id| approval.session_id == id)
            && (statuses.is_empty() || statuses.contains(&approval.status()))
            && missions.as_ref().is_none_or(|missions| self.is_of(missions, approval.session_id))
            && subtree.is_none_or(|top| self.upwards(approval.session_id).any(|session| session.id == top))
    }
}

impl ApprovalRows for State {
    async fn insert_approval(&mut self, approval: &Approval) -> Rows<bool> {
        if self.approvals.contains_key(&approval.id) {
            return Ok(false);
        }
        self.save_approval(approval).await?;
        Ok(true)
    }

    async fn approval(&mut self, id: ApprovalId) -> Rows<Option<Approval>> {
        Ok(self.approvals.get(&id).cloned())
    }

    async fn save_approval(&mut self, approval: &Approval) -> Rows<()> {
        self.change(Self::set_approval, approval.id, Some(approval.clone()));
        Ok(())
    }

    async fn open_approvals(&mut self, session: SessionId) -> Rows<Vec<Approval>> {
        Ok(self.open_of(session).cloned().collect())
    }

    async fn count_open_approvals(&mut self, session: SessionId) -> Rows<u64> {
        Ok(count(self.open_of(session).count()))
    }

    async fn due_approvals(&mut self, now: Timestamp, limit: usize) -> Rows<Vec<ApprovalId>> {
        let open = self.undecided.iter().filter_map(|(_, id)| self.approvals.get(id));
        let due = open.filter_map(|approval| Some((approval.expires_at.filter(|at| *at <= now)?, approval.id)));
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        Ok(due.into_iter().map(|(_, id)| id).take(limit).collect())
    }

    async fn approval_page(&mut self, query: &ApprovalQuery) -> Rows<(Vec<Approval>, Option<ApprovalCursor>)> {
        let end = query.before.map_or(Bound::Unbounded, |place| Bound::Excluded((place.opened_at, place.id)));
        let newest_first = self.by_opening.range((Bound::Unbounded, end)).rev();
        let mut found = newest_first
            .filter_map(|(_, id)| self.approvals.get(id))
            .filter(|approval| self.asks(&query.filter, approval));
        let page: Vec<Approval> = found.by_ref().take(query.limit).cloned().collect();
        let next = found.next().and(page.last());
        let next = next.map(|last| ApprovalCursor { opened_at: last.opened_at, id: last.id });
        Ok((page, next))
    }
}
