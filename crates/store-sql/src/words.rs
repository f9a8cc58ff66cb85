//! Where the two databases say the same thing in different words.

/// Which database is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// SQLite. It keeps no statistics here, and without them it may read a whole table to save a step: so statements that
    /// have to stay cheap name their index.
    Sqlite,
    /// PostgreSQL. It chooses the index by what it knows of the tables.
    Postgres,
}

impl Words {
    /// Names the index that a table is to be read by.
    #[must_use]
    pub fn by(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!("INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// Keeps other writers out of the rows that a `SELECT` gives, until the end of the transaction, and lets rows that refer
    /// to them be inserted. SQLite has one writer anyway.
    #[must_use]
    pub const fn lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// Asks how large the database is, in bytes, as `n`.
    #[must_use]
    pub const fn store_bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()",
            Self::Postgres => "SELECT pg_database_size(current_database()) AS n",
        }
    }

    /// One of the ids of a list, for [`crate::statement::Bind::Ids`].
    #[must_use]
    pub const fn in_list(self) -> &'static str {
        match self {
            Self::Sqlite => "IN (SELECT unhex(value) FROM json_each(?))",
            Self::Postgres => "= ANY(?)",
        }
    }

    /// The same list as a table `wanted` with a column `id`.
    #[must_use]
    pub const fn list(self) -> &'static str {
        match self {
            Self::Sqlite => "(SELECT unhex(value) AS id FROM json_each(?)) AS wanted",
            Self::Postgres => "unnest(?) AS wanted (id)",
        }
    }

    /// Deletes rows. What another transaction of PostgreSQL has its hands on is left to it.
    #[must_use]
    pub fn delete(self, table: &str, which: &str) -> String {
        match self {
            Self::Sqlite => format!("DELETE FROM {table} WHERE {which}"),
            Self::Postgres => format!(
                "DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {which} FOR UPDATE SKIP LOCKED)"
            ),
        }
    }

    /// The sum of a column, zero without rows. The sum of many of the greatest numbers there are is none of them:
    /// PostgreSQL has wider ones to add up in, and SQLite says that it has not.
    #[must_use]
    pub fn sum(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("coalesce(SUM({column}), 0) AS {column}"),
            Self::Postgres => format!("least(coalesce(SUM({column}), 0), {})::bigint AS {column}", i64::MAX),
        }
    }

    /// That a flag is not set, as the condition of an index says it.
    #[must_use]
    pub fn not(self, flag: &str) -> String {
        match self {
            Self::Sqlite => format!("{flag} = 0"),
            Self::Postgres => format!("NOT {flag}"),
        }
    }

    /// One of several statuses. A plus keeps SQLite from gathering each status by its index and sorting it all for one page.
    #[must_use]
    pub fn status_in(self, statuses: &[impl std::fmt::Display]) -> String {
        let words: Vec<String> = statuses.iter().map(|status| format!("'{status}'")).collect();
        let unindexed = match self {
            Self::Sqlite => "+",
            Self::Postgres => "",
        };
        format!(" AND {unindexed}status IN ({})", words.join(", "))
    }

    /// An id that is a row by itself; PostgreSQL wants to know the type of a value that stands alone.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Sqlite => "?",
            Self::Postgres => "?::uuid",
        }
    }

    /// The ids of a session and of all below it. It goes down the tree once; UNION keeps a damaged tree from running on.
    #[must_use]
    pub fn below(self) -> String {
        format!(
            "(WITH RECURSIVE below (id) AS ( \
             SELECT {} UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
         ) SELECT id FROM below)",
            self.id()
        )
    }

    /// A column of text in an order that is the same in every database.
    #[must_use]
    pub fn in_bytes(self, column: &str) -> String {
        match self {
            Self::Sqlite => column.to_owned(),
            Self::Postgres => format!("{column} COLLATE \"C\""),
        }
    }
}
