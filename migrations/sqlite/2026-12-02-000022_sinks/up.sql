-- What must reach a person or a system outside. Credentials are sealed: the key is not in the database.

CREATE TABLE sinks (
    name        TEXT    NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 50),
    form        TEXT    NOT NULL,
    enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    settings    TEXT    NOT NULL,
    filter      TEXT    NOT NULL,
    transcript  INTEGER NOT NULL CHECK (transcript IN (0, 1)),
    most_tries  INTEGER NOT NULL CHECK (most_tries > 0),
    credentials TEXT    NOT NULL,
    revision    INTEGER NOT NULL CHECK (revision > 0),
    changed_by  TEXT    NOT NULL,
    changed_at  INTEGER NOT NULL,
    -- How far it is: cursor, tries, lease. Written as a whole, under the lock of the row.
    progress    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages that did not arrive.
CREATE TABLE sink_letters (
    sink       TEXT    NOT NULL,
    place      INTEGER NOT NULL CHECK (place >= 0),
    kind       TEXT   ,
    session_id BLOB    CHECK (length(session_id) = 16),
    tries      INTEGER NOT NULL,
    error      TEXT    NOT NULL,
    died_at    INTEGER NOT NULL,
    again      INTEGER NOT NULL CHECK (again IN (0, 1)),
    PRIMARY KEY (sink, place)
) STRICT, WITHOUT ROWID;

-- Those that are to be sent again.
CREATE INDEX sink_letters_again ON sink_letters (sink, place) WHERE again;
