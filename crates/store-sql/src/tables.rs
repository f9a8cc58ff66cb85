//! What both databases are told in the same words, one file for each table.
//!
//! A store begins a statement, with the columns and the index that its database needs, and these go on with it. Nothing
//! here runs anything.

pub mod accounts;
pub mod approvals;
pub mod audit_log;
pub mod commands;
pub mod operation_targets;
pub mod operations;
pub mod sessions;
pub mod transfer;

/// Where the two databases say the same thing in different words.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    id: &'static str,
    unindexed: &'static str,
}

impl Words {
    /// A plus keeps SQLite from gathering each status by its index and sorting it all for one page.
    pub const SQLITE: Self = Self { id: "?", unindexed: "+" };
    /// PostgreSQL wants to know the type of a value that stands alone.
    pub const POSTGRES: Self = Self { id: "?::uuid", unindexed: "" };

    /// The ids of a session and of all below it. It goes down the tree once; UNION keeps a damaged tree from running on.
    fn below(self) -> String {
        format!(
            "(WITH RECURSIVE below (id) AS ( \
             SELECT {} UNION SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id \
         ) SELECT id FROM below)",
            self.id
        )
    }

    /// One of several statuses.
    fn status_in(self, statuses: &[impl std::fmt::Display]) -> String {
        let words: Vec<String> = statuses.iter().map(|status| format!("'{status}'")).collect();
        format!(" AND {}status IN ({})", self.unindexed, words.join(", "))
    }
}
