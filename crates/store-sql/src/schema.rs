//! The tables of `migrations/sqlite` and `migrations/postgres`, as diesel knows them.
//!
//! Both have the same tables with the same columns, and their ids and flags are those of [`crate::types`]. What differs:
//! - `sessions.replica` is in PostgreSQL alone: only a database that several servers share knows of replicas.
//! - The tables of one row have a key of their own in each database. No statement here names it, so they are declared by
//!   another column.
#![expect(missing_docs, reason = "a column is called what the domain calls its value")]

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Id;

    /// Sessions.
    sessions (id) {
        id -> Id,
        parent_id -> Nullable<Id>,
        root_id -> Id,
        status -> Text,
        desired_status -> Text,
        last_seq -> BigInt,
        last_command_seq -> BigInt,
        revision -> BigInt,
        spawned_at -> BigInt,
        started_at -> Nullable<BigInt>,
        completed_at -> Nullable<BigInt>,
        last_seen_at -> Nullable<BigInt>,
        provider -> Text,
        provider_session_id -> Nullable<Text>,
        replica -> Nullable<Text>,
        mission_id -> Nullable<Text>,
        task_id -> Text,
        task_source -> Text,
        agent_type -> Text,
        status_reason -> Nullable<Text>,
        gate_profile -> Nullable<Text>,
        context -> Text,
        metadata -> Text,
        lost_from -> Nullable<Text>,
        provider_config -> Nullable<Text>,
        provider_revision -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::types::Id;

    /// Conversations.
    messages (session_id, seq) {
        session_id -> Id,
        seq -> BigInt,
        id -> Id,
        role -> Text,
        provider -> Text,
        created_at -> BigInt,
        metadata -> Text,
        content -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Id;

    /// What operators want of sessions, and what became of it.
    commands (session_id, seq) {
        session_id -> Id,
        seq -> BigInt,
        kind -> Text,
        message_id -> Nullable<Id>,
        delivery -> Nullable<Text>,
        reason -> Nullable<Text>,
        receipt -> Text,
        receipt_reason -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        message_seq -> Nullable<BigInt>,
        choice -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Id;

    /// Permission requests.
    approvals (id) {
        id -> Id,
        session_id -> Id,
        status -> Text,
        title -> Text,
        options -> Text,
        opened_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        decided_option -> Nullable<Text>,
        decided_by -> Nullable<Text>,
        reason -> Nullable<Text>,
        expired_why -> Nullable<Text>,
        detail -> Text,
        answer -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Id;

    /// Wishes for one or many sessions.
    operations (id) {
        id -> Id,
        wish -> Text,
        scope -> Text,
        scope_session -> Nullable<Id>,
        scope_mission -> Nullable<Text>,
        actor -> Text,
        reason -> Nullable<Text>,
        requested_at -> BigInt,
        total -> BigInt,
        open -> BigInt,
        observed -> BigInt,
        ended -> BigInt,
        refused -> BigInt,
        superseded -> BigInt,
        completed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Id;

    /// The sessions of operations.
    operation_targets (operation_id, depth, session_id) {
        operation_id -> Id,
        depth -> BigInt,
        session_id -> Id,
        wish -> Text,
        command_seq -> Nullable<BigInt>,
        requested_at -> BigInt,
        acknowledged_at -> Nullable<BigInt>,
        observed_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        outcome_detail -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Id;

    /// The fleet feed.
    feed_events (position) {
        position -> BigInt,
        kind -> Text,
        session_id -> Nullable<Id>,
        at -> BigInt,
        data -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::types::Id;

    /// The audit log.
    audit_entries (seq) {
        seq -> BigInt,
        hash -> Binary,
        bytes -> Binary,
        action -> Text,
        actor -> Text,
        at -> BigInt,
        session_id -> Nullable<Id>,
    }
}

diesel::table! {
    /// Signed heads of the audit log.
    audit_checkpoints (seq) {
        seq -> BigInt,
        hash -> Binary,
        at -> BigInt,
        key_id -> Binary,
        signature -> Binary,
    }
}

diesel::table! {
    /// The end of the audit log: one row.
    audit_head (seq) {
        seq -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::types::Id;

    /// API keys.
    api_keys (id) {
        id -> Text,
        name -> Text,
        role -> Text,
        bound_to -> Nullable<Id>,
        parent_id -> Nullable<Id>,
        mission_id -> Nullable<Text>,
        missions -> Nullable<Text>,
        secret_hash -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// Logins of people.
    logins (id) {
        id -> Text,
        kind -> Text,
        key_id -> Text,
        secret_hash -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::types::Id;

    /// Control calls that were sent with a key.
    idempotency_keys (actor, key) {
        actor -> Text,
        key -> Text,
        fingerprint -> Binary,
        at -> BigInt,
        audit_seq -> Nullable<BigInt>,
        message_seq -> Nullable<BigInt>,
        command_seq -> Nullable<BigInt>,
        operation_id -> Nullable<Id>,
        total -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::{Flag, Id};

    /// Sums of usage, and budgets over them.
    accounts (scope, key) {
        scope -> Text,
        key -> Text,
        opened_at -> BigInt,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        cache_read_tokens -> BigInt,
        cache_write_tokens -> BigInt,
        cost -> BigInt,
        reports -> BigInt,
        priced_reports -> BigInt,
        last_session -> Nullable<Id>,
        max_cost -> Nullable<BigInt>,
        max_tokens -> Nullable<BigInt>,
        exhausted_at -> Nullable<BigInt>,
        enforced -> Flag,
        more -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::Flag;

    /// Configurations of providers.
    provider_configs (name) {
        name -> Text,
        kind -> Text,
        display_name -> Nullable<Text>,
        enabled -> Flag,
        settings -> Text,
        credentials -> Text,
        labels -> Text,
        at_once -> Nullable<BigInt>,
        max_cost -> Nullable<BigInt>,
        max_tokens -> Nullable<BigInt>,
        fail_after -> Nullable<BigInt>,
        requeue -> Flag,
        revision -> BigInt,
        changed_by -> Text,
        changed_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// Programs on other machines that run agents.
    runners (name) {
        name -> Text,
        instance -> Text,
        key_id -> Text,
        state -> Text,
        labels -> Text,
        offers -> Text,
        capacity -> BigInt,
        protocol -> BigInt,
        version -> Text,
        registered_at -> BigInt,
        seen_at -> BigInt,
        clock_ahead -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::{Flag, Id};

    /// Sessions whose agents runners start.
    assignments (session_id) {
        session_id -> Id,
        config -> Text,
        revision -> BigInt,
        offer -> Text,
        labels -> Text,
        settings -> Text,
        at_once -> Nullable<BigInt>,
        prompt -> Nullable<Text>,
        fail_after -> Nullable<BigInt>,
        requeue -> Flag,
        state -> Text,
        fence -> BigInt,
        runner -> Nullable<Text>,
        instance -> Nullable<Text>,
        leased_until -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::types::Flag;

    /// What must reach a person or a system outside.
    sinks (name) {
        name -> Text,
        form -> Text,
        enabled -> Flag,
        settings -> Text,
        filter -> Text,
        transcript -> Flag,
        most_tries -> BigInt,
        credentials -> Text,
        revision -> BigInt,
        changed_by -> Text,
        changed_at -> BigInt,
        progress -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::types::{Flag, Id};

    /// Messages of sinks that did not arrive.
    sink_letters (sink, place) {
        sink -> Text,
        place -> BigInt,
        kind -> Nullable<Text>,
        session_id -> Nullable<Id>,
        tries -> BigInt,
        error -> Text,
        died_at -> BigInt,
        again -> Flag,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};

    /// The rules of retention: one row.
    retention (one) {
        one -> BigInt,
        rules -> Text,
        revision -> BigInt,
        changed_by -> Nullable<Text>,
        changed_at -> Nullable<BigInt>,
        lease -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::types::Id;

    /// Sessions whose conversations are in the archive.
    archived_sessions (session_id) {
        session_id -> Id,
        archived_at -> BigInt,
        object -> Text,
        digest -> Text,
        bytes -> BigInt,
        messages -> BigInt,
        commands -> BigInt,
        manifest -> Text,
        removed_messages -> BigInt,
        removed_commands -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::types::Id;

    /// Reports of what agents changed.
    change_reports (session_id, turn) {
        session_id -> Id,
        turn -> BigInt,
        report -> Text,
    }
}

diesel::table! {
    use crate::types::Flag;

    /// What holds for the whole fleet: one row.
    fleet_state (kill_switch_engaged) {
        kill_switch_engaged -> Flag,
    }
}

diesel::table! {
    /// Which history of the deployment this is: one row, or none.
    epoch (value) {
        value -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::Text;
    use crate::types::Id;

    /// The marks that servers leave.
    replica_marks (replica) {
        replica -> Text,
        mark -> Id,
    }
}
