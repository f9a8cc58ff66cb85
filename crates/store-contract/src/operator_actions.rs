//! Operator actions, each whole or not at all: [`flightdeck_domain::ports::OperatorActions`].

use flightdeck_domain::action::{
    ActionName, ActionRefused, Committed, FleetIntervention, Intervention, OperatorAction,
};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::command::{Command, CommandKind};
use flightdeck_domain::feed::{FleetEventDraft, FleetEventKind};
use flightdeck_domain::ids::{AuditSeq, CommandSeq};
use flightdeck_domain::ports::{OperatorActionError, OperatorActions, RegisterError, SessionFilter};
use flightdeck_domain::session::{DesiredStatus, RegistrationRefused, Session, SessionStatus};

use crate::given::{action, actor, at, by, child, fleet, inject, messages, observation, registration, session_id};
use crate::state::State;
use crate::steps::{
    append, audit, commit, conversation, feed, feed_after, feed_head, newest_entry, observe, of_kind, pending,
    register, run_by, session, sessions, together, verify,
};
use crate::{Harness, Store};

async fn refused(store: &dyn Store, action: OperatorAction) -> ActionRefused {
    match OperatorActions::commit(store, action).await.expect_err("a rule forbids it") {
        OperatorActionError::Refused(refused) => refused,
        error => panic!("{error:?}"),
    }
}

/// Commits, and sees that all of what the rule gives back was written, and nothing else.
async fn committed_whole(store: &dyn Store, action: OperatorAction) -> Committed {
    let n_before = conversation(store, 1).await.len();
    let commands_before = pending(store, 1).await.len();
    let head = feed_head(store).await;
    let decision = action.decide(Some(&session(store, 1).await), &[]);
    let effects = decision.outcome.expect("the rule allows it");

    let done = OperatorActions::commit(store, action).await.expect("accepted");
    assert_eq!((&done.session, &done.message, &done.command), (&effects.session, &effects.message, &effects.command));
    assert_eq!(session(store, 1).await, effects.session);
    assert_eq!(conversation(store, 1).await[n_before..], effects.message.into_iter().collect::<Vec<_>>());
    assert_eq!(pending(store, 1).await[commands_before..], effects.command.into_iter().collect::<Vec<_>>());
    let events = feed_after(store, head).await;
    let drafts = events.iter().zip(effects.events);
    let told: Vec<_> = drafts.map(|(event, draft)| draft.at_position(event.position)).collect();
    assert_eq!(events, told);
    let (entry, told) = (newest_entry(store).await, run_by(&done.session, decision.audit));
    assert_eq!((Some(entry.seq), entry.action, entry.outcome), (done.audit_seq, told.action, AuditOutcome::Accepted));
    assert_eq!((entry.details, entry.target), (told.details, told.target));
    done
}

/// Message, command, event and entry, all at once.
pub async fn an_inject_is_written_whole(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=2)).await;
    let done = committed_whole(&*store, action(1, inject(7))).await;
    assert_eq!(done.message.map(|message| message.seq.get()), Some(3));
    let done = committed_whole(&*store, action(1, inject(8))).await;
    assert_eq!((done.command.map(|command| command.seq.get()), done.audit_seq), (Some(2), Some(AuditSeq::new(2))));
}

/// The wish is written, and what was observed stays.
pub async fn pause_resume_and_kill_set_what_is_wanted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let steps = [
        (Intervention::Pause, DesiredStatus::Paused),
        (Intervention::Resume, DesiredStatus::Running),
        (Intervention::Kill, DesiredStatus::Killed),
    ];
    for (revision, (intervention, desired)) in (2..).zip(steps) {
        let session = committed_whole(&*store, action(1, intervention)).await.session;
        assert_eq!((session.desired_status, session.status), (desired, SessionStatus::Running));
        assert_eq!(session.revision, revision);
    }
}

/// A wish that is fulfilled already is on record, though nothing is left to do.
pub async fn what_is_so_already_has_an_entry_but_no_command(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let done = committed_whole(&*store, action(1, Intervention::Resume)).await;
    assert_eq!((done.command, done.session.revision, done.session.last_command_seq), (None, 1, CommandSeq::ZERO));
}

/// An action that a rule forbids writes its entry and nothing besides: on a session that ended, and on a dying one.
pub async fn a_refused_action_leaves_its_entry_alone(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    observe(&*store, observation(1, SessionStatus::Completed, 5)).await;
    commit(&*store, 2, Intervention::Kill).await;
    for n in [1, 2] {
        for intervention in [inject(7), Intervention::Pause, Intervention::Resume] {
            let action = action(n, intervention);
            let found = session(&*store, n).await;
            let expected = action.decide(Some(&found), &[]);
            let before = State::of(&*store).await;
            let count = audit(&*store).await.len();
            assert_eq!(Err(refused(&*store, action).await), expected.outcome);
            let entry = newest_entry(&*store).await;
            assert_eq!((entry.outcome, entry.details), (AuditOutcome::Refused, run_by(&found, expected.audit).details));
            assert_eq!(audit(&*store).await.len(), count + 1);
            assert_eq!(State::of(&*store).await.besides_audit(), before.besides_audit());
        }
    }
    assert!(verify(&*store).await.valid);
}

