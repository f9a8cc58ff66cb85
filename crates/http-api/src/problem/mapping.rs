//! The one place that maps each error of the domain to an answer.

mod changes;

use flightdeck_domain::action::ActionRefused;
use flightdeck_domain::approval::{ApprovalRefused, AskRefused, WithdrawalRefused};
use flightdeck_domain::message::AppendRefused;
use flightdeck_domain::ports::RetentionChangeError;
use flightdeck_domain::ports::{
    AcknowledgeError, AppendError, AssignmentError, DecideApprovalError, Hindrance, HookError, ObserveError,
    OpenApprovalError, OperatorActionError, RegisterError, RevokeKeyError, RunnerError, SetBudgetError, SpawnError,
    StoreUnavailable, WithdrawApprovalError,
};
use flightdeck_domain::provider_config::{ConfigFault, ConfigRefused};
use flightdeck_domain::retention::RetentionRefused;
use flightdeck_domain::runner::{AssignmentRefused, RunnerRefused};
use flightdeck_domain::session::RegistrationRefused;
use flightdeck_domain::sink::SinkRefused;
use flightdeck_domain::usage::BudgetRefused;
use flightdeck_domain::use_cases::{
    AccessDenied, AuthenticateError, AuthorizeError, CreateKeyError, IngestError, LogInError, MakeCheckpointError,
    ManageProviderError, ManageSinkError, ResolveError, SpawnSessionError, StartError, TakeTelemetryError,
};

use super::{ApiError, FieldFault};

impl From<StoreUnavailable> for ApiError {
    fn from(error: StoreUnavailable) -> Self {
        match error.hindrance() {
            Hindrance::Archive => Self::ArchiveUnavailable(Box::new(error)),
            Hindrance::DiskFull | Hindrance::ReadOnly | Hindrance::Other => Self::Unavailable(Box::new(error)),
        }
    }
}

impl From<AuthenticateError> for ApiError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Rejected(rejected) => Self::Unauthenticated(rejected.to_string()),
            AuthenticateError::Login(rejected) => Self::LoggedOut(rejected.to_string()),
            AuthenticateError::Unavailable(error) => error.into(),
        }
    }
}

impl From<LogInError> for ApiError {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::Key(rejected) => Self::LoggedOut(rejected.to_string()),
            LogInError::Link(rejected) => Self::LoggedOut(rejected.to_string()),
            LogInError::NotForPeople(refused) => Self::Denied(refused.to_string()),
            LogInError::Unavailable(error) => error.into(),
        }
    }
}

impl From<AccessDenied> for ApiError {
    fn from(denied: AccessDenied) -> Self {
        match denied.field() {
            Some(field) => Self::DeniedField { detail: denied.to_string(), field },
            None => Self::Denied(denied.to_string()),
        }
    }
}

impl From<AuthorizeError> for ApiError {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Denied(denied) => denied.into(),
            AuthorizeError::Unavailable(error) => error.into(),
        }
    }
}

