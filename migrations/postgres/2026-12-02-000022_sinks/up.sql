-- What must reach a person or a system outside. Credentials are sealed: the key is not in the database.

CREATE TABLE sinks (
    name        TEXT   COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 50),
    form        TEXT    NOT NULL,
    enabled     BOOLEAN NOT NULL,
    settings    TEXT    NOT NULL,
    filter      TEXT    NOT NULL,
    transcript  BOOLEAN NOT NULL,
    most_tries  BIGINT  NOT NULL CHECK (most_tries > 0),
    credentials TEXT    NOT NULL,
    revision    BIGINT  NOT NULL CHECK (revision > 0),
    changed_by  TEXT    NOT NULL,
    changed_at  BIGINT  NOT NULL,
    -- How far it is: cursor, tries, lease. Written as a whole, under the lock of the row.
    progress    TEXT    NOT NULL
);

-- Messages that did not arrive.
CREATE TABLE sink_letters (
    sink       TEXT   COLLATE "C" NOT NULL,
    place      BIGINT  NOT NULL CHECK (place >= 0),
    kind       TEXT   ,
    session_id UUID   ,
    tries      BIGINT  NOT NULL,
    error      TEXT    NOT NULL,
    died_at    BIGINT  NOT NULL,
    again      BOOLEAN NOT NULL,
    PRIMARY KEY (sink, place)
);

-- Those that are to be sent again.
CREATE INDEX sink_letters_again ON sink_letters (sink, place) WHERE again;