/// There need not be a session for a refusal to be on record.
pub async fn an_unknown_session_is_refused_on_record(harness: &dyn Harness) {
    let store = harness.store();
    let unknown = refused(&*store, action(9, Intervention::Kill)).await;
    assert_eq!(unknown, ActionRefused::UnknownSession(session_id(9)));
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.outcome, entry.target), (AuditOutcome::Refused, AuditTarget::Session(session_id(9))));
    assert_eq!(feed(&*store).await, []);
}

/// A refusal from before any session was looked at has its place on the chain as well.
pub async fn a_refusal_can_be_recorded_by_itself(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    commit(&*store, 1, Intervention::Pause).await;
    let before = State::of(&*store).await;
    let details = [("refusal".to_owned(), "the role viewer may not".to_owned())].into();
    let draft = by(2, 70).audit(ActionName::Kill, AuditTarget::Session(session_id(1)), AuditOutcome::Refused, details);
    assert_eq!(store.record(draft.clone()).await.expect("recorded"), AuditSeq::new(2));
    let (entry, draft) = (newest_entry(&*store).await, run_by(&session(&*store, 1).await, Some(draft)));
    assert_eq!((entry.actor, entry.details, entry.reason), (draft.actor, draft.details, draft.reason));
    assert_eq!(State::of(&*store).await.besides_audit(), before.besides_audit());
}

/// Two messages of one session cannot have one id, whoever writes them. The first stays, and the attempt is no success.
pub async fn an_inject_under_a_taken_id_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=2)).await;
    let before = State::of(&*store).await;
    OperatorActions::commit(&*store, action(1, inject(1))).await.expect_err("the id is taken");
    assert_eq!(State::of(&*store).await.besides_audit(), before.besides_audit());
    commit(&*store, 1, inject(3)).await;
    assert!(verify(&*store).await.valid);
}

/// What cannot be put on record does not happen, not even in part; later it can be done.
pub async fn an_action_without_its_entry_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    append(&*store, 1, messages(1..=2)).await;
    commit(&*store, 1, inject(3)).await;
    observe(&*store, observation(2, SessionStatus::Completed, 5)).await;
    let actions = || {
        let interventions = [inject(7), Intervention::Pause, Intervention::Resume, Intervention::Kill];
        interventions.map(|intervention| action(1, intervention))
    };
    let before = State::of(&*store).await;
    harness.break_audit().await;
    // The refusal of an action on an ended session needs its entry as well.
    for action in actions().into_iter().chain([action(2, Intervention::Kill)]) {
        let error = OperatorActions::commit(&*store, action).await.expect_err("no entry, no action");
        assert!(matches!(error, OperatorActionError::Unavailable(_)), "{error:?}");
        assert_eq!(State::of(&*store).await, before);
    }
    // What needs no entry works meanwhile.
    append(&*store, 1, messages(4..=5)).await;
    harness.mend_audit().await;
    for action in actions() {
        committed_whole(&*store, action).await;
    }
    assert!(verify(&*store).await.valid);
}

/// The same for the fleet: no session is hit, and the kill switch stays where it was.
pub async fn a_fleet_action_without_its_entry_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    for intervention in [FleetIntervention::KillAll, FleetIntervention::ReleaseKillSwitch] {
        store.commit_fleet(fleet(intervention)).await.expect_err("no entry, no action");
    }
    let details = std::collections::BTreeMap::new();
    let draft = by(1, 70).audit(ActionName::KillAll, AuditTarget::Fleet, AuditOutcome::Refused, details);
    store.record(draft).await.expect_err("no entry");
    assert_eq!(State::of(&*store).await, before);
    register(&*store, registration(2)).await;

    harness.mend_audit().await;
    assert_eq!(store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged").total, 2);
    harness.break_audit().await;
    store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect_err("no entry, no action");
    let refused = store.register(registration(3)).await.expect_err("still engaged");
    assert!(matches!(refused, RegisterError::Refused(RegistrationRefused::KillSwitchEngaged)), "{refused:?}");
}

/// Many operators on one session: each command, message and entry has a place of its own.
pub async fn racing_actions_have_dense_commands_and_a_good_chain(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let done = together(32, |n| {
        let store = harness.store();
        let intervention = if n % 2 == 0 { inject(n + 1) } else { Intervention::Pause };
        async move { commit(&*store, 1, intervention).await }
    })
    .await;
    let commands = pending(&*store, 1).await;
    let given = done.iter().filter(|done| done.command.is_some()).count();
    let seqs: Vec<u64> = commands.iter().map(|command| command.seq.get()).collect();
    assert_eq!(seqs, (1..=u64::try_from(given).expect("small")).collect::<Vec<_>>());
    assert_eq!((conversation(&*store, 1).await.len(), feed(&*store).await.len()), (16, 33));
    let result = verify(&*store).await;
    assert!(result.valid && result.entries == 32, "{result:?}");
    let mut places: Vec<u64> = done.iter().filter_map(|done| done.audit_seq).map(AuditSeq::get).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=32).collect::<Vec<_>>());
}

