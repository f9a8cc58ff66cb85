-- Which history of the deployment this is: another one after a restore to an earlier moment. No row before the first start.
CREATE TABLE epoch (
    only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    value INTEGER NOT NULL CHECK (value BETWEEN 0 AND 4294967295)
) STRICT;

-- What each server left here last, and remembers outside the database: a database that does not have it went back.
CREATE TABLE replica_marks (
    replica TEXT NOT NULL PRIMARY KEY,
    mark    BLOB NOT NULL CHECK (length(mark) = 16)
) STRICT, WITHOUT ROWID;
