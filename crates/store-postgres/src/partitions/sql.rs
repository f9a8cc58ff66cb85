//! The statements that put the messages into parts.
//!
//! They are sent as texts, each with the values in it, so that they work through a pooler. The values are numbers and ids
//! that PostgreSQL gave.

/// How many parts there are: each has its own indexes, and is vacuumed by itself.
const PARTS: u32 = 16;

/// Every column of a message, in the order of the table.
const COLUMNS: &str = "session_id, seq, id, role, provider, created_at, metadata, content";

/// Where things are. `old` is the table that was replaced.
pub(super) const LAYOUT: &str = "SELECT \
     (SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('messages')) AS parts, \
     to_regclass('messages_move') IS NOT NULL AS moving, to_regclass('messages_old') IS NOT NULL AS old, \
     (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass('messages')) AS estimate";

pub(super) const MOVE: &str = "SELECT phase, session_id, seq, done, estimate FROM messages_move";

/// The table in parts beside the other one, and what keeps it complete from here on: a trigger has each new row in both
/// tables, in one transaction. To make a trigger waits for all who write, so that what was written without it is seen by
/// the copy. Nothing else is done with messages than adding some; should that change, it is refused while they are moved.
pub(super) fn begin() -> Vec<String> {
    let mut all = vec![
        "CREATE TABLE messages_next (LIKE messages INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING STORAGE) \
             PARTITION BY HASH (session_id)"
            .to_owned(),
        "ALTER TABLE messages_next ADD CONSTRAINT messages_next_pkey PRIMARY KEY (session_id, seq)".to_owned(),
        "CREATE UNIQUE INDEX messages_next_id ON messages_next (session_id, id)".to_owned(),
    ];
    all.extend((0..PARTS).map(|part| {
        format!(
            "CREATE TABLE messages_part_{part} PARTITION OF messages_next FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        )
    }));
    all.extend([
        "CREATE TABLE messages_move (single SMALLINT NOT NULL PRIMARY KEY CHECK (single = 1), phase TEXT NOT NULL, \
             session_id UUID NOT NULL, seq BIGINT NOT NULL, done BIGINT NOT NULL, estimate BIGINT NOT NULL, \
             copied_at TIMESTAMPTZ)"
            .to_owned(),
        "INSERT INTO messages_move SELECT 1, 'copy', '00000000-0000-0000-0000-000000000000', 0, 0, \
             (SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'messages'::regclass)"
            .to_owned(),
        format!(
            "CREATE FUNCTION messages_follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO messages_next ({COLUMNS}) SELECT {COLUMNS} FROM added ON CONFLICT DO NOTHING; \
                 RETURN NULL; END; $$"
        ),
        "CREATE FUNCTION messages_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'messages are being moved: none can be changed or removed'; END; $$"
            .to_owned(),
        "CREATE TRIGGER messages_follow AFTER INSERT ON messages REFERENCING NEW TABLE AS added \
             FOR EACH STATEMENT EXECUTE FUNCTION messages_follow()"
            .to_owned(),
        "CREATE TRIGGER messages_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON messages \
             FOR EACH STATEMENT EXECUTE FUNCTION messages_stay()"
            .to_owned(),
    ]);
    all
}

/// A stretch of the messages in the order of their keys: behind one place, up to another or to the end.
pub(super) struct Stretch {
    pub(super) after: (String, i64),
    pub(super) upto: Option<(String, i64)>,
}

impl Stretch {
    fn condition(&self) -> String {
        let key = |(session, seq): &(String, i64)| format!("('{session}'::uuid, {seq})");
        let upto = self.upto.as_ref().map(|upto| format!(" AND (session_id, seq) <= {}", key(upto)));
        format!("(session_id, seq) > {}{}", key(&self.after), upto.unwrap_or_default())
    }

    /// Its end when it has at most so many rows; no row when fewer are left.
    pub(super) fn end(after: &(String, i64), rows: u32) -> String {
        let stretch = Self { after: after.clone(), upto: None };
        let skipped = rows.saturating_sub(1);
        let condition = stretch.condition();
        format!(
            "SELECT session_id, seq FROM messages WHERE {condition} ORDER BY session_id, seq OFFSET {skipped} LIMIT 1"
        )
    }

    /// What was added since the move began is there already.
    pub(super) fn copy(&self) -> String {
        let condition = self.condition();
        format!(
            "INSERT INTO messages_next ({COLUMNS}) SELECT {COLUMNS} FROM messages WHERE {condition} \
             ORDER BY session_id, seq ON CONFLICT DO NOTHING"
        )
    }

    /// One statement, which sees one moment: each row, whole, is in both tables or in none. The sum is of the texts of the
    /// rows.
    pub(super) fn compare(&self) -> String {
        let sums = |table: &str| {
            let condition = self.condition();
            format!(
                "(SELECT count(*) AS rows, sum(hashtextextended(row::text, 0)::numeric) AS sum \
                  FROM (SELECT {COLUMNS} FROM {table} WHERE {condition} ORDER BY session_id, seq) AS row)"
            )
        };
        let (one, other) = (sums("messages"), sums("messages_next"));
        format!(
            "SELECT here.rows, here.rows = there.rows AND here.sum IS NOT DISTINCT FROM there.sum AS same \
             FROM {one} AS here, {other} AS there"
        )
    }
}

/// Notes how far the copy or the comparison is.
pub(super) fn advance((session, seq): &(String, i64), rows: i64) -> String {
    format!("UPDATE messages_move SET session_id = '{session}', seq = {seq}, done = done + {rows}")
}

/// Begins the next phase.
pub(super) fn turn_to(phase: &str) -> String {
    format!(
        "UPDATE messages_move SET phase = '{phase}', session_id = '00000000-0000-0000-0000-000000000000', seq = 0, done = 0, \
             copied_at = clock_timestamp()"
    )
}

/// Transactions that began before the copy was complete: one that reads as of an earlier moment would miss in the new table
/// what was copied later. Those of other users are not seen, but programs such as `pg_dump` lock what they read at once.
pub(super) const OLD_TRANSACTIONS: &str = "SELECT count(*) AS count FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
         AND xact_start < (SELECT copied_at FROM messages_move)";

/// Whether the new table still has the shape of the other one, and has got everything.
pub(super) const IS_READY: &str = "SELECT \
     (SELECT array_agg((attname, atttypid, attnotnull)::text ORDER BY attnum) FROM pg_attribute \
         WHERE attrelid = 'messages'::regclass AND attnum > 0 AND NOT attisdropped) \
     = (SELECT array_agg((attname, atttypid, attnotnull)::text ORDER BY attnum) FROM pg_attribute \
         WHERE attrelid = 'messages_next'::regclass AND attnum > 0 AND NOT attisdropped) \
     AND (SELECT count(*) = 2 FROM pg_trigger WHERE tgrelid = 'messages'::regclass AND tgenabled = 'O' \
         AND tgname IN ('messages_follow', 'messages_stay')) AS ready";

/// Whoever writes waits for this, and whoever reads.
pub(super) const LOCK: &str = "LOCK TABLE messages, messages_next IN ACCESS EXCLUSIVE MODE";

/// The new table gets the name of the other one, with what others were granted.
pub(super) const SWITCH: &[&str] = &[
    "DO $$ DECLARE granted record; BEGIN \
         FOR granted IN SELECT privilege_type AS what, \
             CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS whom \
             FROM pg_class, aclexplode(relacl) WHERE oid = 'messages'::regclass AND grantee <> relowner \
         LOOP EXECUTE format('GRANT %s ON messages_next TO %s', granted.what, granted.whom); END LOOP; END $$",
    "DROP TRIGGER messages_follow ON messages",
    "DROP TRIGGER messages_stay ON messages",
    "DROP FUNCTION messages_follow()",
    "DROP FUNCTION messages_stay()",
    "ALTER TABLE messages RENAME TO messages_old",
    "ALTER INDEX messages_pkey RENAME TO messages_old_pkey",
    "ALTER INDEX messages_id RENAME TO messages_old_id",
    "ALTER TABLE messages_next RENAME TO messages",
    "ALTER INDEX messages_next_pkey RENAME TO messages_pkey",
    "ALTER INDEX messages_next_id RENAME TO messages_id",
    "DROP TABLE messages_move",
];

/// As if the move had never begun.
pub(super) const UNDO: &[&str] = &[
    "DROP TRIGGER IF EXISTS messages_follow ON messages",
    "DROP TRIGGER IF EXISTS messages_stay ON messages",
    "DROP FUNCTION IF EXISTS messages_follow()",
    "DROP FUNCTION IF EXISTS messages_stay()",
    "DROP TABLE messages_next",
    "DROP TABLE messages_move",
];

pub(super) const DROP_OLD: &str = "DROP TABLE messages_old";
