//! Every script, broken off at each of its operations.
//!
//! A transaction that fails, or hangs, at its n-th operation leaves the store as it was, whichever n that is; done again it
//! has one effect; and done once more with its key, none. Its operations come in the order that all scripts keep.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::action::{FleetAction, FleetIntervention, Intervention, OperatorAction};
use flightdeck_domain::approval::{ApprovalAction, ApprovalOption, Ask};
use flightdeck_domain::changes::Stretch;
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::{CommandSeq, FeedPosition, Seq};
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::operation::{Reach, ScopedAction, Wish};
use flightdeck_domain::ports::{StoreUnavailable, Transactional, Tx};
use flightdeck_domain::provider_config::Expected;
use flightdeck_domain::runner::RunnerWish;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::sink::Step;
use flightdeck_domain::text::{JsonObject, ProviderName};
use flightdeck_domain::transactions::{
    self, Break, Brittle, Fuse, Steps, api_key, approval, change_report, command, login, operator_actions,
    provider_config, retention, runner, session, sink, usage,
};
use flightdeck_domain::usage::AccountKey;
use serde_json::json;

use crate::Store;
use crate::approval::closing::{expiry, withdrawal};
use crate::approval::{ask, decision, open};
use crate::change_reports::report;
use crate::given::{
    action, at, by, child, fleet, inject, key, key_id, keyed, message, object, observation, operation_id, registration,
    scoped, session_id, text,
};
use crate::login::{id as login_id, link, login as session_login};
use crate::order;
use crate::provider_config::{remove, resealing, set};
use crate::retention::{note, set_rules, taking as keeping};
use crate::runner::{asks, assignment, joins, starts, wish};
use crate::session::lease::silence;
use crate::sink::{MADE, gives_up, letters, remove_sink, resealing_sink, set_sink, settling, taking};
use crate::state::State;
use crate::steps::{append, commit, observe, register, session as session_now, verify};
use crate::usage::budget;

