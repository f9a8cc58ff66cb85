//! The list of all cases, and the macros that make a test of each.

use std::future::Future;
use std::pin::Pin;

/// One case with the harness that it is to be run on, for a test program that lists its tests by itself. Made by
/// [`contract_cases!`](crate::contract_cases).
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `<file>::<case>`.
    pub name: &'static str,
    /// What it needs of a store: its file's noun first.
    pub nouns: &'static [&'static str],
    /// Makes a harness and runs the case; a broken promise is a panic. Needs tokio's multi-thread runtime.
    pub run: fn() -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Case {
    /// Whether a store that has these nouns has all that the case needs. They are the names of the suite's files, `action` for
    /// operator actions on one session and `fleet` for those on all. The cases of `session`, `message` and `audit` say what
    /// else they need; those of the other files need every port.
    #[must_use]
    pub fn is_about(&self, nouns: &[&str]) -> bool {
        self.nouns.iter().all(|noun| nouns.contains(noun))
    }
}

/// Makes one test of each case. Takes an expression that gives a fresh [`Harness`](crate::Harness); see the crate's
/// documentation.
#[macro_export]
macro_rules! contract_tests {
    ($harness:expr) => {
        $crate::__contract! { __tests $harness }
    };
}

/// Every case as a [`Case`], in a `Vec`: for a store whose tests can only be run where there is a server, and have to say
/// so where there is none. Takes the same expression as [`contract_tests!`](crate::contract_tests).
#[macro_export]
macro_rules! contract_cases {
    ($harness:expr) => {
        $crate::__contract! { __cases $harness }
    };
}

/// Makes one test of each case about data that outlives the store. Takes an expression that gives a fresh
/// [`DurableHarness`](crate::DurableHarness).
#[macro_export]
macro_rules! durability_tests {
    ($harness:expr) => {
        $crate::__durability! { __tests $harness }
    };
}

