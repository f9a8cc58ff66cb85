mod within_missions;

use super::*;
use crate::fixtures::{session, session_id};
use crate::ids::KeyId;
use crate::operator::Role;
use crate::ports::SessionPage;
use crate::use_cases::testing::{MockPorts, new_session};

fn principal(role: Role, bound_to: Option<SessionId>) -> Principal {
    let place = SessionPlace::default();
    Principal { key_id: KeyId::new("0102030405ab").expect("valid"), role, bound_to, place, missions: None }
}

fn agent() -> Principal {
    principal(Role::Agent, Some(session_id(1)))
}

fn mission(text: &str) -> Option<MissionId> {
    MissionId::new(text).ok()
}

fn of(text: &str) -> ProviderName {
    ProviderName::new(text).expect("valid")
}

/// Session 1 with 2 below it, and the strangers 3 and 4; 1 and 2 are on the mission `apollo`, 3 on `gemini`.
fn tree(own: Option<Session>) -> Authorize {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_is_within().returning(|id, top| Ok(top == session_id(1) && id == session_id(2)));
    let known = [
        own,
        Some(Session { parent_id: Some(session_id(1)), mission_id: mission("apollo"), ..session(2) }),
        Some(Session { mission_id: mission("gemini"), ..session(3) }),
    ];
    mocks
        .sessions
        .expect_get()
        .returning(move |id| Ok(known.iter().flatten().find(|session| session.id == id).cloned()));
    mocks.sessions.expect_list().returning(|query| {
        let named = |text| query.filter.provider_session_id == ProviderSessionId::new(text).ok();
        let own = query.filter.subtree == Some(session_id(1)) && named("own");
        let sessions = own.then(|| session(2)).into_iter().collect();
        Ok(SessionPage { sessions, next: None, as_of: crate::ids::FeedPosition::ZERO })
    });
    Authorize::new(&mocks.ports())
}

fn at_work() -> Session {
    Session { mission_id: mission("apollo"), ..session(1) }
}

fn asked(id: Option<u128>, parent: Option<u128>, on: Option<&str>) -> NewSession {
    NewSession {
        session_id: id.map(session_id),
        parent_id: parent.map(session_id),
        mission_id: on.and_then(mission),
        ..new_session()
    }
}

