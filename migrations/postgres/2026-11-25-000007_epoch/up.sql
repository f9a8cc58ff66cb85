-- Which history of the deployment this is: another one after a restore to an earlier moment. No row before the first start.
CREATE TABLE epoch (
    single SMALLINT NOT NULL PRIMARY KEY CHECK (single = 1),
    value  BIGINT   NOT NULL CHECK (value BETWEEN 0 AND 4294967295)
);

-- What each replica left here last, and remembers outside the database: a database that does not have it went back.
CREATE TABLE replica_marks (
    replica TEXT NOT NULL PRIMARY KEY,
    mark    UUID NOT NULL
);
