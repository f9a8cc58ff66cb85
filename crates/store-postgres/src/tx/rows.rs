//! The operations of a transaction. Each is a statement or two of [`crate::tables`].

use std::collections::{BTreeMap, HashMap};

use flightdeck_domain::action::Remembered;
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{
    ApprovalId, AuditSeq, CommandSeq, FeedPosition, KeyId, MessageId, OperationId, Seq, SessionId,
};
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operation::{Operation, OperationTarget, Scope, Wish};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{
    AccessRows, ApprovalCursor, ApprovalQuery, ApprovalRows, ControlRows, ConversationEnd, MessageSlice,
    MissionAccounts, MissionQuery, OperationPage, OperationQuery, RecordRows, Rows, SessionCursor, SessionFilter,
    SessionQuery, SessionRows, TalkRows, TargetPage, TargetQuery, TreeLock, UsageRows,
};
use flightdeck_domain::session::{Ancestor, Session, SessionStatus, Silence};
use flightdeck_domain::text::{IdempotencyKey, MissionId, Reason};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, Totals};

use crate::database::Transaction;
use crate::locks;
use crate::tables::sessions::Touch;
use crate::tables::{
    accounts, api_keys, approvals, commands, feed_events, fleet_state, idempotency_keys, logins, messages,
    operation_targets, operations, session_list, session_tree, sessions,
};

impl SessionRows for Transaction {
    async fn lock_tree(&mut self, how: TreeLock) -> Rows<()> {
        match how {
            TreeLock::Shared => locks::tree_shared(self).await?,
            TreeLock::Alone => locks::tree_alone(self).await?,
        }
        Ok(())
    }

    async fn lock_everything_open(&mut self) -> Rows<()> {
        Ok(locks::everything_open(self).await?)
    }

    async fn lock_operations_of(&mut self, ids: &[SessionId]) -> Rows<()> {
        Ok(locks::operations_of(self, ids).await?)
    }

    async fn session(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(sessions::get(self, id).await?)
    }

    async fn head(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(sessions::head(self, id).await?)
    }

    async fn lock_session(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(sessions::lock(self, id).await?)
    }

    async fn lock_head(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(sessions::lock_head(self, id).await?)
    }

    async fn lock_heads(&mut self, ids: &[SessionId]) -> Rows<Vec<Session>> {
        Ok(sessions::lock_heads(self, ids).await?)
    }

    async fn insert_session(&mut self, session: &Session) -> Rows<bool> {
        Ok(sessions::insert(self, session).await?)
    }

    async fn save_session(&mut self, session: &Session) -> Rows<()> {
        Ok(sessions::save(self, session).await?)
    }

    async fn touch_session(&mut self, session: &Session, last_seq: Seq, at: Timestamp) -> Rows<()> {
        Ok(sessions::touch(self, &[Touch::of(session, last_seq, at)]).await?)
    }

    async fn silent_sessions(&mut self, silence: &Silence, limit: usize) -> Rows<Vec<SessionId>> {
        Ok(sessions::silent(self, silence, limit).await?)
    }

    async fn line(&mut self, from: SessionId) -> Rows<Vec<Ancestor>> {
        Ok(session_tree::upwards(self, from).await?)
    }

    async fn is_within(&mut self, id: SessionId, top: SessionId) -> Rows<bool> {
        Ok(session_tree::is_within(self, id, top).await?)
    }

    async fn open_within(&mut self, scope: &Scope) -> Rows<Vec<(SessionId, u64)>> {
        Ok(session_tree::open_within(self, scope).await?)
    }

    async fn count_open(&mut self) -> Rows<u64> {
        Ok(sessions::count_open(self).await?)
    }

    async fn session_page(&mut self, query: &SessionQuery) -> Rows<(Vec<Session>, Option<SessionCursor>)> {
        Ok(session_list::page(self, query).await?)
    }

    async fn count_sessions(&mut self, filter: &SessionFilter) -> Rows<u64> {
        Ok(session_list::count(self, filter).await?)
    }

    async fn kill_switch(&mut self) -> Rows<bool> {
        Ok(fleet_state::kill_switch(self).await?)
    }

    async fn set_kill_switch(&mut self, engaged: bool) -> Rows<()> {
        Ok(fleet_state::set_kill_switch(self, engaged).await?)
    }

