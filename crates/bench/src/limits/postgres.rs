//! What PostgreSQL makes durable: one row a commit on many connections, and many rows in one statement on few.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls};

use super::rows::{Row, Rows};
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::number::{count, per_second};
use crate::stats::Samples;

const TABLE: &str = "
    DROP TABLE IF EXISTS flightdeck_bench_messages;
    CREATE TABLE flightdeck_bench_messages (
        session_id bytea NOT NULL,
        seq bigint NOT NULL,
        id bytea NOT NULL,
        role text NOT NULL,
        provider text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        metadata jsonb NOT NULL,
        content text NOT NULL,
        PRIMARY KEY (session_id, seq)
    );
    CREATE UNIQUE INDEX flightdeck_bench_messages_id ON flightdeck_bench_messages (session_id, id);";

const ONE: &str = "INSERT INTO flightdeck_bench_messages (session_id, seq, id, role, provider, metadata, content)
    VALUES ($1, $2, $3, 'assistant', 'internal', '{}', $4)";

const MANY: &str = "INSERT INTO flightdeck_bench_messages (session_id, seq, id, role, provider, metadata, content)
    SELECT s, q, i, 'assistant', 'internal', '{}', c FROM unnest($1, $2, $3, $4) AS t (s, q, i, c)";

fn failed(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> BenchError {
    move |source| BenchError::Postgres { what, source }
}

async fn connect(url: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(failed("cannot connect"))?;
    // It ends with its client; what goes wrong on it, the client's next call says.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(client)
}

/// Single rows on 64 connections, then groups of 100 and 1000 rows on one and on two.
pub(super) async fn measure(url: &str, span: Duration, figures: &mut Figures) -> Outcome<()> {
    for (connections, rows, name) in [
        (64, 1, "PostgreSQL, 1 row a commit, 64 connections"),
        (1, 100, "PostgreSQL, unnest of 100"),
        (1, 1_000, "PostgreSQL, unnest of 1000"),
        (2, 1_000, "PostgreSQL, unnest of 1000, 2 connections"),
    ] {
        let control = connect(url).await?;
        control.batch_execute(TABLE).await.map_err(failed("cannot make a table"))?;
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(connect(url).await?);
        }
        let begin = Instant::now();
        let mut writing = JoinSet::new();
        for (session, client) in (0_u32..).zip(clients) {
            writing.spawn_local(write(client, session, rows, begin + span));
        }
        let mut times = Samples::default();
        while let Some(done) = writing.join_next().await {
            times.take_in(&done.map_err(|error| BenchError::task(&error))??);
        }
        let (elapsed, times) = (begin.elapsed(), times.sorted());
        figures.add(name, "rows/s", per_second(times.len() * count(rows), elapsed));
        figures.add(format!("{name} p50"), "ms", times.p50());
        control.batch_execute("DROP TABLE flightdeck_bench_messages").await.map_err(failed("cannot drop a table"))?;
    }
    Ok(())
}

async fn write(client: Client, session: u32, rows: usize, until: Instant) -> Outcome<Samples> {
    let (mut source, mut times) = (Rows::of_session(session), Samples::default());
    let types = [Type::BYTEA_ARRAY, Type::INT8_ARRAY, Type::BYTEA_ARRAY, Type::TEXT_ARRAY];
    let statement = if rows == 1 { client.prepare(ONE).await } else { client.prepare_typed(MANY, &types).await };
    let statement = statement.map_err(failed("cannot prepare"))?;
    while Instant::now() < until {
        let batch = source.many(rows);
        let sent = Instant::now();
        let written = match batch.as_slice() {
            [row] => {
                let values: [&(dyn ToSql + Sync); 4] =
                    [&row.session.as_slice(), &row.seq, &row.id.as_slice(), &row.content];
                client.execute(&statement, &values).await
            }
            batch => {
                let sessions: Vec<&[u8]> = batch.iter().map(|row| row.session.as_slice()).collect();
                let seqs: Vec<i64> = batch.iter().map(|row| row.seq).collect();
                let ids: Vec<&[u8]> = batch.iter().map(|row: &Row| row.id.as_slice()).collect();
                let contents: Vec<&str> = batch.iter().map(|row| row.content.as_str()).collect();
                client.execute(&statement, &[&sessions, &seqs, &ids, &contents]).await
            }
        };
        written.map_err(failed("cannot insert"))?;
        times.add(sent.elapsed());
    }
    Ok(times)
}
