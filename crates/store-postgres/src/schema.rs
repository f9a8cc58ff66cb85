//! The tables of `migrations/postgres`, as diesel knows them.

diesel::table! {
    sessions (id) {
        id -> Uuid,
        parent_id -> Nullable<Uuid>,
        root_id -> Uuid,
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
    }
}

diesel::table! {
    messages (session_id, seq) {
        session_id -> Uuid,
        seq -> BigInt,
        id -> Uuid,
        role -> Text,
        provider -> Text,
        created_at -> BigInt,
        metadata -> Text,
        content -> Text,
    }
}

diesel::table! {
    commands (session_id, seq) {
        session_id -> Uuid,
        seq -> BigInt,
        kind -> Text,
        message_id -> Nullable<Uuid>,
        delivery -> Nullable<Text>,
        reason -> Nullable<Text>,
        receipt -> Text,
        receipt_reason -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        message_seq -> Nullable<BigInt>,
    }
}

diesel::table! {
    approvals (id) {
        id -> Uuid,
        session_id -> Uuid,
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
    operations (id) {
        id -> Uuid,
        wish -> Text,
        scope -> Text,
        scope_session -> Nullable<Uuid>,
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
    operation_targets (operation_id, depth, session_id) {
        operation_id -> Uuid,
        depth -> BigInt,
        session_id -> Uuid,
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
    feed_events (position) {
        position -> BigInt,
        kind -> Text,
        session_id -> Nullable<Uuid>,
        at -> BigInt,
        data -> Text,
    }
}

diesel::table! {
    audit_entries (seq) {
        seq -> BigInt,
        hash -> Binary,
        bytes -> Binary,
        action -> Text,
        actor -> Text,
        at -> BigInt,
        session_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    audit_checkpoints (seq) {
        seq -> BigInt,
        hash -> Binary,
        at -> BigInt,
        key_id -> Binary,
        signature -> Binary,
    }
}

diesel::table! {
    audit_head (single) {
        single -> SmallInt,
        seq -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        name -> Text,
        role -> Text,
        bound_to -> Nullable<Uuid>,
        parent_id -> Nullable<Uuid>,
        mission_id -> Nullable<Text>,
        secret_hash -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
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
    idempotency_keys (actor, key) {
        actor -> Text,
        key -> Text,
        fingerprint -> Binary,
        at -> BigInt,
        audit_seq -> Nullable<BigInt>,
        message_seq -> Nullable<BigInt>,
        command_seq -> Nullable<BigInt>,
        operation_id -> Nullable<Uuid>,
        total -> BigInt,
    }
}

diesel::table! {
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
        last_session -> Nullable<Uuid>,
        max_cost -> Nullable<BigInt>,
        max_tokens -> Nullable<BigInt>,
        exhausted_at -> Nullable<BigInt>,
        enforced -> Bool,
    }
}

diesel::table! {
    fleet_state (single) {
        single -> SmallInt,
        kill_switch_engaged -> Bool,
    }
}

diesel::table! {
    epoch (single) {
        single -> SmallInt,
        value -> BigInt,
    }
}

diesel::table! {
    replica_marks (replica) {
        replica -> Text,
        mark -> Uuid,
    }
}