    async fn kill_open(&mut self, operation: Option<&Operation>, reason: Option<&Reason>, at: Timestamp) -> Rows<()> {
        if let Some(operation) = operation {
            operation_targets::kill_open(self, operation).await?;
        }
        commands::kill_open(self, reason, at).await?;
        Ok(sessions::kill_open(self).await?)
    }
}

impl TalkRows for Transaction {
    async fn insert_messages(&mut self, new: &[Message]) -> Rows<()> {
        Ok(messages::insert(self, new).await?)
    }

    async fn known_messages(&mut self, id: SessionId, batch: &[NewMessage]) -> Rows<HashMap<MessageId, Message>> {
        let wanted: Vec<_> = batch.iter().map(|message| (id, message.id)).collect();
        let known = messages::known(self, &wanted).await?;
        Ok(known.into_iter().map(|message| (message.id, message)).collect())
    }

    async fn messages_after(&mut self, id: SessionId, after: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        Ok(messages::after(self, id, after, limit).await?)
    }

    async fn messages_before(&mut self, id: SessionId, before: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        Ok(messages::before(self, id, before, limit).await?)
    }

    async fn conversation_ends(&mut self, ids: &[SessionId]) -> Rows<Vec<ConversationEnd>> {
        Ok(sessions::ends(self, ids).await?)
    }

    async fn insert_command(&mut self, command: &Command) -> Rows<()> {
        Ok(commands::insert(self, command).await?)
    }

    async fn command(&mut self, session: SessionId, seq: CommandSeq) -> Rows<Option<Command>> {
        Ok(commands::get(self, session, seq).await?)
    }

    async fn save_command(&mut self, command: &Command) -> Rows<()> {
        Ok(commands::save(self, command).await?)
    }

    async fn pending_commands(&mut self, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Vec<Command>> {
        Ok(commands::pending(self, session, after, limit).await?)
    }

    async fn count_pending(&mut self, session: SessionId) -> Rows<u64> {
        Ok(commands::count_pending(self, session).await?)
    }
}

impl ControlRows for Transaction {
    async fn insert_operation(&mut self, operation: &Operation) -> Rows<()> {
        Ok(operations::insert(self, operation).await?)
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Rows<()> {
        Ok(operation_targets::insert(self, targets).await?)
    }

    async fn operation(&mut self, id: OperationId) -> Rows<Option<Operation>> {
        Ok(operations::get(self, id).await?)
    }

    async fn lock_operation(&mut self, id: OperationId) -> Rows<Option<Operation>> {
        Ok(operations::lock(self, id).await?)
    }

    async fn save_operation(&mut self, operation: &Operation) -> Rows<()> {
        Ok(operations::save(self, operation).await?)
    }

    async fn open_operations(&mut self, wish: Wish) -> Rows<Vec<Operation>> {
        Ok(operations::open_with(self, wish).await?)
    }

    async fn open_targets(&mut self, session: SessionId) -> Rows<Vec<OperationTarget>> {
        Ok(operation_targets::open_of(self, session).await?)
    }

    async fn save_target(&mut self, target: &OperationTarget) -> Rows<()> {
        Ok(operation_targets::save(self, target).await?)
    }

    async fn supersede_targets(&mut self, operation: OperationId) -> Rows<()> {
        Ok(operation_targets::supersede(self, operation).await?)
    }

    async fn operation_page(&mut self, query: &OperationQuery) -> Rows<OperationPage> {
        Ok(operations::page(self, query).await?)
    }

    async fn target_page(&mut self, query: &TargetQuery) -> Rows<TargetPage> {
        Ok(operation_targets::page(self, query).await?)
    }

    async fn remembered(&mut self, actor: &Actor, key: &IdempotencyKey) -> Rows<Option<Remembered>> {
        locks::idempotency_key(self, actor.as_str(), key.as_str()).await?;
        Ok(idempotency_keys::get(self, actor, key).await?)
    }

    async fn remember(&mut self, actor: &Actor, key: &IdempotencyKey, call: &Remembered) -> Rows<()> {
        Ok(idempotency_keys::insert(self, actor, key, call).await?)
    }

    async fn forget_calls(&mut self, before: Timestamp) -> Rows<()> {
        Ok(idempotency_keys::forget(self, before).await?)
    }
}

impl ApprovalRows for Transaction {
    async fn insert_approval(&mut self, approval: &Approval) -> Rows<bool> {
        Ok(approvals::insert(self, approval).await?)
    }

