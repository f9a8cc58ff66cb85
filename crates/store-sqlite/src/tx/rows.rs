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
    SessionQuery, SessionRows, TalkRows, TargetPage, TargetQuery, UsageRows,
};
use flightdeck_domain::session::{Ancestor, Session, SessionStatus, Silence};
use flightdeck_domain::text::{IdempotencyKey, MissionId, Reason};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, Totals};

use super::SqliteTx;
use crate::tables::{
    accounts, api_keys, approvals, audit_log, commands, feed_events, fleet_state, idempotency_keys, logins, messages,
    operation_targets, operations, session_list, session_tree, sessions,
};

impl SessionRows for SqliteTx {
    async fn session(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(sessions::get(self, id)?)
    }

    async fn head(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(sessions::head(self, id)?)
    }

    async fn lock_heads(&mut self, ids: &[SessionId]) -> Rows<Vec<Session>> {
        let mut heads = Vec::with_capacity(ids.len());
        for id in ids {
            heads.extend(sessions::head(self, *id)?);
        }
        Ok(heads)
    }

    async fn insert_session(&mut self, session: &Session) -> Rows<bool> {
        Ok(sessions::insert(self, session)?)
    }

    async fn save_session(&mut self, session: &Session) -> Rows<()> {
        Ok(sessions::save(self, session)?)
    }

    async fn touch_session(&mut self, session: &Session, last_seq: Seq, at: Timestamp) -> Rows<()> {
        Ok(sessions::touch(self, session, last_seq, at)?)
    }

    async fn silent_sessions(&mut self, silence: &Silence, limit: usize) -> Rows<Vec<SessionId>> {
        Ok(sessions::silent(self, silence, limit)?)
    }

    async fn line(&mut self, from: SessionId) -> Rows<Vec<Ancestor>> {
        Ok(session_tree::upwards(self, from)?)
    }

    async fn is_within(&mut self, id: SessionId, top: SessionId) -> Rows<bool> {
        Ok(session_tree::is_within(self, id, top)?)
    }

    async fn open_within(&mut self, scope: &Scope) -> Rows<Vec<(SessionId, u64)>> {
        Ok(session_tree::open_within(self, scope)?)
    }

    async fn count_open(&mut self) -> Rows<u64> {
        Ok(sessions::count_open(self)?)
    }

    async fn session_page(&mut self, query: &SessionQuery) -> Rows<(Vec<Session>, Option<SessionCursor>)> {
        Ok(session_list::page(self, query)?)
    }

    async fn count_sessions(&mut self, filter: &SessionFilter) -> Rows<u64> {
        Ok(session_list::count(self, filter)?)
    }

    async fn kill_switch(&mut self) -> Rows<bool> {
        Ok(fleet_state::kill_switch(self)?)
    }

    async fn set_kill_switch(&mut self, engaged: bool) -> Rows<()> {
        Ok(fleet_state::set_kill_switch(self, engaged)?)
    }

    async fn kill_open(&mut self, operation: Option<&Operation>, reason: Option<&Reason>, at: Timestamp) -> Rows<()> {
        if let Some(operation) = operation {
            operation_targets::kill_open(self, operation)?;
        }
        commands::kill_open(self, reason, at)?;
        Ok(sessions::kill_open(self)?)
    }
}

impl TalkRows for SqliteTx {
    async fn insert_messages(&mut self, new: &[Message]) -> Rows<()> {
        Ok(messages::insert(self, new)?)
    }

    async fn known_messages(&mut self, id: SessionId, batch: &[NewMessage]) -> Rows<HashMap<MessageId, Message>> {
        Ok(messages::known(self, id, batch)?)
    }

    async fn messages_after(&mut self, id: SessionId, after: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        let Some(session) = sessions::head(self, id)? else { return Ok(None) };
        let messages = messages::after(self, id, after, limit)?;
        self.slice(&session, messages)
    }

    async fn messages_before(&mut self, id: SessionId, before: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        let Some(session) = sessions::head(self, id)? else { return Ok(None) };
        let messages = messages::before(self, id, before, limit)?;
        self.slice(&session, messages)
    }

