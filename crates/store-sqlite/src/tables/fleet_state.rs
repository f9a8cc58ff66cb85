//! What holds for the whole fleet: the kill switch.

use diesel::prelude::*;

use crate::error::StoreError;
use crate::schema::fleet_state;

pub(crate) fn kill_switch(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let engaged: i64 = fleet_state::table.select(fleet_state::kill_switch_engaged).get_result(connection)?;
    Ok(engaged != 0)
}

pub(crate) fn set_kill_switch(connection: &mut SqliteConnection, engaged: bool) -> Result<(), StoreError> {
    diesel::update(fleet_state::table)
        .set(fleet_state::kill_switch_engaged.eq(i64::from(engaged)))
        .execute(connection)?;
    Ok(())
}
