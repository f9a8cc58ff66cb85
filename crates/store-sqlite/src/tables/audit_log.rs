//! The audit log: its entries and its head.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use flightdeck_domain::audit::{AuditDraft, AuditHead, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::AuditFilter;
use flightdeck_store_sql::rows::audit::{AuditHeadRow, AuditRow, NewAuditRow, sound_prefix, the_head};
use flightdeck_store_sql::schema::{audit_entries, audit_head};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Key, integer};

use crate::error::StoreError;

/// Puts an entry at the end of the chain.
pub(crate) fn append(connection: &mut SqliteConnection, draft: AuditDraft) -> Result<AuditSeq, StoreError> {
    let sealed = draft.seal(head(connection)?);
    diesel::insert_into(audit_entries::table).values(&NewAuditRow::from(&sealed)).execute(connection)?;
    tables::audit_log::move_head(&sealed).execute(connection)?;
    Ok(sealed.seq)
}

/// The end of the chain.
pub(crate) fn head(connection: &mut SqliteConnection) -> Result<AuditHead, StoreError> {
    let rows = audit_head::table.select(AuditHeadRow::as_select()).limit(2).load(connection)?;
    the_head(rows).map_err(StoreError::Headless)
}

/// At most `limit` entries before a place, or from the end; newest first.
pub(crate) fn page(
    connection: &mut SqliteConnection,
    filter: &AuditFilter,
    before: Option<AuditSeq>,
    limit: usize,
) -> Result<Vec<SealedAuditEntry>, StoreError> {
    let mut wanted = audit_entries::table.into_boxed();
    if let Some(top) = &filter.subtree {
        // Goes down the tree once, then looks each session up; UNION keeps a damaged tree from running on.
        let below = sql::<Bool>(
            "session_id IN (WITH RECURSIVE below (id) AS ( \
                 SELECT ",
        )
        .bind::<types::Id, _>(top.key())
        .sql(
            " UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
             ) SELECT id FROM below)",
        );
        wanted = wanted.filter(below);
    }
    if let Some(from) = filter.from {
        wanted = wanted.filter(audit_entries::at.ge(from.as_micros()));
    }
    if let Some(to) = filter.to {
        wanted = wanted.filter(audit_entries::at.lt(to.as_micros()));
    }
    if let Some(session) = &filter.session_id {
        wanted = wanted.filter(audit_entries::session_id.eq(session.key()));
    }
    if let Some(actor) = &filter.actor {
        wanted = wanted.filter(audit_entries::actor.eq(actor.as_str()));
    }
    if let Some(action) = filter.action {
        wanted = wanted.filter(audit_entries::action.eq(action.as_str()));
    }
    if let Some(before) = before {
        wanted = wanted.filter(audit_entries::seq.lt(before.to_i64()));
    }
    let rows =
        wanted.order(audit_entries::seq.desc()).limit(integer(limit)).select(AuditRow::as_select()).load(connection)?;
    Ok(rows.into_iter().map(SealedAuditEntry::try_from).collect::<Result<_, _>>()?)
}

/// At most `limit` entries after a place, oldest first, up to the first that makes no sense.
pub(crate) fn walk(
    connection: &mut SqliteConnection,
    after: AuditSeq,
    limit: usize,
) -> Result<Vec<SealedAuditEntry>, StoreError> {
    let mut wanted = audit_entries::table.into_boxed();
    // From the beginning nothing is left out, not even what somebody put before the first entry.
    if after > AuditSeq::ZERO {
        wanted = wanted.filter(audit_entries::seq.gt(after.to_i64()));
    }
    let rows =
        wanted.order(audit_entries::seq.asc()).limit(integer(limit)).select(AuditRow::as_select()).load(connection)?;
    Ok(sound_prefix(rows, |row| row.seq)?)
}
