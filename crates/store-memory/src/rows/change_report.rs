//! Reports of changes.

use std::ops::RangeInclusive;

use flightdeck_domain::changes::ChangeReport;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{ChangeReportRows, Rows};

use crate::state::{State, put};

type Key = (SessionId, u32);

fn set_report(state: &mut State, key: Key, report: Option<ChangeReport>) -> Option<ChangeReport> {
    put(&mut state.change_reports, key, report)
}

impl ChangeReportRows for State {
    async fn change_report(&mut self, session: SessionId, turn: u32) -> Rows<Option<ChangeReport>> {
        Ok(self.change_reports.get(&(session, turn)).cloned())
    }

    async fn save_change_report(&mut self, session: SessionId, turn: u32, report: &ChangeReport) -> Rows<()> {
        self.change(set_report, (session, turn), Some(report.clone()));
        Ok(())
    }

    async fn remove_change_reports(&mut self, session: SessionId, turns: RangeInclusive<u32>) -> Rows<()> {
        let (first, last) = turns.into_inner();
        let keys: Vec<Key> =
            self.change_reports.range((session, first)..=(session, last)).map(|(key, _)| *key).collect();
        for key in keys {
            self.change(set_report, key, None);
        }
        Ok(())
    }
}