    async fn conversation_ends(&mut self, ids: &[SessionId]) -> Rows<Vec<ConversationEnd>> {
        Ok(sessions::ends(self, ids)?)
    }

    async fn insert_command(&mut self, command: &Command) -> Rows<()> {
        Ok(commands::insert(self, command)?)
    }

    async fn command(&mut self, session: SessionId, seq: CommandSeq) -> Rows<Option<Command>> {
        Ok(commands::get(self, session, seq)?)
    }

    async fn save_command(&mut self, command: &Command) -> Rows<()> {
        Ok(commands::save(self, command)?)
    }

    async fn pending_commands(&mut self, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Vec<Command>> {
        Ok(commands::pending(self, session, after, limit)?)
    }

    async fn count_pending(&mut self, session: SessionId) -> Rows<u64> {
        Ok(commands::count_pending(self, session)?)
    }
}

impl SqliteTx {
    /// Part of a conversation with the state of the whole.
    fn slice(&mut self, session: &Session, messages: Vec<Message>) -> Rows<Option<MessageSlice>> {
        let receipts = commands::receipts(self, session.id, &messages)?;
        Ok(Some(MessageSlice { messages, receipts, last_seq: session.last_seq, status: session.status }))
    }
}

impl ControlRows for SqliteTx {
    async fn insert_operation(&mut self, operation: &Operation) -> Rows<()> {
        Ok(operations::insert(self, operation)?)
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Rows<()> {
        for target in targets {
            operation_targets::insert(self, target)?;
        }
        Ok(())
    }

    async fn operation(&mut self, id: OperationId) -> Rows<Option<Operation>> {
        Ok(operations::get(self, id)?)
    }

    async fn save_operation(&mut self, operation: &Operation) -> Rows<()> {
        Ok(operations::save(self, operation)?)
    }

    async fn open_operations(&mut self, wish: Wish) -> Rows<Vec<Operation>> {
        Ok(operations::open_with(self, wish)?)
    }

    async fn open_targets(&mut self, session: SessionId) -> Rows<Vec<OperationTarget>> {
        Ok(operation_targets::open_of(self, session)?)
    }

    async fn save_target(&mut self, target: &OperationTarget) -> Rows<()> {
        Ok(operation_targets::save(self, target)?)
    }

    async fn supersede_targets(&mut self, operation: OperationId) -> Rows<()> {
        Ok(operation_targets::supersede(self, operation)?)
    }

    async fn operation_page(&mut self, query: &OperationQuery) -> Rows<OperationPage> {
        Ok(operations::page(self, query)?)
    }

    async fn target_page(&mut self, query: &TargetQuery) -> Rows<TargetPage> {
        Ok(operation_targets::page(self, query)?)
    }

    async fn remembered(&mut self, actor: &Actor, key: &IdempotencyKey) -> Rows<Option<Remembered>> {
        Ok(idempotency_keys::get(self, actor, key)?)
    }

    async fn remember(&mut self, actor: &Actor, key: &IdempotencyKey, call: &Remembered) -> Rows<()> {
        Ok(idempotency_keys::insert(self, actor, key, call)?)
    }

    async fn forget_calls(&mut self, before: Timestamp) -> Rows<()> {
        Ok(idempotency_keys::forget(self, before)?)
    }
}

impl ApprovalRows for SqliteTx {
    async fn insert_approval(&mut self, approval: &Approval) -> Rows<bool> {
        Ok(approvals::insert(self, approval)?)
    }

    async fn approval(&mut self, id: ApprovalId) -> Rows<Option<Approval>> {
        Ok(approvals::get(self, id)?)
    }

    async fn save_approval(&mut self, approval: &Approval) -> Rows<()> {
        Ok(approvals::save(self, approval)?)
    }

    async fn open_approvals(&mut self, session: SessionId) -> Rows<Vec<Approval>> {
        Ok(approvals::open(self, session)?)
    }

