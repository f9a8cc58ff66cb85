//! The closed sets of words in the description of the API. Each is taken from the domain, so it cannot differ from what
//! is read and written.

use std::borrow::Cow;

use flightdeck_domain::action::ActionName;
use flightdeck_domain::text::GateProfile as Gate;
use flightdeck_domain::{approval, audit, command, feed, message, operation, operator, session, sink, usage};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

fn described(doc: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(doc.trim()));
    schema.enum_values(Some(words)).into()
}

macro_rules! words {
    ($(#[doc = $doc:literal] $name:ident = $words:expr;)+) => {$(
        #[doc = $doc]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                described($doc, $words)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

words! {
    /// What was observed of a session.
    SessionStatus = session::SessionStatus::ALL.map(session::SessionStatus::as_str);
    /// The statuses that a session can begin with.
    OpeningStatus = session::Registration::OPENING.map(session::SessionStatus::as_str);
    /// What an operator asked of a session.
    DesiredStatus = session::DesiredStatus::ALL.map(session::DesiredStatus::as_str);
    /// The quality gate profile for an agent's work.
    GateProfile = Gate::KNOWN;
    /// Who speaks in a conversation.
    MessageRole = message::MessageRole::ALL.map(message::MessageRole::as_str);
    /// The roles that an agent reports; `agent` is stored as `assistant`. An operator's message is written by an inject.
    ReportedRole = ["user", "assistant", "agent", "tool", "system"];
    /// When a message is to reach the agent: `steer` into the turn, `queue` with the next turn, `interrupt` stops the turn.
    Delivery = command::Delivery::ALL.map(command::Delivery::as_str);
    /// What an agent is to do.
    CommandKind = command::CommandKind::WORDS;
    /// What became of a message or a command.
    ReceiptState = command::Receipt::WORDS;
    /// One answer to a permission request.
    ApprovalOption = approval::ApprovalOption::ALL.map(approval::ApprovalOption::as_str);
    /// How far a permission request has come.
    ApprovalStatus = approval::ApprovalStatus::ALL.map(approval::ApprovalStatus::as_str);
    /// What closed a permission request that nobody decided.
    ExpiryReason = approval::ExpiryReason::ALL.map(approval::ExpiryReason::as_str);
    /// What is wished of agents.
    Wish = operation::Wish::ALL.map(operation::Wish::as_str);
    /// Whom an operation concerns.
    OperationScope = operation::Scope::WORDS;
    /// How far an operation has come.
    OperationState = operation::OperationState::ALL.map(operation::OperationState::as_str);
    /// How it ended for one agent of an operation.
    TargetOutcome = operation::TargetOutcome::WORDS;
    /// How far a control call reaches: the agent alone, all below it too, or all of its mission.
    ControlScope = std::iter::once("self").chain(operation::Reach::ALL.map(operation::Reach::as_str));
    /// What a proof of the audit log came to.
    AuditVerdict = audit::AuditVerdict::ALL.map(audit::AuditVerdict::as_str);
    /// What stands on the audit log.
    AuditAction = ActionName::ALL.map(ActionName::as_str);
    /// How an action ended.
    AuditOutcome = ["accepted", "refused"];
    /// What kind of thing an action was aimed at.
    AuditTargetKind = ["approval", "auditLog", "fleet", "key", "mission", "provider", "runner", "session", "sink"];
    /// What usage is broken down by.
    UsageBy = usage::UsageBy::ALL.map(usage::UsageBy::as_str);
    /// For which time a limit of a budget holds: all time, a month of the calendar or a day, in UTC.
    BudgetSpan = usage::Span::ALL.map(usage::Span::as_str);
    /// The type of an event on the fleet feed.
    FleetEventType = feed::FleetEventKind::ALL.map(feed::FleetEventKind::as_str);
    /// The types that a reader of the fleet feed can ask for.
    FollowedType = feed::FleetEventKind::ALL.map(feed::FleetEventKind::as_str).into_iter().chain(["activity"]);
    /// What a key may do.
    Role = operator::Role::ALL.map(operator::Role::as_str);
    /// Whether a key can be used.
    KeyState = ["good", "revoked", "expired"];
    /// Where a configuration of a provider comes from.
    ConfigSource = ["file", "stored"];
    /// How the messages of a sink go out.
    SinkForm = sink::SinkForm::ALL.map(sink::SinkForm::as_str);
    /// The log that a sink follows.
    SinkSource = [sink::SinkSource::Feed, sink::SinkSource::Audit].map(sink::SinkSource::as_str);
    /// Where a sink begins.
    SinkBegins = ["start", "head"];
    /// Why a log did not go on where the cursor of a sink stood.
    SinkGapCause = sink::GapCause::ALL.map(sink::GapCause::as_str);
    /// Whether something is switched on.
    Switch = ["on", "off"];
    /// What becomes of an agent's next step while the store cannot be asked.
    WhenAway = ["allow", "deny"];
    /// The server is well.
    Well = ["ok"];
}
