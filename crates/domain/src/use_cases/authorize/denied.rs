//! Why access is denied.

use crate::ids::SessionId;
use crate::mission_set::MissionSet;
use crate::ports::StoreUnavailable;
use crate::session::PlaceRefused;
use crate::text::{MissionId, ProviderName, ProviderSessionId};

/// Why something was denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The role may not do it on any session.
    #[error("a key with the role {0} may not do this")]
    Role(&'static str),
    /// The role may do it, but not on this session.
    #[error("this key is bound to session {bound_to} and those below it")]
    OutsideSubtree {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
    },
    /// It concerns more than the sessions of the key's missions.
    #[error("this key is for sessions of {missions} alone, and this concerns the whole fleet")]
    WholeFleet {
        /// The missions of the key.
        missions: MissionSet,
    },
    /// It is about a session, a permission request or an operation outside of the key's missions.
    #[error("this key is for sessions of {missions} alone")]
    OutsideMissions {
        /// The missions of the key.
        missions: MissionSet,
    },
    /// It reaches sessions of other missions.
    #[error(
        "below session {top} are sessions of other missions, and this key is for sessions of {missions} alone; name the \
         sessions one by one, or use scope=mission"
    )]
    OthersBelow {
        /// The missions of the key.
        missions: MissionSet,
        /// The session from which it reaches down.
        top: SessionId,
    },
    /// An agent's key without a session may do nothing.
    #[error("this agent key is bound to no session")]
    Unbound,
    /// The key is a runner's and the request does not say for which session it acts.
    #[error("a runner acts for the session that it was assigned; send Flightdeck-Assignment: <sessionId>/<token>")]
    NoAssignment,
    /// The place that it names is not the one that the key was made for.
    #[error(transparent)]
    Place(#[from] PlaceRefused),
    /// A session that is not the key's own needs a parent.
    #[error(
        "parentAgentId: is missing; this key is bound to session {bound_to}: name it, or a session below it, as the parent, \
         or register session {bound_to} itself"
    )]
    ParentMissing {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
    },
    /// The parent is outside the key's subtree.
    #[error(
        "parentAgentId: session {parent} is not below session {bound_to}, which this key is bound to; name that session, or \
         one below it, as the parent"
    )]
    ParentOutside {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
        /// The parent that was named.
        parent: SessionId,
    },
    /// The id belongs to a session outside the key's subtree.
    #[error("sessionId: {session} is not below session {bound_to}, which this key is bound to; take another id")]
    SessionOutside {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
        /// The id that was named.
        session: SessionId,
    },
    /// A key with missions puts sessions into one of them.
    #[error(
        "missionId: is missing; this key puts sessions into {missions} alone: name one of them, or a parent that belongs to \
         one"
    )]
    MissionMissing {
        /// The missions of the key.
        missions: MissionSet,
    },
    /// The mission is not one of the key's.
    #[error("missionId: {:?} is not a mission of this key, which is for {missions} alone", .mission.as_str())]
    MissionOutside {
        /// The missions of the key.
        missions: MissionSet,
        /// The mission that was named.
        mission: MissionId,
    },
    /// The parent belongs to none of the key's missions.
    #[error("parentAgentId: session {parent} belongs to no mission of this key, which is for {missions} alone")]
    ParentElsewhere {
        /// The missions of the key.
        missions: MissionSet,
        /// The parent that was named.
        parent: SessionId,
    },
    /// The id belongs to a session of another mission, or of none.
    #[error("sessionId: {session} belongs to no mission of this key, which is for {missions} alone; take another id")]
    SessionElsewhere {
        /// The missions of the key.
        missions: MissionSet,
        /// The id that was named.
        session: SessionId,
    },
    /// The conversation to be resumed is outside of the key's missions.
    #[error(
        "context.resume: {resumed:?} is not the own id of a session of {missions}, for which this key is alone; somebody with \
         a key for all missions can take it up"
    )]
    ResumeElsewhere {
        /// The missions of the key.
        missions: MissionSet,
        /// The agent's own id of the conversation.
        resumed: ProviderSessionId,
    },
    /// The server, or a hook, registers such sessions itself, so a caller cannot.
    #[error("provider: sessions of {0} are registered by the server itself; leave provider out, or name your own")]
    ServersProvider(ProviderName),
    /// The server itself knows the provider's own id of a session that it runs.
    #[error("providerSessionId: the server knows this of sessions of {0} by itself; leave it out")]
    ServersOwnId(ProviderName),
    /// The conversation to be resumed is outside the key's subtree.
    #[error(
        "context.resume: {resumed:?} is not the own id of a session below session {bound_to}, which this key is bound to; an \
         operator can take it up"
    )]
    ResumeOutside {
        /// The session whose subtree the key is bound to.
        bound_to: SessionId,
        /// The agent's own id of the conversation.
        resumed: ProviderSessionId,
    },
}

impl AccessDenied {
    /// The field of the request at fault, as the API names it.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Role(_)
            | Self::OutsideSubtree { .. }
            | Self::WholeFleet { .. }
            | Self::OutsideMissions { .. }
            | Self::OthersBelow { .. }
            | Self::Unbound
            | Self::NoAssignment => None,
            Self::Place(refused) => Some(refused.field()),
            Self::ParentMissing { .. } | Self::ParentOutside { .. } | Self::ParentElsewhere { .. } => {
                Some("parentAgentId")
            }
            Self::SessionOutside { .. } | Self::SessionElsewhere { .. } => Some("sessionId"),
            Self::MissionMissing { .. } | Self::MissionOutside { .. } => Some("missionId"),
            Self::ServersProvider(_) => Some("provider"),
            Self::ServersOwnId(_) => Some("providerSessionId"),
            Self::ResumeOutside { .. } | Self::ResumeElsewhere { .. } => Some("context/resume"),
        }
    }
}

/// Why access was not given.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The rules deny it.
    #[error(transparent)]
    Denied(#[from] AccessDenied),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}