/// A fleet in which sessions are at work, being killed, lost and ended.
async fn mixed_fleet(store: &dyn Store) {
    for n in 1..=6 {
        register(store, if n == 1 { registration(1) } else { child(n, 1) }).await;
    }
    let statuses = [
        (2, SessionStatus::Paused),
        (3, SessionStatus::Lost),
        (4, SessionStatus::Completed),
        (5, SessionStatus::Killed),
    ];
    for (n, status) in statuses {
        observe(store, observation(n, status, n)).await;
    }
    commit(store, 6, Intervention::Kill).await;
}

/// Desired status and a command for each, lost and dying ones too; the ended are left in peace. One event, one entry.
pub async fn kill_all_hits_every_session_that_has_not_ended(harness: &dyn Harness) {
    let store = harness.store();
    mixed_fleet(&*store).await;
    let before = sessions(&*store, SessionFilter::default()).await;
    let (head, entries) = (feed_head(&*store).await, audit(&*store).await.len());
    let done = store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");

    assert_eq!((done.total, done.audit_seq), (4, Some(AuditSeq::new(2))));
    let by = fleet(FleetIntervention::KillAll).by;
    for (before, after) in before.into_iter().zip(sessions(&*store, SessionFilter::default()).await) {
        if before.status.is_terminal() {
            assert_eq!(after, before);
            continue;
        }
        let dying = before.desired_status == DesiredStatus::Killed;
        let expected = Session {
            desired_status: DesiredStatus::Killed,
            revision: before.revision + u64::from(!dying),
            last_command_seq: before.last_command_seq.next(),
            ..before
        };
        assert_eq!(after, expected);
        let commands = store_commands(&*store, &after).await;
        let newest = commands.last().expect("a command");
        assert_eq!((newest.seq, newest.kind.clone()), (after.last_command_seq, CommandKind::Kill));
        assert_eq!((&newest.reason, newest.created_at), (&by.reason, by.at));
    }
    let events = feed_after(&*store, head).await;
    let expected = FleetEventDraft::kill_switch(true, 4, &actor(1), at(60)).at_position(events[0].position);
    assert_eq!(events, [expected]);
    assert_eq!(audit(&*store).await.len(), entries + 1);
    let entry = newest_entry(&*store).await;
    let told = fleet(FleetIntervention::KillAll).audit(4).expect("an entry");
    assert_eq!((entry.action, entry.target, entry.details), (ActionName::KillAll, AuditTarget::Fleet, told.details));
    assert!(verify(&*store).await.valid);
}

async fn store_commands(store: &dyn Store, session: &Session) -> Vec<Command> {
    let pending = store.pending(session.id, CommandSeq::ZERO, 100).await.expect("read");
    pending.expect("the session is there")
}

/// A second kill is another command and another entry, and no new revision: nothing was changed by it.
pub async fn killing_all_again_hits_the_same_again(harness: &dyn Harness) {
    let store = harness.store();
    mixed_fleet(&*store).await;
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
    let before = session(&*store, 1).await;
    let again = store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged already");
    assert_eq!((again.total, again.audit_seq), (4, Some(AuditSeq::new(3))));
    let after = session(&*store, 1).await;
    assert_eq!(after, Session { last_command_seq: before.last_command_seq.next(), ..before });
    assert_eq!(pending(&*store, 1).await.len(), 2);
}

/// What was killed stays killed; only the fence is gone.
pub async fn releasing_the_kill_switch_touches_no_session(harness: &dyn Harness) {
    let store = harness.store();
    mixed_fleet(&*store).await;
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
    let before = sessions(&*store, SessionFilter::default()).await;
    let head = feed_head(&*store).await;
    let done = store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    assert_eq!((done.total, done.audit_seq), (0, Some(AuditSeq::new(3))));
    assert_eq!(sessions(&*store, SessionFilter::default()).await, before);
    let events = feed_after(&*store, head).await;
    let expected = FleetEventDraft::kill_switch(false, 0, &actor(1), at(60)).at_position(events[0].position);
    assert_eq!(events, [expected]);
    assert_eq!(newest_entry(&*store).await.action, ActionName::KillSwitchRelease);
}

/// Of racing spawns, those before the switch are hit and those after it are refused; there is no third kind.
pub async fn no_racing_spawn_escapes_kill_all(harness: &dyn Harness) {
    let store = harness.store();
    let totals = together(32, |n| {
        let store = harness.store();
        async move {
            if n == 16 {
                return Some(store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged").total);
            }
            match store.register(registration(n + 1)).await {
                Ok(_) | Err(RegisterError::Refused(RegistrationRefused::KillSwitchEngaged)) => None,
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await;
    let all = sessions(&*store, SessionFilter::default()).await;
    assert!(all.iter().all(|session| session.desired_status == DesiredStatus::Killed));
    let total: u64 = totals.into_iter().flatten().sum();
    assert_eq!(usize::try_from(total).expect("small"), all.len());
    let events = feed(&*store).await;
    assert_eq!(of_kind(&events, FleetEventKind::KillSwitch)[0].position, events[events.len() - 1].position);
}
