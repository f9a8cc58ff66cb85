//! Ports that a store does not have.

/// Gives a store the ports that it lacks, so that the cases about the others can be run on it: there is nothing to be read, and
/// writing fails. For tests alone.
///
/// ```text
/// flightdeck_store_contract::lacks!(OwnStore: CommandQueue, ApprovalRepository, FleetFeed);
/// ```
#[macro_export]
macro_rules! lacks {
    ($store:ty: $($port:ident),+ $(,)?) => {
        $(const _: () = {
            #[allow(unused_imports, clippy::wildcard_imports, reason = "each port needs a few of them")]
            use $crate::parts::*;

            $crate::__lacks! { $port $store }
        };)+
    };
}

/// What a store says that is asked to write what it does not have.
#[must_use]
pub fn lacking(what: &str) -> flightdeck_domain::ports::StoreUnavailable {
    flightdeck_domain::ports::StoreUnavailable::new(format!("the store under test has no {what}"))
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lacks {
    (CommandQueue $store:ty) => {
        #[async_trait]
        impl CommandQueue for $store {
            async fn pending(
                &self,
                _: SessionId,
                _: CommandSeq,
                _: usize,
            ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
                Ok(Some(Vec::new()))
            }

            async fn command(&self, _: SessionId, _: CommandSeq) -> Result<Option<Command>, StoreUnavailable> {
                Ok(None)
            }

            async fn acknowledge(
                &self,
                _: SessionId,
                _: CommandSeq,
                _: Receipt,
                _: Timestamp,
            ) -> Result<Command, AcknowledgeError> {
                Err(lacking("commands").into())
            }
        }
    };
    (OperatorActions $store:ty) => {
        #[async_trait]
        impl OperatorActions for $store {
            async fn commit(&self, _: OperatorAction) -> Result<Committed, OperatorActionError> {
                Err(lacking("operator actions").into())
            }

            async fn commit_scoped(&self, _: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
                Err(lacking("operator actions").into())
            }

            async fn commit_fleet(&self, _: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
                Err(lacking("operator actions").into())
            }

            async fn record(&self, _: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
                Err(lacking("operator actions"))
            }
        }
    };
    (ApprovalRepository $store:ty) => {
        #[async_trait]
        impl ApprovalRepository for $store {
            async fn open(&self, _: Ask) -> Result<OpenedApproval, OpenApprovalError> {
                Err(lacking("permission requests").into())
            }

            async fn get(&self, _: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
                Ok(None)
            }

            async fn decide(&self, _: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError> {
                Err(lacking("permission requests").into())
            }

            async fn withdraw(&self, _: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
                Err(lacking("permission requests").into())
            }

            async fn list(&self, _: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
                Ok(ApprovalPage { approvals: Vec::new(), next: None, as_of: FeedPosition::ZERO })
            }

            async fn due(&self, _: Timestamp, _: usize) -> Result<Vec<ApprovalId>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn expire(&self, _: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable> {
                Ok(None)
            }
        }
    };
    (OperationRepository $store:ty) => {
        #[async_trait]
        impl OperationRepository for $store {
            async fn operation(&self, _: OperationId) -> Result<Option<Operation>, StoreUnavailable> {
                Ok(None)
            }

            async fn operations(&self, _: OperationQuery) -> Result<OperationPage, StoreUnavailable> {
                Ok(OperationPage { operations: Vec::new(), next: None })
            }

            async fn targets(&self, _: TargetQuery) -> Result<TargetPage, StoreUnavailable> {
                Ok(TargetPage { targets: Vec::new(), next: None })
            }
        }
    };
    (UsageRepository $store:ty) => {
        #[async_trait]
        impl UsageRepository for $store {
            async fn of_session(&self, id: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
                let subtree = Account::open(AccountKey::Subtree(id), Timestamp::FIRST);
                Ok(Some(SessionUsage { own: Totals::default(), subtree }))
            }

            async fn of_fleet(&self) -> Result<Totals, StoreUnavailable> {
                Ok(Totals::default())
            }

            async fn switch_guard(&self, _: GuardSwitch) -> Result<BudgetCommitted, StoreUnavailable> {
                Err(lacking("usage"))
            }

            async fn broken_down(&self, _: UsageQuery) -> Result<Vec<UsageLine>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn of_mission(&self, _: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable> {
                Ok(None)
            }

            async fn missions(&self, _: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
                Ok(MissionPage { missions: Vec::new(), next: None })
            }

            async fn set_budget(&self, _: BudgetAction) -> Result<BudgetCommitted, SetBudgetError> {
                Err(lacking("usage").into())
            }

            async fn exhausted(&self, _: usize) -> Result<Vec<Account>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn enforced(&self, _: AccountKey, _: Timestamp) -> Result<(), StoreUnavailable> {
                Err(lacking("usage"))
            }
        }
    };
    (FleetFeed $store:ty) => {
        #[async_trait]
        impl FleetFeed for $store {
            async fn after(&self, _: FeedPosition, _: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn receipts(
                &self,
                _: SessionId,
                _: FeedPosition,
                _: usize,
            ) -> Result<Vec<FleetEvent>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn newest_receipts(&self, _: SessionId, _: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn receipt_heads(
                &self,
                _: Vec<SessionId>,
            ) -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
                Ok(FeedPosition::ZERO)
            }
        }
    };
    (ApiKeyRepository $store:ty) => {
        #[async_trait]
        impl ApiKeyRepository for $store {
            async fn create(&self, _: ApiKey, _: Attribution) -> Result<(), StoreUnavailable> {
                Err(lacking("API keys"))
            }

            async fn create_first(&self, _: ApiKey, _: Attribution) -> Result<bool, StoreUnavailable> {
                Err(lacking("API keys"))
            }

            async fn find(&self, _: KeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
                Ok(None)
            }

            async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn revoke(&self, _: KeyId, _: Attribution) -> Result<ApiKey, RevokeKeyError> {
                Err(lacking("API keys").into())
            }
        }
    };
    (EpochRepository $store:ty) => {
        #[async_trait]
        impl EpochRepository for $store {
            async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
                Ok(None)
            }

            async fn renew_epoch(&self, _: Option<Epoch>, _: Epoch) -> Result<Epoch, StoreUnavailable> {
                Err(lacking("epochs"))
            }

            async fn exchange_mark(
                &self,
                _: String,
                _: Vec<StoreMark>,
                _: StoreMark,
            ) -> Result<bool, StoreUnavailable> {
                Err(lacking("epochs"))
            }
        }
    };
    (ProviderConfigRepository $store:ty) => {
        #[async_trait]
        impl ProviderConfigRepository for $store {
            async fn provider_config(&self, _: ConfigName) -> Result<Option<ProviderConfig>, StoreUnavailable> {
                Ok(None)
            }

            async fn provider_configs(&self) -> Result<Vec<ProviderConfig>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn change_provider_config(&self, _: ConfigChange) -> Result<ProviderConfig, ConfigChangeError> {
                Err(lacking("provider configurations").into())
            }

            async fn reseal_credentials(&self, _: Resealing) -> Result<bool, StoreUnavailable> {
                Err(lacking("provider configurations"))
            }
        }
    };
    (FleetSurveyor $store:ty) => {
        #[async_trait]
        impl FleetSurveyor for $store {
            async fn survey(&self) -> Result<FleetSurvey, StoreUnavailable> {
                Ok(FleetSurvey::default())
            }
        }
    };
    (RunnerRepository $store:ty) => {
        #[async_trait]
        impl RunnerRepository for $store {
            async fn register_runner(&self, _: RunnerRegistration) -> Result<Runner, RunnerError> {
                Err(lacking("runners").into())
            }

            async fn leave_runner(&self, _: Heard) -> Result<Runner, RunnerError> {
                Err(lacking("runners").into())
            }

            async fn change_runner(&self, _: RunnerChange) -> Result<Option<Runner>, RunnerError> {
                Err(lacking("runners").into())
            }

            async fn runner(&self, _: RunnerName) -> Result<Option<Runner>, StoreUnavailable> {
                Ok(None)
            }

            async fn runners(&self) -> Result<Vec<Runner>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn assign(&self, _: Assignment) -> Result<bool, StoreUnavailable> {
                Err(lacking("runners"))
            }

            async fn assignment(&self, _: SessionId) -> Result<Option<Assignment>, StoreUnavailable> {
                Ok(None)
            }

            async fn assignments(
                &self,
                _: AssignmentFilter,
                _: Option<AssignmentPlace>,
                _: usize,
            ) -> Result<Vec<Assignment>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn lease(&self, _: LeaseRequest) -> Result<Lease, RunnerError> {
                Err(lacking("runners").into())
            }

            async fn start_assignment(&self, _: StartRequest) -> Result<Assignment, AssignmentError> {
                Err(lacking("runners").into())
            }

            async fn cancel_assignment(&self, _: SessionId) -> Result<bool, StoreUnavailable> {
                Ok(false)
            }

            async fn end_assignment(&self, _: SessionId) -> Result<bool, StoreUnavailable> {
                Ok(false)
            }

            async fn loads(&self) -> Result<Vec<(RunnerName, u64)>, StoreUnavailable> {
                Ok(Vec::new())
            }
        }
    };
    (SinkRepository $store:ty) => {
        #[async_trait]
        impl SinkRepository for $store {
            async fn sink(&self, _: SinkName) -> Result<Option<Sink>, StoreUnavailable> {
                Ok(None)
            }

            async fn sinks(&self) -> Result<Vec<Sink>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn change_sink(&self, _: SinkChange) -> Result<Sink, SinkChangeError> {
                Err(lacking("sinks").into())
            }

            async fn reseal_sink(&self, _: SinkResealing) -> Result<bool, StoreUnavailable> {
                Err(lacking("sinks"))
            }

            async fn take_sink(&self, _: Taking) -> Result<Option<Sink>, StoreUnavailable> {
                Ok(None)
            }

            async fn settle_sink(&self, _: Settling) -> Result<Option<Sink>, StoreUnavailable> {
                Ok(None)
            }

            async fn dead_letters(&self, _: LetterQuery) -> Result<Vec<DeadLetter>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn count_dead_letters(&self) -> Result<Vec<(SinkName, u64)>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn resend_letters(&self, _: LettersChange) -> Result<u64, SinkChangeError> {
                Err(lacking("sinks").into())
            }
        }
    };
    (RetentionRepository $store:ty) => {
        #[async_trait]
        impl RetentionRepository for $store {
            async fn retention(&self) -> Result<Retention, StoreUnavailable> {
                Ok(Retention::default())
            }

            async fn change_retention(&self, _: RetentionChange) -> Result<Retention, RetentionChangeError> {
                Err(lacking("retention").into())
            }

            async fn take_retention(&self, _: RetentionTaking) -> Result<Option<Retention>, StoreUnavailable> {
                Ok(None)
            }

            async fn due_sessions(
                &self,
                _: RetentionRules,
                _: Timestamp,
                _: Option<EndedPlace>,
                _: usize,
            ) -> Result<DuePage, StoreUnavailable> {
                Ok(DuePage { sessions: Vec::new(), next: None })
            }

            async fn commands_after(
                &self,
                _: SessionId,
                _: CommandSeq,
                _: usize,
            ) -> Result<Vec<Command>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn conversation_bytes(&self, _: SessionId) -> Result<u64, StoreUnavailable> {
                Ok(0)
            }

            async fn note_archived(&self, _: ArchivedSession) -> Result<ArchivedSession, ArchiveRowError> {
                Err(lacking("retention").into())
            }

            async fn archived(&self, _: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable> {
                Ok(None)
            }

            async fn archived_among(&self, _: Vec<SessionId>) -> Result<Vec<ArchivedSession>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn unfinished_removals(&self, _: usize) -> Result<Vec<ArchivedSession>, StoreUnavailable> {
                Ok(Vec::new())
            }

            async fn remove_archived(&self, _: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable> {
                Ok(None)
            }

            async fn cut_feed(&self, _: FeedPosition) -> Result<u64, StoreUnavailable> {
                Ok(0)
            }

            async fn put_back(&self, _: SessionId, _: Vec<Message>, _: Vec<Command>) -> Result<(), ArchiveRowError> {
                Err(lacking("retention").into())
            }

            async fn end_restoring(&self, _: SessionId) -> Result<bool, StoreUnavailable> {
                Ok(false)
            }
        }
    };
    (ChangeReports $store:ty) => {
        #[async_trait]
        impl ChangeReports for $store {
            async fn save_change_report(
                &self,
                _: SessionId,
                _: Stretch,
                _: ChangeReport,
            ) -> Result<(), SaveReportError> {
                Err(lacking("reports of changes").into())
            }

            async fn change_report(&self, _: SessionId, _: Stretch) -> Result<Option<ChangeReport>, StoreUnavailable> {
                Ok(None)
            }
        }
    };
    (LoginRepository $store:ty) => {
        #[async_trait]
        impl LoginRepository for $store {
            async fn begin_login(&self, _: Login, _: Attribution) -> Result<(), StoreUnavailable> {
                Err(lacking("logins"))
            }

            async fn login(&self, _: LoginId) -> Result<Option<Login>, StoreUnavailable> {
                Ok(None)
            }

            async fn redeem_link(&self, _: LoginId, _: Login, _: Attribution) -> Result<(), RedeemLinkError> {
                Err(lacking("logins").into())
            }

            async fn end_login(&self, _: LoginId, _: Attribution) -> Result<bool, StoreUnavailable> {
                Err(lacking("logins"))
            }
        }
    };
}