    async fn count_open_approvals(&mut self, session: SessionId) -> Rows<u64> {
        Ok(approvals::count_open(self, session)?)
    }

    async fn due_approvals(&mut self, now: Timestamp, limit: usize) -> Rows<Vec<ApprovalId>> {
        Ok(approvals::due(self, now, limit)?)
    }

    async fn approval_page(&mut self, query: &ApprovalQuery) -> Rows<(Vec<Approval>, Option<ApprovalCursor>)> {
        Ok(approvals::page(self, query)?)
    }
}

impl UsageRows for SqliteTx {
    async fn account(&mut self, key: &AccountKey) -> Rows<Option<Account>> {
        Ok(accounts::get(self, key)?)
    }

    async fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> Rows<()> {
        match accounts::get(self, key)? {
            Some(_) => Ok(()),
            None => Ok(accounts::put(self, &Account::open(key.clone(), at))?),
        }
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Rows<HashMap<AccountKey, Account>> {
        let mut found = HashMap::with_capacity(keys.len());
        for key in keys {
            let account = accounts::get(self, key)?.unwrap_or_else(|| Account::open(key.clone(), at));
            found.insert(key.clone(), account);
        }
        Ok(found)
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Rows<()> {
        for account in accounts {
            accounts::put(self, account)?;
        }
        Ok(())
    }

    async fn above(&mut self, ids: &[SessionId]) -> Rows<HashMap<SessionId, Vec<SessionId>>> {
        let mut lines = HashMap::with_capacity(ids.len());
        for id in ids {
            let line = session_tree::upwards(self, *id)?;
            lines.insert(*id, line.into_iter().skip(1).map(|above| above.id).collect());
        }
        Ok(lines)
    }

    async fn usage_sum(&mut self) -> Rows<Totals> {
        Ok(accounts::sum(self)?)
    }

    async fn mission_page(&mut self, query: &MissionQuery) -> Rows<MissionAccounts> {
        Ok(accounts::missions(self, query)?)
    }

    async fn mission_counts(&mut self, mission: &MissionId) -> Rows<BTreeMap<SessionStatus, u64>> {
        Ok(accounts::counts(self, mission)?)
    }

    async fn exhausted_accounts(&mut self, limit: usize) -> Rows<Vec<Account>> {
        Ok(accounts::exhausted(self, limit)?)
    }
}

impl AccessRows for SqliteTx {
    async fn insert_key(&mut self, key: &ApiKey) -> Rows<()> {
        Ok(api_keys::insert(self, key)?)
    }

    async fn key(&mut self, id: &KeyId) -> Rows<Option<ApiKey>> {
        Ok(api_keys::get(self, id)?)
    }

    async fn any_key(&mut self) -> Rows<bool> {
        Ok(api_keys::any(self)?)
    }

    async fn keys(&mut self) -> Rows<Vec<ApiKey>> {
        Ok(api_keys::list(self)?)
    }

    async fn save_key(&mut self, key: &ApiKey) -> Rows<()> {
        Ok(api_keys::save(self, key)?)
    }

    async fn insert_login(&mut self, login: &Login) -> Rows<()> {
        Ok(logins::insert(self, login)?)
    }

    async fn login(&mut self, id: &LoginId) -> Rows<Option<Login>> {
        Ok(logins::get(self, id)?)
    }

    async fn save_login(&mut self, login: &Login) -> Rows<()> {
        Ok(logins::save(self, login)?)
    }

    async fn forget_logins(&mut self, before: Timestamp) -> Rows<()> {
        Ok(logins::forget(self, before)?)
    }
}

impl RecordRows for SqliteTx {
    async fn tell(&mut self, event: FleetEventDraft) -> Rows<()> {
        Ok(feed_events::insert(self, &event)?)
    }

    async fn record(&mut self, entry: AuditDraft) -> Rows<AuditSeq> {
        Ok(audit_log::append(self, entry)?)
    }

    async fn feed_head(&mut self) -> Rows<FeedPosition> {
        Ok(feed_events::head(self)?)
    }
}
