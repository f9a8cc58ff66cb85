//! The fleet feed.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use flightdeck_domain::epoch::FeedCursor;
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::SessionRepository;
use flightdeck_domain::use_cases::{Authorize, FeedFilter, ReadSessions, SelectEvents};
use flightdeck_live::{FleetFeedLog, Hints, Selection, Tails};

use super::messages::{last_event_id, not_ahead};
use crate::auth::Caller;
use crate::dto::{StreamEvent, texts, words};
use crate::epochs::CurrentEpoch;
use crate::extract::Params;
use crate::frames;
use crate::problem::ApiError;
use crate::sse::Streams;

/// How often a session may tick.
const ACTIVITY_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// The fleet feed, and the filters over it.
pub(crate) struct Events {
    pub(crate) authorize: Authorize,
    pub(crate) feed: Tails<FleetFeedLog>,
    pub(crate) sessions: ReadSessions,
    /// The place of an event's session, for readers of a part of the feed.
    pub(crate) tree: Arc<dyn SessionRepository>,
    pub(crate) hints: Arc<Hints>,
    pub(crate) epoch: CurrentEpoch,
}

/// Follow everything that happens to sessions, in one durable order.
///
/// Server-sent events: `event:` is the type (`spawned`, `status`, `action`, `receipt`, `approval`, `killswitch`, `budget`), `id:` the
/// epoch and the position, `<epoch>-<position>`.
/// Without a cursor it begins with what happens next; `GET /agents/tree` gives in `Flightdeck-As-Of` the position from
/// which tree and feed have no gap between them. With filters only what is wanted comes; ids stay positions on the whole
/// feed, and resuming after the last one misses nothing that is wanted. A key with missions gets what is of these alone.
///
/// `event: activity` says `{"sessionId", "seq"}`: a conversation has grown to that seq. It has no id, comes at most four
/// times a second and session, and is not repeated to those who reconnect.
///
/// When the deployment was restored to an earlier moment, its epoch is another one. A cursor from before gets `event: gap`
/// with `{"reason": "restored", "epoch", "after"}`, and then what happens next: read the tree anew.
///
/// The retention rules may have removed what comes after a cursor, also that of an open stream whose reader is far behind. Then
/// `event: gap` comes in its place, with `{"reason": "retention", "epoch", "from", "after", "continueAfter"}` and the place
/// `continueAfter` as its id, and the stream goes on there: read the tree anew.
#[utoipa::path(get, path = "/agents/events", operation_id = "followFleet", tag = "agents", security(("apiKey" = [])),
    params(("Last-Event-ID" = inline(Option<texts::LastFeedCursor>), Header, description = "go on after this event; goes before after"),
        ("after" = inline(Option<texts::FeedCursor>), Query,
            description = "go on after this place, <epoch>-<position> or a bare position; 0 begins with the first event"),
        ("type" = Option<Vec<words::FollowedType>>, Query,
            description = "only these types, also one parameter with commas; with `activity` among them, or without this parameter, ticks come too"),
        ("subtree" = Option<uuid::Uuid>, Query, description = "only this session and those below it"),
        ("missionId" = inline(Option<texts::MissionId>), Query, description = "only sessions of this mission"),
        ("activity" = inline(Option<words::Switch>), Query, description = "off: no ticks")),
    responses((status = 200, description = "the events, for as long as the reader stays", content_type = "text/event-stream", body = StreamEvent),
        (status = 400, description = "the cursor is wrong, or beyond the end"),
        (status = 404, description = "no such agent to be the subtree"),
        (status = 429, description = "the key has as many open streams as it may")))]
pub(crate) async fn stream(
    events: Data<Events>,
    streams: Data<Streams>,
    caller: Caller,
    request: HttpRequest,
    mut params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = params.take::<FeedCursor>("after");
    let (kinds, ticks) = kinds(&mut params);
    let (subtree, mission_id) = (params.take::<SessionId>("subtree"), params.take("missionId"));
    params.finish()?;
    let resumed = last_event_id::<FeedCursor>(request.headers())?;
    let fleet_wide = whole_fleet(&events.authorize, &caller, subtree).await?;
    let missions = events.authorize.narrowed(&caller.principal, subtree, mission_id.as_ref()).await?;
    // What concerns the whole fleet is not for a key with missions.
    let fleet_wide = fleet_wide && missions.is_none();
    let counted = streams.admit(&caller)?;
    let head = events.feed.head(&()).await?.map_or(0, |head| head.position);
    let brought = resumed.or(after);
    let over = events.epoch.is_over(brought.and_then(|cursor| cursor.epoch));
    // What the places of another history were given to is not known: it goes on with what happens next.
    let cursor = brought.filter(|_| !over).map_or(head, |cursor| cursor.position.get());
    not_ahead(cursor, head, resumed.is_some())?;
    let first = over.then(|| frames::gap_frame(events.epoch.get(), head, Some(&events.epoch.cursor(head))));
    let follower = events.feed.follow((), cursor).await?;
    let follower = follower.ok_or_else(|| ApiError::Internal("there is no fleet feed".into()))?;
    if let Some(top) = subtree {
        events.sessions.one(top).await?.ok_or_else(|| ApiError::no_session(top))?;
    }
    let select = SelectEvents::new(&events.tree, FeedFilter { kinds, subtree, mission_id, missions, fleet_wide });
    let ticks = ticks.then(|| events.hints.activity(ACTIVITY_EVERY));
    Ok(streams.follow(&request, &caller, counted, first, Selection::new(follower, ticks, select)))
}

/// The wanted types of events, and whether ticks are wanted.
fn kinds(params: &mut Params) -> (Option<Vec<FleetEventKind>>, bool) {
    let words = params.list::<String>("type");
    let (ticks, named): (Vec<_>, Vec<_>) = words.iter().partition(|word| *word == "activity");
    let mut kinds = Vec::new();
    for word in named {
        match word.parse() {
            Ok(kind) => kinds.push(kind),
            Err(error) => params.refuse("type", format!("{error}, or activity")),
        }
    }
    let off = match params.take::<String>("activity").as_deref() {
        None | Some("on") => false,
        Some("off") => true,
        Some(other) => {
            params.refuse("activity", format!("{other:?} is neither on nor off"));
            false
        }
    };
    let all = words.is_empty();
    ((!all).then_some(kinds), !off && (all || !ticks.is_empty()))
}

/// Whether the caller may see the whole fleet; a bound key may ask for a subtree of its own.
async fn whole_fleet(authorize: &Authorize, caller: &Caller, subtree: Option<SessionId>) -> Result<bool, ApiError> {
    match (authorize.role(&caller.principal, Permission::ReadFleet), subtree) {
        (Ok(()), _) => Ok(true),
        (Err(_), Some(top)) => {
            authorize.on_session(&caller.principal, Permission::ReadSession, top).await?;
            Ok(false)
        }
        (Err(denied), None) => Err(ApiError::Denied(format!("{denied}; ask for ?subtree=<your session>"))),
    }
}
