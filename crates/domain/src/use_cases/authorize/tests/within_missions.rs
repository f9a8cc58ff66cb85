//! Keys with missions.

use super::*;
use crate::action::Attribution;
use crate::approval::Approval;
use crate::fixtures::{approval, attribution, operation_id};
use crate::ids::ApprovalId;
use crate::operation::{Tally, Wish};
use crate::ports::ApprovalFilter;

fn apollo(role: Role) -> Principal {
    let missions = ["apollo", "mercury"].into_iter().filter_map(mission);
    Principal { missions: MissionSet::new(missions).ok(), ..principal(role, None) }
}

/// 1 and 2, below it, are on `apollo`; 3 is on `gemini`, and 4 on no mission. There is no other.
fn fleet() -> MockPorts {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_get().returning(|id| {
        let of = |n: u128, parent: Option<u128>, on: Option<&str>| Session {
            parent_id: parent.map(session_id),
            mission_id: on.and_then(mission),
            ..session(n)
        };
        let all =
            [of(1, None, Some("apollo")), of(2, Some(1), Some("apollo")), of(3, None, Some("gemini")), session(4)];
        Ok(all.into_iter().find(|session| session.id == id))
    });
    mocks
}

fn id_of(n: u128) -> ApprovalId {
    ApprovalId::new(*session_id(n).as_uuid())
}

#[tokio::test]
async fn it_reaches_the_sessions_of_its_missions() {
    let authorize = Authorize::new(&fleet().ports());
    for (role, permission) in [
        (Role::Viewer, Permission::ReadSession),
        (Role::Operator, Permission::ReadSession),
        (Role::Operator, Permission::Report),
        (Role::Operator, Permission::Control),
    ] {
        for (n, allowed) in [(1, true), (2, true), (3, false), (4, false), (5, false)] {
            let decided = authorize.on_session(&apollo(role), permission, session_id(n)).await;
            assert_eq!(decided.is_ok(), allowed, "{role} {permission:?} {n}");
            let target = AuditTarget::Session(session_id(n));
            let decided = authorize.on_target(&apollo(role), permission, &target).await;
            assert_eq!(decided.is_ok(), allowed, "{role} {permission:?} {n}");
        }
    }
    let denied = authorize.on_session(&apollo(Role::Viewer), Permission::Control, session_id(1)).await;
    assert!(matches!(denied, Err(AuthorizeError::Denied(AccessDenied::Role("viewer")))));
}

#[tokio::test]
async fn what_concerns_all_missions_is_denied() {
    let authorize = Authorize::new(&MockPorts::default().ports());
    let key = apollo(Role::Operator);
    for permission in [Permission::ReadFleet, Permission::Control] {
        assert!(authorize.role(&key, permission).is_ok(), "{permission:?}");
        assert!(matches!(authorize.on_fleet(&key, permission), Err(AccessDenied::WholeFleet { .. })), "{permission:?}");
        assert!(authorize.on_target(&key, permission, &AuditTarget::Fleet).await.is_err());
        assert!(authorize.on_fleet(&principal(Role::Operator, None), permission).is_ok());
    }
    assert!(matches!(authorize.role(&key, Permission::ReadAudit), Err(AccessDenied::WholeFleet { .. })));
    assert!(authorize.on_target(&key, Permission::ReadAudit, &AuditTarget::AuditLog).await.is_err());
    for (named, allowed) in [("apollo", true), ("mercury", true), ("gemini", false)] {
        let target = AuditTarget::Mission(mission(named).expect("valid"));
        assert_eq!(authorize.on_target(&key, Permission::Control, &target).await.is_ok(), allowed, "{named}");
    }
}

#[tokio::test]
async fn a_permission_request_is_that_of_its_session() {
    for (asks, allowed) in [(Some(2), true), (Some(3), false), (None, false)] {
        let mut mocks = fleet();
        let asked = asks.map(|n| Approval { session_id: session_id(n), ..approval(7) });
        mocks.approvals.expect_get().times(1).return_once(move |_| Ok(asked));
        let authorize = Authorize::new(&mocks.ports());
        let target = AuditTarget::Approval(id_of(7));
        let decided = authorize.on_target(&apollo(Role::Operator), Permission::Control, &target).await;
        assert_eq!(decided.is_ok(), allowed, "{asks:?}");
    }
    // For a key without missions nothing is looked up.
    let authorize = Authorize::new(&MockPorts::default().ports());
    let target = AuditTarget::Approval(id_of(7));
    assert!(authorize.on_target(&principal(Role::Operator, None), Permission::Control, &target).await.is_ok());
}

