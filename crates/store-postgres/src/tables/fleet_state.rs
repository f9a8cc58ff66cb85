//! What holds for the whole fleet: the kill switch.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_store_sql::schema::fleet_state;
use flightdeck_store_sql::values::Flag;

use crate::error::StoreError;

pub(crate) async fn kill_switch(connection: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    let Flag(engaged) = fleet_state::table.select(fleet_state::kill_switch_engaged).get_result(connection).await?;
    Ok(engaged)
}

pub(crate) async fn set_kill_switch(connection: &mut AsyncPgConnection, engaged: bool) -> Result<(), StoreError> {
    diesel::update(fleet_state::table)
        .set(fleet_state::kill_switch_engaged.eq(Flag(engaged)))
        .execute(connection)
        .await?;
    Ok(())
}