    async fn approval(&mut self, id: ApprovalId) -> Rows<Option<Approval>> {
        Ok(approvals::get(self, id).await?)
    }

    async fn save_approval(&mut self, approval: &Approval) -> Rows<()> {
        Ok(approvals::save(self, approval).await?)
    }

    async fn open_approvals(&mut self, session: SessionId) -> Rows<Vec<Approval>> {
        Ok(approvals::open(self, session).await?)
    }

    async fn count_open_approvals(&mut self, session: SessionId) -> Rows<u64> {
        Ok(approvals::count_open(self, session).await?)
    }

    async fn due_approvals(&mut self, now: Timestamp, limit: usize) -> Rows<Vec<ApprovalId>> {
        Ok(approvals::due(self, now, limit).await?)
    }

    async fn approval_page(&mut self, query: &ApprovalQuery) -> Rows<(Vec<Approval>, Option<ApprovalCursor>)> {
        Ok(approvals::page(self, query).await?)
    }
}

impl UsageRows for Transaction {
    async fn account(&mut self, key: &AccountKey) -> Rows<Option<Account>> {
        Ok(accounts::get(self, key).await?)
    }

    async fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> Rows<()> {
        Ok(accounts::open(self, std::slice::from_ref(key), at).await?)
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Rows<HashMap<AccountKey, Account>> {
        accounts::open(self, keys, at).await?;
        Ok(accounts::lock(self, keys).await?)
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Rows<()> {
        Ok(accounts::put_all(self, accounts).await?)
    }

    async fn above(&mut self, ids: &[SessionId]) -> Rows<HashMap<SessionId, Vec<SessionId>>> {
        Ok(session_tree::above(self, ids).await?)
    }

    async fn usage_sum(&mut self) -> Rows<Totals> {
        Ok(accounts::sum(self).await?)
    }

    async fn mission_page(&mut self, query: &MissionQuery) -> Rows<MissionAccounts> {
        Ok(accounts::missions(self, query).await?)
    }

    async fn mission_counts(&mut self, mission: &MissionId) -> Rows<BTreeMap<SessionStatus, u64>> {
        Ok(accounts::counts(self, mission).await?)
    }

    async fn exhausted_accounts(&mut self, limit: usize) -> Rows<Vec<Account>> {
        Ok(accounts::exhausted(self, limit).await?)
    }
}

impl AccessRows for Transaction {
    async fn lock_keys(&mut self) -> Rows<()> {
        Ok(locks::all_keys(self).await?)
    }

    async fn insert_key(&mut self, key: &ApiKey) -> Rows<()> {
        Ok(api_keys::insert(self, key).await?)
    }

    async fn key(&mut self, id: &KeyId) -> Rows<Option<ApiKey>> {
        Ok(api_keys::get(self, id).await?)
    }

    async fn lock_key(&mut self, id: &KeyId) -> Rows<Option<ApiKey>> {
        Ok(api_keys::lock(self, id).await?)
    }

    async fn any_key(&mut self) -> Rows<bool> {
        Ok(api_keys::any(self).await?)
    }

    async fn keys(&mut self) -> Rows<Vec<ApiKey>> {
        Ok(api_keys::list(self).await?)
    }

    async fn save_key(&mut self, key: &ApiKey) -> Rows<()> {
        Ok(api_keys::save(self, key).await?)
    }

    async fn insert_login(&mut self, login: &Login) -> Rows<()> {
        Ok(logins::insert(self, login).await?)
    }

    async fn login(&mut self, id: &LoginId) -> Rows<Option<Login>> {
        Ok(logins::get(self, id).await?)
    }

    async fn lock_login(&mut self, id: &LoginId) -> Rows<Option<Login>> {
        Ok(logins::lock(self, id).await?)
    }

    async fn save_login(&mut self, login: &Login) -> Rows<()> {
        Ok(logins::save(self, login).await?)
    }

    async fn forget_logins(&mut self, before: Timestamp) -> Rows<()> {
        Ok(logins::forget(self, before).await?)
    }
}

impl RecordRows for Transaction {
    async fn tell(&mut self, event: FleetEventDraft) -> Rows<()> {
        self.keep_event(event);
        Ok(())
    }

    async fn record(&mut self, entry: AuditDraft) -> Rows<AuditSeq> {
        Ok(self.seal(entry).await?)
    }

    async fn feed_head(&mut self) -> Rows<FeedPosition> {
        Ok(feed_events::head(self).await?)
    }
}