/// Something that a script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A session registers below another.
    Register,
    /// The end of a session is observed, with commands, a request and targets of operations open at it.
    End,
    /// A lost session gives a sign of life.
    ComeBack,
    /// A session is lost.
    Lose,
    /// Messages come in, with usage, from a session below another.
    Append,
    /// A command is acknowledged.
    Acknowledge,
    /// A permission request is opened.
    Ask,
    /// It is decided.
    Decide,
    /// It is withdrawn.
    Withdraw,
    /// Its deadline passes.
    Expire,
    /// A budget is set.
    Budget,
    /// It is noted that its pause was asked for.
    Enforced,
    /// A key is made.
    CreateKey,
    /// A key is ended.
    RevokeKey,
    /// A configuration of a provider is changed.
    SetProvider,
    /// One is made.
    MakeProvider,
    /// One is removed.
    RemoveProvider,
    /// The credentials of one are sealed with another key.
    Reseal,
    /// A runner joins again.
    JoinRunner,
    /// A runner is told to drain.
    DrainRunner,
    /// A runner leases assignments.
    Lease,
    /// A runner confirms a start.
    StartAssignment,
    /// A sink is changed.
    SetSink,
    /// One is made.
    MakeSink,
    /// One is removed, with its dead letters.
    RemoveSink,
    /// The credentials of one are sealed with another key.
    ResealSink,
    /// A replica takes the lease of one.
    TakeSink,
    /// A message is given up.
    GiveUp,
    /// A dead letter is sent.
    SendLetter,
    /// Dead letters are to be sent again.
    Resend,
    /// Somebody tells what an agent changed, and an old turn goes.
    ReportChanges,
    /// The rules of retention are changed.
    SetRetention,
    /// A replica takes the lease of retention.
    TakeRetention,
    /// A session is noted as archived.
    NoteArchived,
    /// Rows of an archived session go.
    RemoveArchived,
    /// Rows of an archived session are put back.
    PutBack,
    /// The feed is cut.
    CutFeed,
    /// A link is used up.
    Redeem,
    /// A login ends.
    EndLogin,
    /// An operator says something.
    Inject,
    /// An operator kills one.
    Kill,
    /// An operator kills one that has ended, which is refused on record.
    KillEnded,
    /// An operator kills a subtree.
    KillSubtree,
    /// An operator pauses a mission.
    PauseMission,
    /// An operator kills all.
    KillAll,
    /// An operator releases the kill switch.
    Release,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 46] = [
        Self::Register,
        Self::End,
        Self::ComeBack,
        Self::Lose,
        Self::Append,
        Self::Acknowledge,
        Self::Ask,
        Self::Decide,
        Self::Withdraw,
        Self::Expire,
        Self::Budget,
        Self::Enforced,
        Self::CreateKey,
        Self::RevokeKey,
        Self::SetProvider,
        Self::MakeProvider,
        Self::RemoveProvider,
        Self::Reseal,
        Self::JoinRunner,
        Self::DrainRunner,
        Self::Lease,
        Self::StartAssignment,
        Self::SetSink,
        Self::MakeSink,
        Self::RemoveSink,
        Self::ResealSink,
        Self::TakeSink,
        Self::GiveUp,
        Self::SendLetter,
        Self::Resend,
        Self::ReportChanges,
        Self::SetRetention,
        Self::TakeRetention,
        Self::NoteArchived,
        Self::RemoveArchived,
        Self::PutBack,
        Self::CutFeed,
        Self::Redeem,
        Self::EndLogin,
        Self::Inject,
        Self::Kill,
        Self::KillEnded,
        Self::KillSubtree,
        Self::PauseMission,
        Self::KillAll,
        Self::Release,
    ];

    /// Whether the same call again changes nothing because of its key.
    pub(crate) const fn has_a_key(self) -> bool {
        matches!(
            self,
            Self::Decide
                | Self::Inject
                | Self::Kill
                | Self::KillSubtree
                | Self::PauseMission
                | Self::KillAll
                | Self::Release
        )
    }

    /// Whether it has an entry on the audit log.
    pub(crate) const fn is_on_record(self) -> bool {
        self.has_a_key()
            || matches!(
                self,
                Self::Budget
                    | Self::CreateKey
                    | Self::RevokeKey
                    | Self::SetProvider
                    | Self::MakeProvider
                    | Self::RemoveProvider
                    | Self::Reseal
                    | Self::DrainRunner
                    | Self::SetSink
                    | Self::MakeSink
                    | Self::RemoveSink
                    | Self::ResealSink
                    | Self::Resend
                    | Self::SetRetention
                    | Self::Redeem
                    | Self::EndLogin
                    | Self::KillEnded
            )
    }

    /// The script. A refusal that goes on record is an end like any other.
    async fn run<T: Tx>(self, tx: &mut T) -> Result<(), Stopped> {
        match self {
            Self::Register => session::register(tx, &child(9, 2)).await.map(drop).map_err(Stopped::by),
            Self::End => {
                let seen = observation(2, SessionStatus::Killed, 500);
                session::observe(tx, &seen).await.map(drop).map_err(Stopped::by)
            }
            Self::ComeBack => Ok(session::heartbeat(tx, session_id(3), at(600)).await.map(drop)?),
            Self::Lose => Ok(session::lose(tx, &[session_id(4)], &silence(400)).await.map(drop)?),
            Self::Append => {
                let batch = vec![used(700), message(701)];
                transactions::append(tx, session_id(2), batch, at(500)).await.map(drop).map_err(Stopped::by)
            }
            Self::Acknowledge => {
                let (id, seq, at) = (session_id(2), CommandSeq::new(1), at(500));
                command::acknowledge(tx, id, seq, Receipt::Consumed, at).await.map(drop).map_err(Stopped::by)
            }
            Self::Ask => approval::open(tx, &ask(2, 1)).await.map(drop).map_err(Stopped::by),
            Self::Decide => {
                let decision = ApprovalAction { by: keyed(1, 120, "k"), ..decision(1, ApprovalOption::AllowOnce, 1) };
                Ok(approval::decide(tx, &decision).await.map(drop)?)
            }
            Self::Withdraw => approval::withdraw(tx, &withdrawal(1, 120)).await.map(drop).map_err(Stopped::by),
            Self::Expire => Ok(approval::expire(tx, &expiry(1, 500)).await.map(drop)?),
            Self::Budget => {
                Ok(usage::set_budget(tx, &budget(AccountKey::Subtree(session_id(1)), 7, 500)).await.map(drop)?)
            }
            Self::Enforced => Ok(usage::enforced(tx, &AccountKey::Subtree(session_id(2)), at(300)).await?),
            Self::CreateKey => Ok(api_key::create(tx, &key(5), &by(1, 500)).await?),
            Self::RevokeKey => api_key::revoke(tx, &key_id(1), &by(1, 500)).await.map(drop).map_err(Stopped::by),
            Self::SetProvider => {
                let wanted = set("claude", Expected::Revision(1), 500);
                Ok(provider_config::change(tx, &wanted).await.map(drop)?)
            }
            Self::MakeProvider => {
                Ok(provider_config::change(tx, &set("other", Expected::Absent, 500)).await.map(drop)?)
            }
            Self::RemoveProvider => Ok(provider_config::change(tx, &remove("claude", 1, 500)).await.map(drop)?),
            Self::Reseal => Ok(provider_config::reseal(tx, &resealing("claude", 1, 500)).await.map(drop)?),
            Self::JoinRunner => runner::register(tx, &joins("a", 500)).await.map(drop).map_err(Stopped::by),
            Self::DrainRunner => Ok(runner::change(tx, &wish("a", RunnerWish::Drain, 500)).await.map(drop)?),
            Self::Lease => runner::lease(tx, &asks("a", 9, 500)).await.map(drop).map_err(Stopped::by),
            Self::StartAssignment => runner::start(tx, &starts("a", 1, 1, 500)).await.map(drop).map_err(Stopped::by),
            Self::SetSink => Ok(sink::change(tx, &set_sink("ops", Expected::Revision(1), 500)).await.map(drop)?),
            Self::MakeSink => Ok(sink::change(tx, &set_sink("other", Expected::Absent, 500)).await.map(drop)?),
            Self::RemoveSink => Ok(sink::change(tx, &remove_sink("ops", 1, 500)).await.map(drop)?),
            Self::ResealSink => Ok(sink::reseal(tx, &resealing_sink("ops", 1, 500)).await.map(drop)?),
            Self::TakeSink => Ok(sink::take(tx, &taking("ops", "r1", 500)).await.map(drop)?),
            Self::GiveUp => Ok(sink::settle(tx, &settling("ops", 1, gives_up(9), 500)).await.map(drop)?),
            Self::SendLetter => {
                let sent = Step::Resent { place: 8, sent: true };
                Ok(sink::settle(tx, &settling("ops", 1, sent, 500)).await.map(drop)?)
            }
            Self::Resend => Ok(sink::resend(tx, &letters("ops", &[], 500)).await.map(drop)?),
            Self::ReportChanges => {
                let (session, told) = (session_id(2), report(500));
                change_report::save(tx, session, Stretch::Turn(101), &told).await.map_err(Stopped::by)
            }
            Self::SetRetention => Ok(retention::change(tx, &set_rules(1, 500)).await.map(drop)?),
            Self::TakeRetention => Ok(retention::take(tx, &keeping("r1", 500)).await.map(drop)?),
            Self::NoteArchived => retention::note(tx, &note(5, 2, 0)).await.map(drop).map_err(Stopped::by),
            Self::RemoveArchived => Ok(retention::remove(tx, session_id(6)).await.map(drop)?),
            Self::PutBack => {
                let put = message(1).at_seq(Seq::new(1), session_id(7), ProviderName::internal());
                retention::put_back(tx, session_id(7), &[put], &[]).await.map_err(Stopped::by)
            }
            Self::CutFeed => Ok(retention::cut_feed(tx, FeedPosition::new(u64::MAX)).await.map(drop)?),
            Self::Redeem => login::redeem(tx, &login_id(1), &session_login(3), &by(1, 500)).await.map_err(Stopped::by),
            Self::EndLogin => Ok(login::end(tx, &login_id(2), &by(1, 500)).await.map(drop)?),
            Self::Inject => self.one(tx, 2, inject(800)).await,
            Self::Kill => self.one(tx, 2, Intervention::Kill).await,
            Self::KillEnded => self.one(tx, 5, Intervention::Kill).await,
            Self::KillSubtree => self.around(tx, Wish::Kill, Reach::Subtree).await,
            Self::PauseMission => self.around(tx, Wish::Pause, Reach::Mission).await,
            Self::KillAll => self.fleet(tx, FleetIntervention::KillAll).await,
            Self::Release => self.fleet(tx, FleetIntervention::ReleaseKillSwitch).await,
        }
    }

    async fn one<T: Tx>(self, tx: &mut T, n: u32, intervention: Intervention) -> Result<(), Stopped> {
        let operation = Some(operation_id(50)).filter(|_| Wish::of(&intervention).is_some());
        let action = OperatorAction { operation, by: keyed(1, 500, "k"), ..action(n, intervention) };
        Ok(operator_actions::commit(tx, &action).await.map(drop)?)
    }

    async fn around<T: Tx>(self, tx: &mut T, wish: Wish, reach: Reach) -> Result<(), Stopped> {
        let action = ScopedAction { by: keyed(1, 500, "k"), ..scoped(50, 1, wish, reach) };
        Ok(operator_actions::commit_scoped(tx, &action).await.map(drop)?)
    }

    async fn fleet<T: Tx>(self, tx: &mut T, intervention: FleetIntervention) -> Result<(), Stopped> {
        let operation = Some(operation_id(50)).filter(|_| intervention == FleetIntervention::KillAll);
        let action = FleetAction { operation, by: keyed(1, 500, "k"), ..fleet(intervention) };
        Ok(operator_actions::commit_fleet(tx, &action).await.map(drop)?)
    }
}

