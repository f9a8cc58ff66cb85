-- What agents changed in their folders, as those told it who see them: for the whole session (turn 0) and for each of its last
-- turns. Each report is JSON, at most 1 MiB.

CREATE TABLE change_reports (
    session_id BLOB    NOT NULL CHECK (length(session_id) = 16),
    turn       INTEGER NOT NULL CHECK (turn BETWEEN 0 AND 4294967295),
    report     TEXT    NOT NULL,
    PRIMARY KEY (session_id, turn)
) STRICT;