/// Every case about data that outlives the store as a [`Case`], in a `Vec`.
#[macro_export]
macro_rules! durability_cases {
    ($harness:expr) => {
        $crate::__durability! { __cases $harness }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __contract {
    ($form:ident $harness:expr) => {
        $crate::$form! {
            $harness;
            session:
                a_session_reads_back_as_the_rule_made_it
                a_spawn_is_on_the_feed_as_the_rule_made_it(feed)
                registering_again_is_harmless(action)
                other_facts_under_the_same_id_are_a_conflict
                one_of_many_racing_registrations_creates(feed)
                a_child_takes_root_and_mission_from_its_parent
                an_unknown_parent_is_refused
                a_loop_is_refused
                the_tree_has_a_floor
                nobody_is_born_paused
                nothing_spawns_below_a_killed_session
                nothing_spawns_below_a_dying_session(action)
                a_spawn_and_a_kill_above_it_never_pass_each_other(action feed)
                the_kill_switch_stops_spawns_until_it_is_released(fleet)
                heads_are_whole_but_for_context_and_metadata
                sessions_are_listed_newest_first
                pages_make_up_the_whole
                a_page_does_not_shift_when_a_session_registers
                every_filter_holds_alone_and_with_others
                filtered_pages_make_up_the_whole
                a_subtree_is_a_session_and_all_below_it
                the_feed_goes_on_where_a_page_ends(feed)
                a_racing_page_shows_exactly_what_the_feed_holds_up_to_it(feed)
                being_within_is_being_it_or_below_it
                a_change_of_status_is_written_whole
                a_change_of_status_is_told_once(feed)
                the_id_that_the_provider_has_is_kept_once_it_is_told
                a_lost_session_comes_back_by_reporting(action command)
                an_illegal_move_writes_nothing
                the_same_status_again_is_only_a_sign_of_life(feed)
                a_followed_kill_is_consumed_and_the_rest_undeliverable(action feed command)
                an_end_by_itself_leaves_a_kill_undeliverable(action command)
                one_of_many_racing_ends_counts(action feed)
                a_heartbeat_never_moves_the_time_back(feed)
                no_sign_of_life_moves_the_time_back
                a_heartbeat_tells_what_is_wanted(action command)
                a_report_tells_what_is_wanted(action command)
                an_unknown_session_is_told_as_such
                a_silent_session_is_lost_whole(feed)
                only_the_silent_are_lost
                no_more_are_lost_than_asked_for
                a_racing_heartbeat_always_wins(feed)
                a_heartbeat_brings_a_lost_session_back_to_what_it_was(feed)
                a_message_brings_a_lost_session_back
                a_retry_brings_a_lost_session_back
                a_refused_batch_brings_nobody_back
                a_lost_session_learns_what_is_wanted(action command);
            message:
                a_message_reads_back_as_it_was_written
                json_of_any_kind_reads_back_the_same
                a_large_message_and_a_large_batch_are_kept
                a_batch_keeps_its_order
                seqs_are_dense_under_racing_writers
                statuses_and_messages_share_one_dense_order(action)
                appending_again_gives_the_first_place
                one_of_many_racing_retries_creates
                another_body_is_a_conflict_and_nothing_is_written
                one_id_in_two_sessions_is_two_messages
                a_racing_reader_never_misses_a_message
                pages_forwards_make_up_the_whole
                a_page_of_large_messages_is_short
                pages_backwards_make_up_the_whole
                a_page_past_the_end_is_empty_and_knows_the_end
                an_ended_session_takes_exact_retries_only
                an_append_is_a_sign_of_life_and_tells_what_is_wanted(action command)
                an_append_is_no_event_of_the_fleet(feed)
                the_conversation_of_an_unknown_session_is_none
                many_ends_are_read_at_once;
            command:
                a_command_reads_back_as_the_rule_made_it
                commands_come_in_order_after_a_place
                a_command_comes_again_until_it_is_final
                a_receipt_that_moves_is_an_event
                acknowledging_again_or_late_is_harmless
                a_final_receipt_stays
                one_of_many_racing_final_receipts_stays
                an_unknown_command_is_told_as_such
                a_message_is_taken_back_before_it_arrives
                an_interrupt_drops_what_waits_only_when_told_to
                a_message_is_read_with_its_receipt
                the_receipts_of_a_session_are_followed_by_themselves;
            operator_actions:
                an_inject_is_written_whole
                pause_resume_and_kill_set_what_is_wanted
                what_is_so_already_has_an_entry_but_no_command
                a_refused_action_leaves_its_entry_alone
                an_unknown_session_is_refused_on_record
                a_refusal_can_be_recorded_by_itself
                an_inject_under_a_taken_id_changes_nothing
                an_action_without_its_entry_changes_nothing
                a_fleet_action_without_its_entry_changes_nothing
                racing_actions_have_dense_commands_and_a_good_chain
                kill_all_hits_every_session_that_has_not_ended
                killing_all_again_hits_the_same_again
                releasing_the_kill_switch_touches_no_session
                no_racing_spawn_escapes_kill_all;
            idempotency:
                the_same_key_is_done_once
                a_key_for_another_call_is_refused_on_record
                keys_of_others_are_their_own
                one_of_many_racing_calls_with_a_key_is_done
                a_refused_call_is_not_remembered
                a_key_is_new_again_after_a_day
                a_scoped_action_with_a_key_is_done_once
                a_fleet_action_with_a_key_is_done_once
                a_decision_with_a_key_is_made_once
                what_stops_agents_is_done_while_its_entry_lies_in_the_spool;
            approval:
                opening_a_request_makes_the_session_wait
                opening_again_is_harmless_and_another_body_is_a_conflict
                a_request_of_a_dead_or_unknown_session_writes_nothing
                an_answer_is_kept_with_the_decision
                of_many_racing_deciders_exactly_one_is_accepted
                what_was_not_offered_and_what_is_unknown_is_refused_on_record
                a_deadline_closes_a_request_once
                the_end_of_a_session_closes_its_open_requests_with_it
                the_last_decision_lets_the_session_go_on
                requests_are_listed_newest_first_in_pages_by_every_filter
                a_decision_without_its_entry_changes_nothing
                a_withdrawn_request_is_closed_and_the_last_one_lets_the_session_go_on
                withdrawing_again_or_late_writes_nothing
                of_a_racing_decision_and_withdrawal_one_counts;
            operation:
                a_wish_for_one_is_an_operation_of_one
                a_subtree_is_one_operation_with_one_entry
                targets_are_read_leaves_first
                a_mission_reaches_across_trees
                a_scope_of_nobody_is_refused_on_record
                a_scoped_action_without_its_entry_changes_nothing
                what_is_as_wished_is_observed_at_once
                a_status_that_is_not_the_wished_one_proves_nothing
                an_end_closes_what_is_open_at_a_session
                receipts_acknowledge_and_refuse
                an_interrupt_is_done_when_the_agent_says_so
                a_newer_wish_supersedes_an_older_one
                kill_all_is_an_operation_and_supersedes_the_rest
                operations_are_listed_newest_first
                operations_and_targets_are_listed_by_missions
                an_ended_session_is_a_fence_for_a_kill_below_it
                no_racing_child_escapes_the_kill_of_its_subtree
                of_a_thousand_races_with_a_kill_no_child_escapes
                racing_ends_complete_an_operation_once;
            audit:
                an_empty_log_has_an_empty_head
                an_entry_says_what_was_done(action)
                pages_make_up_the_log_newest_first(action fleet)
                every_filter_holds_alone_and_with_others(action)
                the_entries_of_a_subtree_are_those_of_every_session_in_it(action fleet)
                a_span_of_time_has_its_beginning_and_not_its_end(action)
                checkpoints_are_kept_in_order_and_never_replaced(action)
                a_walk_is_oldest_first(action)
                the_chain_holds_after_all_kinds_of_actions(action fleet api_key);
            feed:
                an_empty_feed_is_at_zero
                positions_rise_and_pages_make_up_the_feed
                an_event_reads_back_as_the_rule_made_it
                a_racing_reader_never_misses_an_event
                a_racing_head_is_never_ahead_of_what_can_be_read;
            epoch:
                an_epoch_is_renewed_by_whoever_knows_it
                one_of_many_racing_renewals_counts
                a_mark_is_exchanged_by_whoever_left_it;
            api_key:
                a_key_reads_back_as_it_was_made
                the_place_of_a_key_reads_back
                the_missions_of_a_key_read_back
                the_last_admin_key_is_kept_on_record
                of_admins_that_revoke_each_other_one_stays
                keys_are_listed_oldest_first
                making_and_ending_a_key_is_on_record
                revoking_twice_keeps_the_first_time
                an_unknown_key_is_told_as_such
                a_key_without_its_entry_is_not_made
                a_first_key_is_made_once
                a_key_is_not_ended_without_its_entry;
            provider_config:
                a_configuration_reads_back_as_it_was_made
                configurations_are_listed_by_name
                a_change_needs_the_revision_that_is_there
                one_of_many_racing_changes_is_done
                one_of_many_racing_first_ones_is_made
                changes_of_a_configuration_are_on_record
                a_change_without_its_entry_is_not_made
                credentials_are_sealed_anew_on_record_and_nothing_else_changes
                a_session_keeps_the_configuration_that_started_it;
            survey:
                the_fleet_is_counted_by_what_it_does(action approval operation feed)
                assignments_are_counted_by_their_state(runner)
                a_store_knows_its_size;
            runner:
                a_runner_reads_back_as_it_joined
                a_name_of_a_runner_is_not_taken_over
                one_of_many_racing_runners_joins
                changes_of_a_runner_are_on_record
                a_runner_is_not_changed_without_its_entry
                an_assignment_reads_back_as_it_was_made
                a_runner_is_given_what_it_can_start_oldest_first
                what_nobody_can_start_holds_up_nothing
                a_runner_that_drains_is_given_nothing
                racing_leases_give_each_assignment_once
                a_lapsed_lease_starts_nowhere_twice
                a_late_start_and_a_new_lease_exclude_each_other
                an_assignment_is_taken_back_before_its_start_or_not;
            sink:
                a_sink_reads_back_as_it_was_made
                sinks_are_listed_by_name_and_go_with_their_letters
                a_change_of_a_sink_needs_the_revision_that_is_there
                one_of_many_racing_first_sinks_is_made
                changes_of_a_sink_are_on_record
                a_sink_is_not_changed_without_its_entry
                of_racing_replicas_one_takes_a_sink
                the_cursor_and_the_dead_letter_are_written_together
                what_comes_with_an_older_token_is_not_written
                dead_letters_are_marked_on_record_and_go_when_they_are_sent
                the_credentials_of_a_sink_are_sealed_anew;
            retention:
                the_rules_read_back_and_a_change_needs_their_revision
                changes_of_the_rules_are_on_record
                the_rules_are_not_changed_without_their_entry
                of_racing_replicas_one_archives
                what_is_due_has_ended_with_all_below_it(session)
                due_sessions_come_in_pages(session)
                a_session_at_work_is_not_noted(session)
                rows_go_in_batches_after_the_note(session message action)
                an_archived_session_is_listed_as_before(session message)
                what_was_archived_is_put_back_as_it_was(session message action)
                the_feed_is_cut_and_keeps_its_end(session feed)
                the_feed_is_not_cut_past_a_sink(session feed sink);
            change_reports:
                a_report_of_changes_reads_back_as_it_was_told(session)
                of_two_reports_of_changes_the_later_one_stays(session)
                reports_on_old_turns_go(session)
                reports_of_changes_go_with_the_conversation(session message);
            usage:
                a_report_is_booked_on_the_session_its_subtrees_and_its_mission
                the_fleet_used_what_its_sessions_used
                a_message_that_comes_again_is_not_counted_again
                what_telemetry_has_told_of_is_not_counted_again
                a_refused_batch_is_not_booked
                of_racing_reports_each_counts_once
                a_session_without_reports_has_used_nothing
                a_mission_counts_its_sessions_by_status
                a_mission_is_there_from_its_first_session_or_its_budget_on
                missions_are_listed_newest_first_in_pages
                a_budget_is_set_on_record_and_read_back
                a_budget_of_nobody_is_refused_on_record
                a_budget_without_its_entry_is_not_set
                the_report_that_uses_a_budget_up_says_so_once
                a_budget_is_due_until_its_pause_was_asked_for
                the_pause_of_a_budget_is_told_in_each_conversation
                the_guard_is_switched_for_a_mission_on_record;
            usage_days:
                usage_is_summed_for_each_day_and_model
                usage_of_some_days_and_sessions_is_summed
                the_usage_of_a_day_stops_at_the_largest_number
                a_budget_over_a_day_is_used_up_on_each_day_anew
                a_warning_comes_before_a_budget_is_used_up
                the_usage_of_a_refused_batch_is_on_no_day;
            login:
                a_login_reads_back_as_it_was_made
                a_link_gives_one_session
                a_link_that_is_not_good_gives_nothing
                a_login_ends_once
                logging_in_and_out_is_on_record
                a_login_without_its_entry_is_not_made
                logins_that_are_long_over_are_forgotten;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __durability {
    ($form:ident $harness:expr) => {
        $crate::$form! {
            $harness;
            durability:
                everything_is_there_after_reopening
                every_count_goes_on_after_reopening
                the_kill_switch_stays_engaged_after_reopening
                an_operation_that_a_restart_cut_goes_on_to_its_end;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($harness:expr; $($file:ident: $($case:ident $(($($also:ident)*))?)*;)*) => {
        $(mod $file {
            #[allow(unused_imports, clippy::wildcard_imports, reason = "the harness is named as where the macro stands")]
            use super::*;

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                #[allow(unused_mut, reason = "only the cases that reopen the store change the harness")]
                let mut harness = $harness;
                $crate::$file::$case(&mut harness).await;
            })*
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($harness:expr; $($file:ident: $($case:ident $(($($also:ident)*))?)*;)*) => {
        vec![$($($crate::Case {
            name: concat!(stringify!($file), "::", stringify!($case)),
            nouns: &[stringify!($file) $($(, stringify!($also))*)?],
            run: || Box::pin(async {
                #[allow(unused_mut, reason = "only the cases that reopen the store change the harness")]
                let mut harness = $harness;
                $crate::$file::$case(&mut harness).await;
            }),
        },)*)*]
    };
}

#[cfg(test)]
mod tests {
    /// A case that is not in the list would never run.
    #[test]
    fn every_case_is_listed_once() {
        let list = include_str!("cases.rs");
        let sources = [
            include_str!("session/registration.rs"),
            include_str!("session/lease.rs"),
            include_str!("session/listing.rs"),
            include_str!("session/observation.rs"),
            include_str!("message.rs"),
            include_str!("message/reading.rs"),
            include_str!("command.rs"),
            include_str!("operation.rs"),
            include_str!("operation/listing.rs"),
            include_str!("operation/racing.rs"),
            include_str!("operator_actions.rs"),
            include_str!("idempotency.rs"),
            include_str!("approval.rs"),
            include_str!("approval/closing.rs"),
            include_str!("audit.rs"),
            include_str!("feed.rs"),
            include_str!("epoch.rs"),
            include_str!("api_key.rs"),
            include_str!("login.rs"),
            include_str!("provider_config.rs"),
            include_str!("runner.rs"),
            include_str!("survey.rs"),
            include_str!("sink.rs"),
            include_str!("retention.rs"),
            include_str!("change_reports.rs"),
            include_str!("durability.rs"),
            include_str!("usage.rs"),
            include_str!("usage_days.rs"),
        ];
        let cases = || sources.iter().flat_map(|source| source.lines()).filter_map(|l| l.strip_prefix("pub async fn "));
        for case in cases() {
            let name = case.split('(').next().expect("a name");
            let listed = list.lines().filter(|line| line.trim().split(['(', ';']).next() == Some(name)).count();
            let written = cases().filter(|case| case.split('(').next() == Some(name)).count();
            assert_eq!(listed, written, "{name}");
        }
    }
}