#[tokio::test]
async fn an_operation_is_that_of_its_scope() {
    let authorize = Authorize::new(&fleet().ports());
    let by: Attribution = attribution("because");
    for (scope, allowed) in [
        (Scope::Session(session_id(1)), true),
        (Scope::Subtree(session_id(2)), true),
        (Scope::Session(session_id(3)), false),
        (Scope::Subtree(session_id(4)), false),
        (Scope::Mission(mission("mercury").expect("valid")), true),
        (Scope::Mission(mission("gemini").expect("valid")), false),
        (Scope::Fleet, false),
    ] {
        let operation = Operation::begin(operation_id(1), Wish::Pause, scope, &by, Tally::default());
        let decided = authorize.on_operation(&apollo(Role::Viewer), &operation).await;
        assert_eq!(decided.is_ok(), allowed, "{operation:?}");
        assert!(authorize.on_operation(&principal(Role::Viewer, None), &operation).await.is_ok());
    }
}

#[tokio::test]
async fn a_subtree_with_sessions_of_others_is_denied() {
    for (all, own, allowed) in [(2, 2, true), (2, 1, false), (2, 3, true)] {
        let mut mocks = fleet();
        mocks.sessions.expect_count().times(2).returning(move |filter| {
            assert!(
                filter.subtree == Some(session_id(1)) && !filter.statuses.iter().any(|status| status.is_terminal())
            );
            Ok(if filter.missions.is_some() { own } else { all })
        });
        let authorize = Authorize::new(&mocks.ports());
        let decided = authorize.on_subtree(&apollo(Role::Operator), Permission::Control, session_id(1)).await;
        assert_eq!(decided.is_ok(), allowed, "{own} of {all}");
    }
    let authorize = Authorize::new(&fleet().ports());
    assert!(authorize.on_subtree(&apollo(Role::Operator), Permission::Control, session_id(3)).await.is_err());
    assert!(authorize.on_subtree(&principal(Role::Operator, None), Permission::Control, session_id(3)).await.is_ok());
}

#[tokio::test]
async fn what_it_reads_is_narrowed_to_its_missions() {
    let authorize = Authorize::new(&fleet().ports());
    let key = apollo(Role::Viewer);
    let filter = ApprovalFilter { missions: key.missions.clone(), ..ApprovalFilter::default() };
    assert_eq!(authorize.narrowed(&key, None, None).await.expect("allowed"), filter.missions);
    let (apollo, gemini) = (mission("apollo"), mission("gemini"));
    for (session, named, allowed) in [
        (Some(1), None, true),
        (None, apollo.as_ref(), true),
        (Some(1), apollo.as_ref(), true),
        (Some(3), None, false),
        (None, gemini.as_ref(), false),
        (Some(1), gemini.as_ref(), false),
    ] {
        let narrowed = authorize.narrowed(&key, session.map(session_id), named).await;
        assert_eq!(narrowed.is_ok(), allowed, "{session:?} {named:?}");
        let free = authorize.narrowed(&principal(Role::Viewer, None), session.map(session_id), named).await;
        assert_eq!(free.expect("allowed"), None);
    }
}

#[tokio::test]
async fn it_puts_sessions_into_its_missions_alone() {
    let authorize = Authorize::new(&fleet().ports());
    let key = apollo(Role::Operator);
    for (new, expected) in [
        (asked(None, None, Some("apollo")), None),
        (asked(None, Some(2), None), None),
        (asked(None, Some(2), Some("mercury")), None),
        (asked(Some(7), None, Some("mercury")), None),
        (asked(Some(1), None, None), None),
        (asked(Some(1), None, Some("apollo")), None),
        (asked(None, None, None), Some("missionId")),
        (asked(None, None, Some("gemini")), Some("missionId")),
        (asked(None, Some(1), Some("gemini")), Some("missionId")),
        (asked(None, Some(3), None), Some("parentAgentId")),
        (asked(None, Some(4), Some("apollo")), Some("parentAgentId")),
        (asked(None, Some(5), Some("apollo")), Some("parentAgentId")),
        (asked(Some(3), None, None), Some("sessionId")),
        (asked(Some(4), None, Some("apollo")), Some("sessionId")),
    ] {
        assert_eq!(field(authorize.register(&key, new.clone()).await), expected, "{new:?}");
        if new.session_id.is_none() {
            assert_eq!(field(authorize.spawn(&key, new.clone(), None).await), expected, "{new:?}");
        }
    }
}

#[tokio::test]
async fn it_neither_makes_up_nor_takes_up_what_is_of_others() {
    let mut mocks = fleet();
    mocks.sessions.expect_list().returning(|query| {
        let own = query.filter.provider_session_id == ProviderSessionId::new("own").ok();
        assert!(query.filter.missions.is_some());
        let sessions = own.then(|| session(1)).into_iter().collect();
        Ok(SessionPage { sessions, next: None, as_of: crate::ids::FeedPosition::ZERO })
    });
    let authorize = Authorize::new(&mocks.ports());
    let key = apollo(Role::Operator);
    for (resumed, expected) in [("own", None), ("foreign", Some("context/resume"))] {
        let new = asked(None, None, Some("apollo"));
        let spawned = authorize.spawn(&key, new, ProviderSessionId::new(resumed).ok()).await;
        assert_eq!(field(spawned), expected, "{resumed}");
    }
    let made_up = NewSession { provider: of("acp"), ..asked(Some(7), None, Some("apollo")) };
    assert_eq!(field(authorize.register(&key, made_up).await), Some("provider"));
}
