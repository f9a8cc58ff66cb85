//! What can be asked of a replica, and what it answers.

use std::pin::Pin;
use std::sync::Arc;

use flightdeck_domain::action::{FleetCommitted, FleetIntervention, Intervention, Origin};
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, SessionId};
use flightdeck_domain::message::Control;
use flightdeck_domain::operation::ScopedCommitted;
use flightdeck_domain::ports::{
    AcknowledgeError, AppendError, AppendOutcome, BudgetCommitted, DecideApprovalError, DecidedApproval, ObserveError,
    ObservedSession, OpenApprovalError, OpenedApproval, OperatorActionError, RegisterError, Registered, SetBudgetError,
    StoreUnavailable, WithdrawApprovalError, WithdrawnApproval,
};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::usage::{AccountKey, Budget};
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, DecideApproval, EnforceBudgets, ExpireApprovals, IngestError, IngestMessages, Intervene,
    InterveneFleet, InterveneScope, Intervened, MessageInput, NewApproval, NewSession, OfferCommands, OpenApproval,
    ReadCommands, Reconcile, RegisterSession, ReportStatus, ScopedRequest, SetBudget, SpawnSession, SpawnSessionError,
    Taken, WithdrawApproval,
};

use crate::replica::Replica;

/// What a client asks for. It can be asked for again.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Register(Box<NewSession>),
    Spawn(Box<NewSession>),
    Report(SessionId, SessionStatus),
    Heartbeat(SessionId),
    Append(SessionId, Vec<MessageInput>),
    Fetch(SessionId),
    Acknowledge(SessionId, CommandSeq, Receipt),
    Ask(SessionId, Box<NewApproval>),
    Withdraw(ApprovalId),
    Decide(ApprovalId, ApprovalOption),
    One(SessionId, Intervention),
    Scoped(ScopedRequest),
    Fleet(FleetIntervention),
    Budget(AccountKey, Option<Budget>),
}

impl Request {
    /// Whether it is a call of control, which is on the record.
    pub(crate) const fn is_control(&self) -> bool {
        matches!(self, Self::One(..) | Self::Scoped(_) | Self::Fleet(_) | Self::Budget(..) | Self::Decide(..))
    }

    /// In a few words.
    pub(crate) fn label(&self) -> String {
        let short = |id: &SessionId| id.as_uuid().as_u128();
        match self {
            Self::Register(new) => {
                let below = new.parent_id.as_ref().map(short);
                format!("register {} below {below:?}", new.session_id.as_ref().map_or(0, short))
            }
            Self::Spawn(new) => format!("spawn {}", new.session_id.as_ref().map_or(0, short)),
            Self::Report(id, status) => format!("report {} {status}", short(id)),
            Self::Heartbeat(id) => format!("heartbeat {}", short(id)),
            Self::Append(id, batch) => {
                let said: Vec<u128> = batch.iter().filter_map(|new| Some(new.id?.as_uuid().as_u128())).collect();
                format!("append {} {said:?}", short(id))
            }
            Self::Fetch(id) => format!("fetch {}", short(id)),
            Self::Acknowledge(id, seq, receipt) => format!("acknowledge {} {seq} {receipt}", short(id)),
            Self::Ask(id, new) => format!("ask {} {:?}", short(id), new.id.map(|id| id.as_uuid().as_u128())),
            Self::Withdraw(id) => format!("withdraw {}", id.as_uuid().as_u128()),
            Self::Decide(id, option) => format!("decide {} {option}", id.as_uuid().as_u128()),
            Self::One(id, Intervention::Inject { .. }) => format!("inject {}", short(id)),
            Self::One(id, what) => format!("{what:?} {}", short(id)),
            Self::Scoped(asked) => format!("{} {} of {}", asked.wish, asked.reach.as_str(), short(&asked.session_id)),
            Self::Fleet(what) => format!("{what:?}"),
            Self::Budget(key, budget) => format!("budget {key} {:?}", budget.and_then(|budget| budget.max_tokens())),
        }
    }
}

/// What a replica does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Start,
    Offer,
    Expire,
    ExpireAsks,
    Enforce,
}

/// What comes of it.
pub(crate) enum Answer {
    Registered(Result<Registered, RegisterError>),
    Spawned(Result<Registered, SpawnSessionError>),
    Observed(Result<ObservedSession, ObserveError>),
    Heard(Result<Option<Control>, StoreUnavailable>),
    Appended(Result<AppendOutcome, IngestError>),
    Fetched(Result<Option<Vec<Command>>, StoreUnavailable>),
    Acknowledged(Result<Command, AcknowledgeError>),
    Asked(Result<OpenedApproval, OpenApprovalError>),
    Withdrawn(Result<WithdrawnApproval, WithdrawApprovalError>),
    Decided(Result<DecidedApproval, DecideApprovalError>),
    Intervened(Result<Box<Intervened>, OperatorActionError>),
    Scoped(Result<Taken<ScopedCommitted>, OperatorActionError>),
    Fleet(Result<Taken<FleetCommitted>, OperatorActionError>),
    Budgeted(Result<BudgetCommitted, SetBudgetError>),
    Started(Result<OfferCommands, StoreUnavailable>),
    Offered(Box<OfferCommands>, Result<u64, StoreUnavailable>),
    Done(Result<u64, StoreUnavailable>),
}

