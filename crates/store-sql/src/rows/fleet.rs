//! The row of `fleet_state`.

use diesel::QueryableByName;

use crate::schema::fleet_state;
use crate::values::Flag;

/// Whether new sessions are refused.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = fleet_state)]
pub(crate) struct KillSwitchRow {
    kill_switch_engaged: Flag,
}

impl KillSwitchRow {
    pub(crate) const fn engaged(&self) -> bool {
        self.kill_switch_engaged.0
    }
}
