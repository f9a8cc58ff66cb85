-- The whole of Flightdeck in one PostgreSQL schema.
--
-- Conventions, as far as they can be those of the embedded store:
-- * moments are microseconds since 1970 in UTC. JSON is text: `jsonb` cannot hold the escape `\u0000` and would write
--   numbers in another form, and a retry of a message is compared with what is stored.
-- * CHECKs hold shapes (lengths, ranges). Words such as a status are checked when a row is read.
-- * No name of a schema: everything lies where `search_path` points.

-- Room on each page, so that the new version of a row stays beside the old one and no index is touched by an append.
CREATE TABLE sessions (
    id                  UUID    NOT NULL PRIMARY KEY,
    parent_id           UUID    REFERENCES sessions (id) CHECK (parent_id <> id),
    root_id             UUID    NOT NULL,
    status              TEXT    NOT NULL,
    desired_status      TEXT    NOT NULL,
    last_seq            BIGINT  NOT NULL CHECK (last_seq >= 0),
    last_command_seq    BIGINT  NOT NULL CHECK (last_command_seq >= 0),
    revision            BIGINT  NOT NULL CHECK (revision >= 0),
    spawned_at          BIGINT  NOT NULL,
    started_at          BIGINT,
    completed_at        BIGINT,
    last_seen_at        BIGINT,
    provider            TEXT    NOT NULL,
    provider_session_id TEXT,
    mission_id          TEXT,
    task_id             TEXT    NOT NULL,
    task_source         TEXT    NOT NULL,
    agent_type          TEXT    NOT NULL,
    status_reason       TEXT,
    gate_profile        TEXT,
    context             TEXT    NOT NULL,
    metadata            TEXT    NOT NULL
) WITH (fillfactor = 70);

-- Every list is newest first, so every index for a list ends in that order: no page is ever sorted.
CREATE INDEX sessions_newest ON sessions (spawned_at DESC, id DESC);
CREATE INDEX sessions_mission ON sessions (mission_id, spawned_at DESC, id DESC) WHERE mission_id IS NOT NULL;
CREATE INDEX sessions_status ON sessions (status, spawned_at DESC, id DESC);
CREATE INDEX sessions_provider ON sessions (provider, spawned_at DESC, id DESC);
-- Walks down the tree without touching the table.
CREATE INDEX sessions_parent ON sessions (parent_id, id);
-- What has not ended: few of many, after a while. A query may use these only where it repeats the condition word for word
-- (`OPEN` in `tables/sessions.rs`).
CREATE INDEX sessions_open ON sessions (spawned_at DESC, id DESC)
    WHERE status NOT IN ('completed', 'failed', 'killed');
CREATE INDEX sessions_open_provider ON sessions (provider, spawned_at DESC, id DESC)
    WHERE status NOT IN ('completed', 'failed', 'killed');

CREATE TABLE messages (
    session_id UUID   NOT NULL REFERENCES sessions (id),
    seq        BIGINT NOT NULL CHECK (seq > 0),
    id         UUID   NOT NULL,
    role       TEXT   NOT NULL,
    provider   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    metadata   TEXT   NOT NULL,
    content    TEXT   NOT NULL,
    PRIMARY KEY (session_id, seq)
);

-- The idempotency key of an append.
CREATE UNIQUE INDEX messages_id ON messages (session_id, id);

CREATE TABLE commands (
    session_id     UUID   NOT NULL REFERENCES sessions (id),
    seq            BIGINT NOT NULL CHECK (seq > 0),
    kind           TEXT   NOT NULL,
    -- Of an inject only.
    message_id     UUID,
    delivery       TEXT,
    reason         TEXT,
    receipt        TEXT   NOT NULL,
    receipt_reason TEXT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (session_id, seq)
);

-- What agents still have to do. The condition is repeated word for word in `tables/commands.rs`.
CREATE INDEX commands_pending ON commands (session_id, seq) WHERE receipt IN ('accepted', 'delivered');

-- No sequence gives the places: `feed_head` does, in commit order (ADR 5).
CREATE TABLE feed_events (
    position   BIGINT NOT NULL PRIMARY KEY CHECK (position > 0),
    kind       TEXT   NOT NULL,
    session_id UUID,
    at         BIGINT NOT NULL,
    data       TEXT   NOT NULL
);

-- The newest place of the feed. Locked late in each transaction that writes events, and until its end.
CREATE TABLE feed_head (
    single   SMALLINT NOT NULL PRIMARY KEY CHECK (single = 1),
    position BIGINT   NOT NULL CHECK (position >= 0)
) WITH (fillfactor = 10);

INSERT INTO feed_head (single, position) VALUES (1, 0);

-- No foreign key: an entry may tell of a session that never was.
CREATE TABLE audit_entries (
    seq        BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    hash       BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    -- Exactly what was hashed.
    bytes      BYTEA  NOT NULL,
    -- Copied out of the bytes, to find the entry by.
    action     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    session_id UUID
);

CREATE INDEX audit_entries_session ON audit_entries (session_id, seq) WHERE session_id IS NOT NULL;
CREATE INDEX audit_entries_actor ON audit_entries (actor, seq);
CREATE INDEX audit_entries_action ON audit_entries (action, seq);

-- Its argument says what was tried.
CREATE FUNCTION refuse_on_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: %', TG_ARGV[0];
END;
$$;

CREATE TRIGGER audit_entries_are_not_changed BEFORE UPDATE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_on_audit('an entry cannot be changed');
CREATE TRIGGER audit_entries_are_not_removed BEFORE DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_on_audit('an entry cannot be removed');
CREATE TRIGGER audit_entries_are_not_truncated BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_on_audit('its entries cannot be removed');

-- The end of the chain, beside the entries, so that a cut-off end is noticed.
CREATE TABLE audit_head (
    single SMALLINT NOT NULL PRIMARY KEY CHECK (single = 1),
    seq    BIGINT   NOT NULL CHECK (seq >= 0),
    hash   BYTEA    NOT NULL CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 10);

INSERT INTO audit_head (single, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.seq <> OLD.seq + 1)
    EXECUTE FUNCTION refuse_on_audit('its head moves one entry at a time');
CREATE TRIGGER audit_head_is_not_removed BEFORE DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION refuse_on_audit('its head cannot be removed');
CREATE TRIGGER audit_head_is_not_truncated BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_on_audit('its head cannot be removed');

CREATE TABLE api_keys (
    -- Ordered by its bytes, whatever language the server speaks.
    id          TEXT   COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    name        TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    -- No foreign key: a key may be given out before its session registers.
    bound_to    UUID,
    secret_hash BYTEA  NOT NULL CHECK (octet_length(secret_hash) = 32),
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT
);

CREATE TABLE fleet_state (
    single              SMALLINT NOT NULL PRIMARY KEY CHECK (single = 1),
    kill_switch_engaged BOOLEAN  NOT NULL
);

INSERT INTO fleet_state (single, kill_switch_engaged) VALUES (1, FALSE);