impl Answer {
    /// Whether it says only that the store is away: nobody learns what became of the request.
    pub(crate) const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Registered(Err(RegisterError::Unavailable(_)))
                | Self::Spawned(Err(SpawnSessionError::Register(RegisterError::Unavailable(_))))
                | Self::Observed(Err(ObserveError::Unavailable(_)))
                | Self::Heard(Err(_))
                | Self::Appended(Err(IngestError::Append(AppendError::Unavailable(_))))
                | Self::Fetched(Err(_))
                | Self::Acknowledged(Err(AcknowledgeError::Unavailable(_)))
                | Self::Asked(Err(OpenApprovalError::Unavailable(_)))
                | Self::Withdrawn(Err(WithdrawApprovalError::Unavailable(_)))
                | Self::Decided(Err(DecideApprovalError::Unavailable(_)))
                | Self::Intervened(Err(OperatorActionError::Unavailable(_)))
                | Self::Scoped(Err(OperatorActionError::Unavailable(_)))
                | Self::Fleet(Err(OperatorActionError::Unavailable(_)))
                | Self::Budgeted(Err(SetBudgetError::Unavailable(_)))
                | Self::Started(Err(_))
                | Self::Offered(_, Err(_))
                | Self::Done(Err(_))
        )
    }

    /// In a few words.
    pub(crate) fn label(&self) -> String {
        fn of<T, E: std::fmt::Display>(result: &Result<T, E>) -> String {
            result.as_ref().map_or_else(ToString::to_string, |_| "done".to_owned())
        }
        match self {
            Self::Registered(result) => of(result),
            Self::Spawned(result) => of(result),
            Self::Observed(result) => of(result),
            Self::Heard(result) => of(result),
            Self::Appended(result) => of(result),
            Self::Fetched(result) => of(result),
            Self::Acknowledged(result) => of(result),
            Self::Asked(result) => of(result),
            Self::Withdrawn(result) => of(result),
            Self::Decided(result) => of(result),
            Self::Intervened(result) => of(result),
            Self::Scoped(result) => of(result),
            Self::Fleet(result) => of(result),
            Self::Budgeted(result) => of(result),
            Self::Started(result) => of(result),
            Self::Offered(_, result) | Self::Done(result) => of(result),
        }
    }
}

/// A call that a replica has in hand.
pub(crate) type Call = Pin<Box<dyn Future<Output = Answer>>>;

impl Replica {
    /// Takes a request.
    pub(crate) fn take(&self, request: Request, origin: Origin) -> Call {
        let (ports, providers) = (self.ports.clone(), self.providers.clone());
        Box::pin(async move {
            match request {
                Request::Register(new) => {
                    Answer::Registered(RegisterSession::new(&ports).execute(*new, SessionStatus::Running).await)
                }
                Request::Spawn(new) => Answer::Spawned(SpawnSession::new(&ports, &providers).execute(*new, None).await),
                Request::Report(id, status) => {
                    Answer::Observed(ReportStatus::new(&ports).execute(id, status, None).await)
                }
                Request::Heartbeat(id) => Answer::Heard(ReportStatus::new(&ports).heartbeat(id).await),
                Request::Append(id, batch) => Answer::Appended(IngestMessages::new(&ports).execute(id, batch).await),
                Request::Fetch(id) => Answer::Fetched(ReadCommands::new(&ports).execute(id, CommandSeq::ZERO).await),
                Request::Acknowledge(id, seq, receipt) => {
                    Answer::Acknowledged(AcknowledgeCommand::new(&ports).execute(id, seq, receipt).await)
                }
                Request::Ask(id, new) => Answer::Asked(OpenApproval::new(&ports).execute(id, *new).await),
                Request::Withdraw(id) => Answer::Withdrawn(WithdrawApproval::new(&ports).execute(id).await),
                Request::Decide(id, option) => {
                    Answer::Decided(DecideApproval::new(&ports).execute(id, option, origin).await)
                }
                Request::One(id, intervention) => {
                    let done = Intervene::new(&ports, &providers).execute(id, intervention, origin).await;
                    Answer::Intervened(done.map(Box::new))
                }
                Request::Scoped(asked) => {
                    Answer::Scoped(InterveneScope::new(&ports, &providers).execute(asked, origin).await)
                }
                Request::Fleet(intervention) => {
                    Answer::Fleet(InterveneFleet::new(&ports, &providers).execute(intervention, origin).await)
                }
                Request::Budget(key, budget) => {
                    Answer::Budgeted(SetBudget::new(&ports).execute(key, budget, origin).await)
                }
            }
        })
    }

    /// Begins a job; `None` when it is at it already, or cannot be yet.
    pub(crate) fn begin(&mut self, job: Job) -> Option<Call> {
        let (ports, providers) = (self.ports.clone(), self.providers.clone());
        match job {
            Job::Start => Some(Box::pin(async move {
                let started = match Reconcile::new(&ports, &providers).execute().await {
                    Ok(_) => OfferCommands::begin(&ports, &providers).await,
                    Err(error) => Err(error),
                };
                Answer::Started(started)
            })),
            Job::Offer => {
                let mut offer = self.offer.take()?;
                Some(Box::pin(async move {
                    let offered = offer.execute().await;
                    Answer::Offered(Box::new(offer), offered)
                }))
            }
            Job::Expire => {
                let leases = Arc::clone(&self.leases);
                Some(Box::pin(async move {
                    let lost = leases.execute().await;
                    Answer::Done(lost.map(|lost| u64::try_from(lost).expect("few")))
                }))
            }
            Job::ExpireAsks => {
                let expire = ExpireApprovals::new(&ports);
                Some(Box::pin(async move { Answer::Done(expire.execute().await) }))
            }
            Job::Enforce => {
                let enforce = EnforceBudgets::new(&ports, &providers);
                Some(Box::pin(async move { Answer::Done(enforce.execute().await) }))
            }
        }
    }
}
