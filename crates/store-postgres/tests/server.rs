//! What only a real server shows, each test in a place of its own.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "what fails here fails the test")]

mod bench;
#[path = "server/groups.rs"]
mod groups;
#[path = "server/hang_ups.rs"]
mod hang_ups;
#[path = "server/opening.rs"]
mod opening;
#[path = "server/order.rs"]
mod order;
#[path = "server/pooler.rs"]
mod pooler;
#[path = "server/rows.rs"]
mod rows;
#[path = "server/trouble.rs"]
mod trouble;
#[path = "server/write_groups.rs"]
mod write_groups;

fn main() {
    let mut trials = cases! {
        groups:
            batches_that_queue_share_a_commit_and_each_stands_alone
            a_group_that_fails_is_tried_one_by_one
            a_lost_session_comes_back_out_of_a_group
            what_another_replica_did_is_never_overlooked
            who_repeats_is_looked_up_from_then_on
            replicas_share_one_dense_order;
        hang_ups:
            callers_that_hang_up_break_nothing;
        opening:
            replicas_that_start_at_once_migrate_once
            a_database_that_is_newer_is_left_alone
            a_missing_migration_makes_it_not_ready
            what_cannot_be_reached_is_said_without_the_password
            what_is_to_be_encrypted_is_never_sent_plainly
            it_works_on_a_runtime_of_one_thread
            a_caller_of_another_runtime_takes_no_connection_with_it
            two_deployments_share_a_database_and_not_a_lock;
        order:
            no_reader_misses_an_event_of_a_stalled_writer
            a_sequence_does_miss_events_of_a_stalled_writer
            places_have_no_gaps_after_a_rollback;
        rows:
            a_broken_row_is_an_error_that_names_it
            postgresql_itself_keeps_the_audit_log_append_only
            a_batch_beyond_the_limit_of_values_is_one_batch
            a_large_fleet_is_stopped_by_a_few_statements;
        trouble:
            a_deadlock_is_tried_again
            connections_that_the_server_ended_are_replaced
            a_statement_that_takes_too_long_fails_and_leaves_nothing
            the_limits_are_in_force;
        write_groups:
            writes_of_all_kinds_share_a_commit_and_each_stands_alone
            agents_that_obey_at_the_same_time_are_all_counted
            a_call_that_comes_twice_in_a_group_is_done_once
            a_member_that_the_database_refuses_takes_nobody_along
            replicas_that_write_everything_at_once_share_one_order;
    };
    trials.extend(pooler::trials());
    bench::main(trials, &libtest_mimic::Arguments::from_args());
}
