//! What a group reads for its members.

use std::collections::HashMap;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::{Ancestor, Session};
use flightdeck_store_sql::tx::{heads, single, wholes};
use futures_util::future::try_join_all;

use crate::error::StoreError;
use crate::line::Line;

type Done<T> = Result<T, StoreError>;

/// How much of a session is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Facts {
    /// Without context and metadata.
    Head,
    All,
}

pub(super) async fn sessions(
    line: &Line,
    mut ids: Vec<SessionId>,
    facts: Facts,
    how: &'static str,
) -> Done<HashMap<SessionId, Session>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    sort(&mut ids);
    let mut line = line.another();
    let found = match facts {
        Facts::Head => heads(&mut line, &ids, how).await?,
        Facts::All => wholes(&mut line, &ids, how).await?,
    };
    Ok(found.into_iter().map(|session| (session.id, session)).collect())
}

pub(super) async fn ancestors(line: &Line, ids: Vec<SessionId>) -> Done<HashMap<SessionId, Vec<Ancestor>>> {
    let each = ids.into_iter().map(|id| {
        let mut line = line.another();
        async move { Ok::<_, StoreError>((id, single::upwards(&mut line, id).await?)) }
    });
    Ok(try_join_all(each).await?.into_iter().collect())
}

pub(super) async fn switch(line: &Line, known: Option<bool>) -> Done<bool> {
    match known {
        Some(engaged) => Ok(engaged),
        None => Ok(single::kill_switch(&mut line.another()).await?),
    }
}

pub(super) fn sort(ids: &mut Vec<SessionId>) {
    ids.sort_unstable();
    ids.dedup();
}