fn used(n: u32) -> NewMessage {
    let metadata: JsonObject = object(json!({"usage": {"inputTokens": 5, "outputTokens": 1}}));
    NewMessage { metadata, ..message(n) }
}

/// Why a script came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(String);

impl Stopped {
    fn by(error: impl std::error::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreUnavailable> for Stopped {
    fn from(cause: StoreUnavailable) -> Self {
        Self::by(cause)
    }
}

/// Something of everything that a script may find: a tree of two on a mission with commands, an operation, a request, usage
/// over a budget; a lost session, a silent one and one that has ended; a key, a link and a login.
async fn prepare(store: &dyn Store) {
    let mission = Some(text("apollo"));
    let mut top = registration(1);
    top.mission_id.clone_from(&mission);
    register(store, top).await;
    let mut below = child(2, 1);
    below.mission_id = mission;
    register(store, below).await;
    for n in [3, 4, 5] {
        register(store, registration(n)).await;
    }
    store.lose(silence(10), 10).await.expect("asked");
    for n in [1, 2, 4] {
        store.heartbeat(session_id(n), at(200)).await.expect("heard");
    }
    observe(store, observation(5, SessionStatus::Completed, 210)).await;
    for n in [6, 7] {
        register(store, registration(n)).await;
        observe(store, observation(n, SessionStatus::Failed, 211)).await;
        store.note_archived(note(n, 1, 0)).await.expect("noted");
    }
    store.remove_archived(session_id(7)).await.expect("removed");
    store.change_retention(set_rules(0, 212)).await.expect("changed");
    store.save_change_report(session_id(2), Stretch::Turn(1), report(300)).await.expect("saved");
    let limit = budget(AccountKey::Subtree(session_id(2)), 3, 220);
    store.set_budget(limit).await.expect("set");
    append(store, 2, vec![used(1)]).await;
    commit(store, 2, inject(100)).await;
    store.commit_scoped(scoped(1, 2, Wish::Pause, Reach::Subtree)).await.expect("accepted");
    open(store, Ask { expires_in: Some(Duration::from_mins(1)), ..ask(1, 2) }).await;
    store.create(key(1), by(1, 230)).await.expect("made");
    store.change_provider_config(set("claude", Expected::Absent, 230)).await.expect("made");
    store.register_runner(joins("a", 240)).await.expect("joined");
    store.assign(assignment(1)).await.expect("assigned");
    store.lease(asks("a", 1, 241)).await.expect("leased");
    store.assign(assignment(2)).await.expect("assigned");
    store.assign(assignment(3)).await.expect("assigned");
    store.change_sink(set_sink("ops", Expected::Absent, MADE)).await.expect("made");
    store.take_sink(taking("ops", "r1", 246)).await.expect("asked").expect("free");
    for place in [7, 8] {
        store.settle_sink(settling("ops", 1, gives_up(place), 247)).await.expect("asked").expect("taken");
    }
    store.resend_letters(letters("ops", &[8], 248)).await.expect("marked");
    store.begin_login(link(1), by(1, 231)).await.expect("begun");
    store.begin_login(session_login(2), by(1, 232)).await.expect("begun");
    assert_eq!(session_now(store, 3).await.status, SessionStatus::Lost);
}

async fn attempt<S: Transactional>(store: &S, act: Act, fuse: Fuse, steps: Steps) -> Result<(), Stopped> {
    store
        .write(move |tx| {
            let (fuse, steps) = (fuse.clone(), steps.clone());
            // A store may do the work again from its beginning.
            fuse.renew();
            steps.clear();
            Box::pin(async move { act.run(&mut Brittle::new(tx, fuse).noting(steps)).await })
        })
        .await
}

/// Breaks one act off at each of its operations, then does it, and does it again. Gives how many operations it has.
///
/// Where an operation that hangs is an error by itself, as in stores whose operations never wait, that is tried too.
pub async fn crash_at_every_step<S>(store: Arc<S>, act: Act, hangs: bool) -> u64
where
    S: Store + Transactional + 'static,
{
    prepare(&*store).await;
    let before = State::of(&*store).await;
    let ways = [Break::Fails, Break::Hangs];
    let mut operations = 0;
    loop {
        operations += 1;
        let mut broken = false;
        for how in ways.into_iter().take(if hangs { 2 } else { 1 }) {
            let fuse = Fuse::after(operations, how);
            let steps = Steps::default();
            let done = attempt(&*store, act, fuse.clone(), steps.clone()).await;
            if done.is_ok() {
                order::holds(act, &steps.names());
                break;
            }
            broken = true;
            assert!(fuse.is_burnt(), "{act:?} at {operations}: {done:?}");
            assert!(State::of(&*store).await == before, "{act:?} broken off at operation {operations} ({how:?})");
        }
        if !broken {
            break;
        }
        assert!(operations < 1_000, "{act:?} has no end");
    }
    let after = State::of(&*store).await;
    let is_seen = !matches!(act, Act::Enforced);
    assert!(!is_seen || after != before, "{act:?} changes something");
    if act.has_a_key() {
        attempt(&*store, act, Fuse::never(), Steps::default()).await.expect("done again");
        assert!(State::of(&*store).await == after, "{act:?} again with its key");
    }
    verify(&*store).await;
    operations - 1
}
