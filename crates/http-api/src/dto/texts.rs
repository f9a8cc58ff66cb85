//! The bounded texts in the description of the API, with the limits of the domain.
//!
//! The domain counts bytes of UTF-8 and a JSON Schema counts characters, so `maxLength` is exact for ASCII and too wide for
//! everything else; the descriptions say so.

use std::borrow::Cow;

use flightdeck_domain::text;
use flightdeck_domain::use_cases::SearchWords;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Something besides white space, and no control character.
pub(crate) const ONE_LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// Something besides white space, and no U+0000.
pub(crate) const ANY_LINES: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
/// A number and a UUID: where a page of a list ended.
const PLACE: &str = r"^[0-9]{1,16}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
/// At most 30 s, in seconds or milliseconds.
const SPAN_30: &str = "^(?:(?:[0-9]|[12][0-9]|30)s?|(?:[0-9]{1,4}|[12][0-9]{4}|30000)ms)$";
/// At most 60 s.
const SPAN_60: &str = "^(?:(?:[0-9]|[1-5][0-9]|60)s?|(?:[0-9]{1,4}|[1-5][0-9]{4}|60000)ms)$";
/// At most 600 s.
const SPAN_600: &str = "^(?:(?:[0-9]{1,2}|[1-5][0-9]{2}|600)s?|(?:[0-9]{1,5}|[1-5][0-9]{5}|600000)ms)$";

fn text(doc: &str, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(doc.trim())).pattern(Some(pattern))
}

macro_rules! texts {
    ($(#[doc = $doc:literal] $name:ident = $schema:expr;)+) => {$(
        #[doc = $doc]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let schema: fn(&str) -> ObjectBuilder = $schema;
                schema($doc).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

macro_rules! bounded {
    ($kind:ident, $pattern:expr) => {
        |doc| text(doc, $pattern).min_length(Some(1)).max_length(Some(text::$kind::LIMIT))
    };
}

texts! {
    /// A day in UTC, as 2026-11-30.
    Day = |doc| text(doc, "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$");
    /// A model or a mode by the name that an agent has for it, in one line; its length counts in bytes of UTF-8.
    ChoiceName = bounded!(ChoiceName, ONE_LINE);
    /// The work item that a session is about, in one line; its length counts in bytes of UTF-8.
    TaskId = bounded!(TaskId, ONE_LINE);
    /// Where a work item comes from, in one line; its length counts in bytes of UTF-8.
    TaskSource = bounded!(TaskSource, ONE_LINE);
    /// A file by the path that it has in a list of changes.
    ChangedPath = |doc| text(doc, r"^(?:[^\\\x00]|\\\\|\\x(?:0[1-9A-Fa-f]|[1-9A-Fa-f][0-9A-Fa-f]))+$").min_length(Some(1)).max_length(Some(4_096));
    /// What kind of agent it is, in one line; its length counts in bytes of UTF-8.
    AgentType = bounded!(AgentType, ONE_LINE);
    /// The public half of a key: 12 hexadecimal digits.
    KeyId = |doc| text(doc, "^[0-9a-f]{12}$");
    /// What people call a key, in one line; its length counts in bytes of UTF-8.
    KeyName = bounded!(KeyName, ONE_LINE);
    /// The name of a configuration of a provider: at most 50 letters, digits, `_`, `-` and `.`; those of a file are freer.
    ConfigName = |doc| text(doc, "^[!-~]+$").min_length(Some(1)).max_length(Some(100));
    /// The name of a runner: letters, digits, `_`, `-` and `.`.
    RunnerName = |doc| text(doc, "^[A-Za-z0-9][A-Za-z0-9_.-]*$").min_length(Some(1)).max_length(Some(63));
    /// The name of a sink: letters, digits, `_`, `-` and `.`.
    SinkName = |doc| text(doc, "^[A-Za-z0-9][A-Za-z0-9_.-]*$").min_length(Some(1)).max_length(Some(50));
    /// What runs a session: `internal`, `acp`, `claude-code`, `scripted` or a name of your own; its length counts in bytes of UTF-8.
    ProviderName = bounded!(ProviderName, ONE_LINE);
    /// The id under which the provider itself knows a session; its length counts in bytes of UTF-8.
    ProviderSessionId = bounded!(ProviderSessionId, ONE_LINE);
    /// A mission: it groups sessions across trees. Its length counts in bytes of UTF-8.
    MissionId = bounded!(MissionId, ONE_LINE);
    /// Why, in a sentence, for people and for the audit log; its length counts in bytes of UTF-8.
    Reason = bounded!(Reason, ANY_LINES);
    /// What an agent asks permission for, in one line; its length counts in bytes of UTF-8.
    ApprovalTitle = bounded!(ApprovalTitle, ONE_LINE);
    /// What one message says; its length counts in bytes of UTF-8.
    MessageContent = bounded!(MessageContent, ANY_LINES);
    /// Names a call, in visible ASCII; also as a text in quotes.
    IdempotencyKey = |doc| text(doc, "^[ -~]*[!-~][ -~]*$").min_length(Some(1)).max_length(Some(text::IdempotencyKey::LIMIT));
    /// Words to look for.
    SearchText = |doc| text(doc, r"\S").min_length(Some(1)).max_length(Some(SearchWords::MAX_CHARS));
    /// Where a page of a list ended, as the server said it.
    Place = |doc| text(doc, PLACE);
    /// Where a page of missions ended, as the server said it.
    MissionPlace = |doc| text(doc, r"^[0-9]{1,16}\.[!-~]{1,100}$");
    /// A place on the fleet feed, as the server said it: `<epoch>-<position>`, or a bare position.
    FeedCursor = |doc| text(doc, "^(?:[0-9a-f]{8}-)?[0-9]{1,18}$");
    /// The same in `Last-Event-ID`, where readers that have no event yet may send nothing.
    LastFeedCursor = |doc| text(doc, "^(?:(?:[0-9a-f]{8}-)?[0-9]{1,18})?$");
    /// An epoch of the deployment, as the header `Flightdeck-Epoch` said it.
    Epoch = |doc| text(doc, "^[0-9a-f]{8}$");
    /// A span of time such as `2s` or `500ms`, at most 30 s; a bare number counts seconds.
    SpanTo30 = |doc| text(doc, SPAN_30);
    /// A span of time such as `2s` or `500ms`, at most 60 s; a bare number counts seconds.
    SpanTo60 = |doc| text(doc, SPAN_60);
    /// A span of time such as `2s` or `500ms`, at most 600 s; a bare number counts seconds.
    SpanTo600 = |doc| text(doc, SPAN_600);
    /// The id of a key, or `cli`, `budget` or `system`.
    Operator = |doc| text(doc, "^(?:[0-9a-f]{12}|cli|budget|system)$");
    /// A JSON object with whatever members; at most 256 KiB as text.
    JsonObject = |doc| {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(doc.trim()))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
    };
}