impl From<TakeTelemetryError> for ApiError {
    fn from(error: TakeTelemetryError) -> Self {
        match error {
            TakeTelemetryError::Authorize(error) => error.into(),
            TakeTelemetryError::Ingest(error) => error.into(),
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        let refused = match error {
            RegisterError::Refused(refused) => refused,
            RegisterError::Unavailable(error) => return error.into(),
        };
        let detail = refused.to_string();
        match refused {
            RegistrationRefused::UnknownParent(_)
            | RegistrationRefused::ParentIsSelf(_)
            | RegistrationRefused::ParentIsDescendant { .. } => Self::field("/parentSessionId", detail),
            RegistrationRefused::NotAnOpeningStatus(_) => Self::field("/status", detail),
            RegistrationRefused::TooDeep => Self::conflict("tree-too-deep", detail),
            RegistrationRefused::Conflict { field, .. } => {
                Self::Conflict { kind: "session-conflict", detail, field: Some(field) }
            }
            RegistrationRefused::Fenced(_) => Self::conflict("spawn-fenced", detail),
            RegistrationRefused::KillSwitchEngaged => Self::conflict("kill-switch-engaged", detail),
        }
    }
}

impl From<SpawnSessionError> for ApiError {
    fn from(error: SpawnSessionError) -> Self {
        match error {
            SpawnSessionError::Resolve(error) => error.into(),
            SpawnSessionError::Register(error) => error.into(),
            SpawnSessionError::Provider(SpawnError::Invalid { field, problem }) => {
                Self::field(format!("/{}", field.replace('.', "/")), problem)
            }
            SpawnSessionError::Provider(error @ SpawnError::Failed(_)) => Self::SpawnFailed(Box::new(error)),
        }
    }
}

impl From<ResolveError> for ApiError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::UnknownProvider(error) => Self::field("/provider", error.to_string()),
            ResolveError::UnknownKind { .. } => Self::conflict("kind-not-installed", error),
            ResolveError::Removed(_) => Self::conflict("provider-removed", error),
            ResolveError::Disabled(_) => Self::conflict("provider-disabled", error),
            ResolveError::Elsewhere { .. } => Self::conflict("provider-elsewhere", error),
            ResolveError::Sealed { .. } => Self::conflict("credential-sealed", error),
            ResolveError::Unfit { .. } => Self::conflict("provider-unfit", error),
            ResolveError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ConfigFault> for FieldFault {
    fn from(fault: ConfigFault) -> Self {
        let pointer = fault.field.replace('~', "~0").replace('/', "~1").replace('.', "/");
        Self { field: format!("/{pointer}"), detail: fault.problem }
    }
}

impl From<ManageProviderError> for ApiError {
    fn from(error: ManageProviderError) -> Self {
        let detail = error.to_string();
        match error {
            ManageProviderError::Invalid(faults) => Self::Invalid(faults.into_iter().map(Into::into).collect()),
            ManageProviderError::OfFile(_) => Self::conflict("provider-of-file", detail),
            ManageProviderError::Unknown(name) => Self::no_provider(name),
            ManageProviderError::Refused(ConfigRefused::Unknown(name)) => Self::no_provider(name),
            ManageProviderError::Refused(ConfigRefused::Exists { .. }) => {
                Self::Conflict { kind: "provider-exists", detail, field: Some("name") }
            }
            ManageProviderError::Refused(ConfigRefused::Stale { .. }) => Self::Stale(detail),
            ManageProviderError::Refused(ConfigRefused::OtherKind { .. }) => {
                Self::Conflict { kind: "other-kind", detail, field: Some("kind") }
            }
            ManageProviderError::Refused(ConfigRefused::TooManyCredentials) => Self::field("/credentials", detail),
            ManageProviderError::Sealing(_) => Self::conflict("secrets-key-unusable", detail),
            ManageProviderError::Unusable(error) => error.into(),
            ManageProviderError::Trial(_) => Self::TrialFailed(detail),
            ManageProviderError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ManageSinkError> for ApiError {
    fn from(error: ManageSinkError) -> Self {
        let detail = error.to_string();
        match error {
            ManageSinkError::NotSetUp => Self::conflict("sinks-not-set-up", detail),
            ManageSinkError::Invalid(faults) => Self::Invalid(faults.into_iter().map(Into::into).collect()),
            ManageSinkError::Unknown(name) | ManageSinkError::Refused(SinkRefused::Unknown(name)) => {
                Self::no_sink(name)
            }
            ManageSinkError::Refused(SinkRefused::Exists { .. }) => {
                Self::Conflict { kind: "sink-exists", detail, field: Some("name") }
            }
            ManageSinkError::Refused(SinkRefused::Stale { .. }) => Self::Stale(detail),
            ManageSinkError::Refused(SinkRefused::OtherForm { .. }) => {
                Self::Conflict { kind: "other-form", detail, field: Some("form") }
            }
            ManageSinkError::Refused(SinkRefused::TooManyCredentials) => Self::field("/credentials", detail),
            ManageSinkError::Sealing(_) | ManageSinkError::Sealed { .. } => {
                Self::conflict("secrets-key-unusable", detail)
            }
            ManageSinkError::Trial(_) => Self::TrialFailed(detail),
            ManageSinkError::Unavailable(error) => error.into(),
        }
    }
}

impl From<RunnerError> for ApiError {
    fn from(error: RunnerError) -> Self {
        let detail = error.to_string();
        match error {
            RunnerError::Refused(RunnerRefused::Unknown(name)) => Self::no_runner(name),
            RunnerError::Refused(refused @ RunnerRefused::Protocol(_)) => Self::field("/protocol", refused.to_string()),
            RunnerError::Refused(RunnerRefused::OtherKey(_)) => Self::conflict("runner-of-another-key", detail),
            RunnerError::Refused(RunnerRefused::OtherInstance { .. }) => {
                Self::Conflict { kind: "runner-connected", detail, field: Some("instance") }
            }
            RunnerError::Refused(RunnerRefused::StillThere(_)) => Self::conflict("runner-connected", detail),
            RunnerError::Unavailable(error) => error.into(),
        }
    }
}

impl From<AssignmentError> for ApiError {
    fn from(error: AssignmentError) -> Self {
        let detail = error.to_string();
        match error {
            AssignmentError::Refused(AssignmentRefused::Unknown(_)) => {
                Self::NotFound { kind: "unknown-assignment", detail }
            }
            AssignmentError::Refused(AssignmentRefused::Ended(_)) => Self::conflict("assignment-over", detail),
            AssignmentError::Refused(AssignmentRefused::Fenced { .. }) => Self::conflict("assignment-fenced", detail),
            AssignmentError::Unavailable(error) => error.into(),
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Assignment(error) => error.into(),
            StartError::Unusable(detail) => Self::conflict("assignment-over", detail),
        }
    }
}

impl From<CreateKeyError> for ApiError {
    fn from(error: CreateKeyError) -> Self {
        let detail = error.to_string();
        match error {
            CreateKeyError::NoMissions(_) => Self::field("/missions", detail),
            CreateKeyError::OtherParent { .. } | CreateKeyError::OwnParent(_) | CreateKeyError::UnknownParent(_) => {
                Self::field("/parentAgentId", detail)
            }
            CreateKeyError::OtherMission { .. } => Self::field("/missionId", detail),
            CreateKeyError::Unavailable(error) => error.into(),
        }
    }
}

impl From<RevokeKeyError> for ApiError {
    fn from(error: RevokeKeyError) -> Self {
        match error {
            RevokeKeyError::UnknownKey(id) => {
                Self::NotFound { kind: "unknown-key", detail: format!("there is no key {id}") }
            }
            RevokeKeyError::Refused(last) => Self::conflict("last-admin-key", last),
            RevokeKeyError::Unavailable(error) => error.into(),
        }
    }
}

impl From<RetentionChangeError> for ApiError {
    fn from(error: RetentionChangeError) -> Self {
        match error {
            RetentionChangeError::Refused(refused @ RetentionRefused::Stale { .. }) => Self::Stale(refused.to_string()),
            RetentionChangeError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ObserveError> for ApiError {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::UnknownSession(id) => Self::no_session(id),
            ObserveError::Illegal(illegal) => {
                Self::Conflict { kind: "illegal-transition", detail: illegal.to_string(), field: Some("status") }
            }
            ObserveError::Unavailable(error) => error.into(),
        }
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        let detail = error.to_string();
        match error {
            IngestError::EmptyBatch | IngestError::BatchTooLarge { .. } => Self::field("", detail),
            IngestError::OperatorRole { index } => Self::field(format!("/{index}/role"), detail),
            IngestError::UsageTwice { index } => Self::field(format!("/{index}/usage"), detail),
            IngestError::Append(AppendError::UnknownSession(id)) => Self::no_session(id),
            IngestError::Append(AppendError::Refused(AppendRefused::Ended { .. })) => {
                Self::conflict("session-ended", detail)
            }
            IngestError::Append(AppendError::Refused(AppendRefused::Archived { .. })) => {
                Self::conflict("archived", detail)
            }
            IngestError::Append(AppendError::Refused(AppendRefused::Conflict { .. })) => {
                Self::Conflict { kind: "message-conflict", detail, field: Some("id") }
            }
            IngestError::Append(AppendError::Unavailable(error)) => error.into(),
        }
    }
}

impl From<OperatorActionError> for ApiError {
    fn from(error: OperatorActionError) -> Self {
        match error {
            OperatorActionError::Refused(ActionRefused::UnknownSession(id)) => Self::no_session(id),
            OperatorActionError::Refused(refused @ ActionRefused::Ended { .. }) => {
                Self::conflict("session-ended", refused)
            }
            OperatorActionError::Refused(refused @ ActionRefused::BeingKilled(_)) => {
                Self::conflict("being-killed", refused)
            }
            OperatorActionError::Refused(refused @ ActionRefused::Unable { .. }) => {
                Self::conflict("provider-cannot", refused)
            }
            OperatorActionError::Refused(refused @ ActionRefused::NoMission(_)) => {
                Self::conflict("no-mission", refused)
            }
            OperatorActionError::Refused(refused @ ActionRefused::UnknownCommand { .. }) => {
                Self::NotFound { kind: "unknown-command", detail: refused.to_string() }
            }
            OperatorActionError::Refused(refused @ ActionRefused::NotCancellable(_)) => {
                Self::conflict("not-cancellable", refused)
            }
            OperatorActionError::Refused(ActionRefused::KeyReused(reused)) => Self::KeyReused(reused.to_string()),
            OperatorActionError::Unavailable(error) => error.into(),
            OperatorActionError::Kept { kept, cause } => Self::Kept { what: kept.name(), cause: Box::new(cause) },
        }
    }
}

impl From<AcknowledgeError> for ApiError {
    fn from(error: AcknowledgeError) -> Self {
        match error {
            AcknowledgeError::UnknownCommand { .. } => {
                Self::NotFound { kind: "unknown-command", detail: error.to_string() }
            }
            AcknowledgeError::Final(error) => Self::conflict("receipt-is-final", error),
            AcknowledgeError::Unavailable(error) => error.into(),
        }
    }
}

impl From<OpenApprovalError> for ApiError {
    fn from(error: OpenApprovalError) -> Self {
        let detail = error.to_string();
        match error {
            OpenApprovalError::UnknownSession(id) => Self::no_session(id),
            OpenApprovalError::Refused(AskRefused::Ended { .. }) => Self::conflict("session-ended", detail),
            OpenApprovalError::Refused(AskRefused::BeingKilled(_)) => Self::conflict("being-killed", detail),
            OpenApprovalError::Refused(AskRefused::Conflict(_)) => {
                Self::Conflict { kind: "approval-conflict", detail, field: Some("id") }
            }
            OpenApprovalError::Unavailable(error) => error.into(),
        }
    }
}

impl From<DecideApprovalError> for ApiError {
    fn from(error: DecideApprovalError) -> Self {
        let detail = error.to_string();
        match error {
            DecideApprovalError::Refused(ApprovalRefused::Unknown(_)) => Self::no_approval(detail),
            DecideApprovalError::Refused(ApprovalRefused::NotOffered { .. }) => Self::field("/option", detail),
            DecideApprovalError::Refused(ApprovalRefused::Answer(invalid)) => {
                let below = invalid.field.map(|field| format!("/{}", field.replace('~', "~0").replace('/', "~1")));
                Self::field(format!("/answer{}", below.unwrap_or_default()), invalid.problem)
            }
            DecideApprovalError::Refused(ApprovalRefused::Decided { .. }) => Self::conflict("approval-decided", detail),
            DecideApprovalError::Refused(ApprovalRefused::Expired { .. }) => Self::conflict("approval-expired", detail),
            DecideApprovalError::Refused(ApprovalRefused::KeyReused(_)) => Self::KeyReused(detail),
            DecideApprovalError::Refused(ApprovalRefused::BeingKilled(_)) => Self::conflict("being-killed", detail),
            DecideApprovalError::Unavailable(error) => error.into(),
        }
    }
}

impl From<WithdrawApprovalError> for ApiError {
    fn from(error: WithdrawApprovalError) -> Self {
        let detail = error.to_string();
        match error {
            WithdrawApprovalError::Unknown(_) => Self::no_approval(detail),
            WithdrawApprovalError::Refused(WithdrawalRefused::Decided { .. }) => {
                Self::conflict("approval-decided", detail)
            }
            WithdrawApprovalError::Refused(WithdrawalRefused::Expired { .. }) => {
                Self::conflict("approval-expired", detail)
            }
            WithdrawApprovalError::Unavailable(error) => error.into(),
        }
    }
}

impl From<SetBudgetError> for ApiError {
    fn from(error: SetBudgetError) -> Self {
        match error {
            SetBudgetError::Refused(BudgetRefused::UnknownSession(id)) => Self::no_session(id),
            SetBudgetError::Unavailable(error) => error.into(),
        }
    }
}

impl From<HookError> for ApiError {
    fn from(error: HookError) -> Self {
        match error {
            HookError::Invalid { field, problem } => Self::field(format!("/{field}"), problem),
            HookError::OutsideSubtree { .. } => Self::Denied(error.to_string()),
            HookError::Place(ref refused) => Self::DeniedField { field: refused.field(), detail: error.to_string() },
            HookError::Register(error) => error.into(),
            HookError::Unavailable(error) => error.into(),
        }
    }
}

impl From<MakeCheckpointError> for ApiError {
    fn from(error: MakeCheckpointError) -> Self {
        match error {
            MakeCheckpointError::NotSetUp => Self::conflict("no-checkpoints", error),
            MakeCheckpointError::Empty => Self::conflict("audit-log-empty", error),
            MakeCheckpointError::OtherKey { .. } => Self::conflict("other-signing-key", error),
            MakeCheckpointError::Tampered { .. }
            | MakeCheckpointError::Headless(_)
            | MakeCheckpointError::NotGood(_) => Self::conflict("audit-log-tampered", error),
            MakeCheckpointError::Unavailable(error) => error.into(),
        }
    }
}