/// The field at which it was denied; `None` when it was allowed.
fn field<T>(decided: Result<T, AuthorizeError>) -> Option<&'static str> {
    match decided {
        Ok(_) => None,
        Err(AuthorizeError::Denied(denied)) => Some(denied.field().unwrap_or("all of it")),
        Err(AuthorizeError::Unavailable(error)) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_role_alone_decides_for_an_unbound_key() {
    let authorize = Authorize::new(&MockPorts::default().ports());
    let operator = principal(Role::Operator, None);
    assert!(authorize.on_session(&operator, Permission::Control, session_id(1)).await.is_ok());
    let viewer = principal(Role::Viewer, None);
    let denied = authorize.on_session(&viewer, Permission::Control, session_id(1)).await;
    assert!(matches!(denied, Err(AuthorizeError::Denied(AccessDenied::Role("viewer")))));
    let anywhere = asked(Some(1), Some(3), Some("gemini"));
    assert_eq!(authorize.register(&operator, anywhere.clone()).await.expect("allowed"), anywhere);
    assert_eq!(authorize.spawn(&operator, anywhere.clone(), None).await.expect("allowed"), anywhere);
    assert!(authorize.register(&viewer, anywhere).await.is_err());
}

#[tokio::test]
async fn an_agent_reaches_its_own_subtree_only() {
    let authorize = tree(Some(at_work()));
    for (session, allowed) in [(1, true), (2, true), (3, false)] {
        let result = authorize.on_session(&agent(), Permission::Report, session_id(session)).await;
        assert_eq!(result.is_ok(), allowed, "session {session}");
    }
    assert!(authorize.on_session(&agent(), Permission::Control, session_id(1)).await.is_err());
}

#[tokio::test]
async fn an_unbound_agent_key_is_good_for_nothing() {
    let authorize = Authorize::new(&MockPorts::default().ports());
    let agent = principal(Role::Agent, None);
    assert!(authorize.on_session(&agent, Permission::Report, session_id(1)).await.is_err());
    assert!(authorize.register(&agent, asked(Some(1), None, None)).await.is_err());
    assert!(authorize.spawn(&agent, asked(None, Some(1), None), None).await.is_err());
}

/// Each place that can be named for the key's own session, against where it stands or is to stand.
#[tokio::test]
async fn a_bound_key_registers_its_own_session_where_it_belongs_and_nowhere_else() {
    let below = Session { parent_id: Some(session_id(3)), mission_id: mission("gemini"), ..session(1) };
    let planned = SessionPlace { parent_id: Some(session_id(3)), mission_id: None };
    let on_apollo = SessionPlace { parent_id: None, mission_id: mission("apollo") };
    let nowhere = SessionPlace::default();
    for (own, place, parent, on) in [
        (Some(at_work()), &planned, None, Some("apollo")),
        (Some(below), &nowhere, Some(3), Some("gemini")),
        (None, &planned, Some(3), Some("gemini")),
        (None, &on_apollo, None, Some("apollo")),
        (None, &nowhere, None, None),
    ] {
        let key = Principal { place: place.clone(), ..agent() };
        for named in [asked(Some(1), None, None), asked(Some(1), parent, on), asked(Some(1), None, on)] {
            let new = tree(own.clone()).register(&key, named.clone()).await.expect("its own place");
            assert_eq!((new.parent_id, new.mission_id), (parent.map(session_id), on.and_then(mission)), "{named:?}");
        }
        for (other, expected) in [
            (asked(Some(1), Some(2), None), "parentAgentId"),
            (asked(Some(1), Some(4), on), "parentAgentId"),
            (asked(Some(1), None, Some("mercury")), "missionId"),
            (asked(Some(1), parent, Some("mercury")), "missionId"),
        ] {
            let decided = tree(own.clone()).register(&key, other.clone()).await;
            assert_eq!(field(decided), Some(expected), "{other:?} with {key:?}");
        }
    }
}

#[tokio::test]
async fn a_bound_key_puts_others_below_its_own_session_alone() {
    for (new, expected) in [
        (asked(None, Some(1), None), None),
        (asked(None, Some(2), None), None),
        (asked(Some(7), Some(2), Some("apollo")), None),
        (asked(Some(2), Some(1), None), None),
        (asked(None, None, None), Some("parentAgentId")),
        (asked(None, Some(3), None), Some("parentAgentId")),
        (asked(Some(7), Some(4), None), Some("parentAgentId")),
        (asked(None, Some(1), Some("gemini")), Some("missionId")),
        (asked(None, Some(2), Some("mercury")), Some("missionId")),
        (asked(Some(3), Some(1), None), Some("sessionId")),
        (asked(Some(3), None, None), Some("sessionId")),
    ] {
        let registered = tree(Some(at_work())).register(&agent(), new.clone()).await;
        assert_eq!(field(registered), expected, "{new:?}");
        if new.session_id.is_none() {
            assert_eq!(field(tree(Some(at_work())).spawn(&agent(), new.clone(), None).await), expected, "{new:?}");
        }
    }
}

#[tokio::test]
async fn what_the_server_finds_its_own_sessions_by_is_not_made_up() {
    let authorize = tree(Some(at_work()));
    for provider in ["acp", "claude-code", "scripted"] {
        let new = NewSession { provider: of(provider), ..asked(Some(7), Some(1), None) };
        assert_eq!(field(authorize.register(&agent(), new).await), Some("provider"), "{provider}");
        let run = tree(Some(Session { provider: of(provider), ..session(1) }));
        let again = NewSession { provider: of(provider), ..asked(Some(1), None, None) };
        assert_eq!(field(run.register(&agent(), again).await), None, "{provider}: it is the server's, and says so");
        assert_eq!(field(run.own_id(&agent(), session_id(1)).await), Some("providerSessionId"), "{provider}");
        assert_eq!(field(run.own_id(&principal(Role::Operator, None), session_id(1)).await), None, "{provider}");
    }
    let own = NewSession { provider: of("mine"), ..asked(Some(7), Some(1), None) };
    assert_eq!(field(authorize.register(&agent(), own).await), None);
    assert_eq!(field(authorize.own_id(&agent(), session_id(1)).await), None);
    for (resumed, expected) in [("own", None), ("foreign", Some("context/resume"))] {
        let spawned = authorize.spawn(&agent(), asked(None, Some(1), None), ProviderSessionId::new(resumed).ok()).await;
        assert_eq!(field(spawned), expected, "{resumed}");
    }
}
