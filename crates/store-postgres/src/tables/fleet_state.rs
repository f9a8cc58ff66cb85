//! What holds for the whole fleet: the kill switch.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::StoreError;
use crate::schema::fleet_state;

pub(crate) async fn kill_switch(connection: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    Ok(fleet_state::table.select(fleet_state::kill_switch_engaged).get_result(connection).await?)
}

pub(crate) async fn set_kill_switch(connection: &mut AsyncPgConnection, engaged: bool) -> Result<(), StoreError> {
    diesel::update(fleet_state::table).set(fleet_state::kill_switch_engaged.eq(engaged)).execute(connection).await?;
    Ok(())
}
