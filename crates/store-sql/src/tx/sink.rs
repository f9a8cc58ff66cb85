//! Sinks and their dead letters.

use flightdeck_domain::ports::{LetterQuery, Rows, SinkRows};
use flightdeck_domain::sink::{DeadLetter, Sink, SinkName};

use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::sink::{LetterRow, LettersRow, NewLetterRow, NewSinkRow, SinkRow};
use crate::schema::{sink_letters, sinks};
use crate::statement::{Bind, Prepared, Statement};
use crate::values::counted;

async fn one<C: Connection>(connection: &mut C, name: &SinkName, lock: &str) -> Done<Option<Sink>> {
    let sql = format!("SELECT {} FROM sinks WHERE name = ?{lock}", SinkRow::COLUMNS);
    connection.value::<SinkRow, _>(Prepared::new(sql, [Bind::Text(name.as_str())])).await
}

/// A sink, locked.
pub async fn lock_sink<C: Connection>(connection: &mut C, name: &SinkName) -> Done<Option<Sink>> {
    one(connection, name, C::WORDS.lock()).await
}

const fn word(flag: bool) -> &'static str {
    if flag { "TRUE" } else { "FALSE" }
}

impl<D: Dialect> SinkRows for SqlTx<D> {
    async fn insert_sink(&mut self, sink: &Sink) -> Rows<bool> {
        let row = NewSinkRow::from(sink);
        let insert = diesel::insert_into(sinks::table).values(&row).on_conflict_do_nothing();
        Ok(self.connection().run(insert).await? > 0)
    }

    async fn sink(&mut self, name: &SinkName) -> Rows<Option<Sink>> {
        Ok(one(self.connection(), name, "").await?)
    }

    async fn lock_sink(&mut self, name: &SinkName) -> Rows<Option<Sink>> {
        Ok(Dialect::lock_sink(&mut self.0, name).await?)
    }

    async fn sinks(&mut self) -> Rows<Vec<Sink>> {
        let order = Self::WORDS.in_bytes("name");
        let sql = format!("SELECT {} FROM sinks ORDER BY {order}", SinkRow::COLUMNS);
        Ok(self.connection().values::<SinkRow, _>(Prepared::new(sql, [])).await?)
    }

    async fn save_sink(&mut self, sink: &Sink) -> Rows<()> {
        let row = NewSinkRow::from(sink);
        let binds = [
            Bind::Text(&row.settings),
            Bind::Text(&row.filter),
            Bind::Integer(row.most_tries),
            Bind::Text(&row.credentials),
            Bind::Integer(row.revision),
            Bind::Text(row.changed_by),
            Bind::Integer(row.changed_at),
            Bind::Text(&row.progress),
            Bind::Text(sink.name.as_str()),
        ];
        let (enabled, transcript) = (word(sink.enabled), word(sink.transcript));
        let sql = format!(
            "UPDATE sinks SET enabled = {enabled}, transcript = {transcript}, settings = ?, filter = ?, most_tries = ?, \
             credentials = ?, revision = ?, changed_by = ?, changed_at = ?, progress = ? WHERE name = ?"
        );
        self.execute(Prepared::new(sql, binds)).await
    }

    async fn remove_sink(&mut self, name: &SinkName) -> Rows<()> {
        self.execute(Prepared::new("DELETE FROM sink_letters WHERE sink = ?", [Bind::Text(name.as_str())])).await?;
        self.execute(Prepared::new("DELETE FROM sinks WHERE name = ?", [Bind::Text(name.as_str())])).await
    }

    async fn insert_letter(&mut self, letter: &DeadLetter) -> Rows<()> {
        self.remove_letter(&letter.sink, letter.place).await?;
        let row = NewLetterRow::from(letter);
        self.connection().run(diesel::insert_into(sink_letters::table).values(&row)).await?;
        Ok(())
    }

    async fn letter(&mut self, sink: &SinkName, place: u64) -> Rows<Option<DeadLetter>> {
        let sql = format!("SELECT {} FROM sink_letters WHERE sink = ? AND place = ?", LetterRow::COLUMNS);
        let binds = [Bind::Text(sink.as_str()), Bind::Integer(counted(place))];
        Ok(self.connection().value::<LetterRow, _>(Prepared::new(sql, binds)).await?)
    }

    async fn letters(&mut self, query: &LetterQuery) -> Rows<Vec<DeadLetter>> {
        let mut wanted = Statement::begin(format!("SELECT {} FROM sink_letters WHERE sink = ?", LetterRow::COLUMNS))
            .bind(Bind::Text(query.sink.as_str()));
        if query.again {
            wanted = wanted.sql(" AND again");
        }
        if let Some(after) = query.after {
            wanted = wanted.sql(" AND place > ?").bind(Bind::Integer(counted(after)));
        }
        let limit = Bind::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX));
        let wanted = wanted.sql(" ORDER BY place LIMIT ?").bind(limit);
        Ok(self.connection().values::<LetterRow, _>(wanted).await?)
    }

    async fn count_letters(&mut self) -> Rows<Vec<(SinkName, u64)>> {
        let sql = "SELECT sink, COUNT(*) AS letters FROM sink_letters GROUP BY sink";
        let mut counts: Vec<(SinkName, u64)> =
            self.connection().values::<LettersRow, _>(Prepared::new(sql, [])).await?;
        counts.sort();
        Ok(counts)
    }

    async fn save_letters_again(&mut self, sink: &SinkName, places: &[u64]) -> Rows<u64> {
        let mut update = Statement::begin("UPDATE sink_letters SET again = TRUE WHERE sink = ?".to_owned())
            .bind(Bind::Text(sink.as_str()));
        if !places.is_empty() {
            update = update.sql(&format!(" AND place IN ({})", vec!["?"; places.len()].join(", ")));
            update = places.iter().fold(update, |update, place| update.bind(Bind::Integer(counted(*place))));
        }
        let number = self.connection().run(update).await?;
        Ok(u64::try_from(number).unwrap_or(u64::MAX))
    }

    async fn remove_letter(&mut self, sink: &SinkName, place: u64) -> Rows<()> {
        let binds = [Bind::Text(sink.as_str()), Bind::Integer(counted(place))];
        self.execute(Prepared::new("DELETE FROM sink_letters WHERE sink = ? AND place = ?", binds)).await
    }
}
