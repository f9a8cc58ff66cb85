use super::*;
use crate::approval::Approval;
use crate::command::{CommandKind, Receipt};
use crate::feed::FleetEventDraft;
use crate::fixtures::{approval, at, command, session};
use crate::ids::FeedPosition;
use crate::session::SessionStatus;
use crate::text::{MissionId, Reason};

fn url() -> PublicUrl {
    PublicUrl::new("https://deck.example/").expect("valid")
}

fn notice(event: FleetEventDraft, transcript: bool, reminder: bool) -> Notice {
    let session = Session { mission_id: MissionId::new("apollo").ok(), ..session(1) };
    let public_url = url();
    let facts = NoticeFacts { session: Some(&session), public_url: Some(&public_url), transcript, reminder };
    Notice::of(&event.at_position(FeedPosition::new(9)), facts)
}

fn opened() -> FleetEventDraft {
    FleetEventDraft::approval(&Approval { expires_at: Some(at(600)), ..approval(1) }, at(10))
}

#[test]
fn a_request_leads_to_the_page_of_its_decision() {
    let told = notice(opened(), false, false);
    assert_eq!((told.kind.as_str(), told.urgency), ("approval.opened", Urgency::High));
    assert_eq!(told.title, "worker (FD-1) asks for permission");
    let id = "00000000-0000-0000-0000-000000000001";
    let approval = approval(1).id;
    let decide = format!("https://deck.example/#approvals?open={id}&approval={approval}");
    let labels: Vec<_> = told.links.iter().map(|link| link.label).collect();
    assert_eq!((labels, told.link.as_deref()), (vec!["Decide", "Watch"], Some(decide.as_str())));
    assert_eq!(told.data.as_map()["link"], decide);
    assert!(told.lines.contains(&"Mission apollo".to_owned()), "{:?}", told.lines);
    let again = notice(opened(), false, true);
    assert_eq!(again.kind, "approval.expiring");
    assert!(again.title.contains("still waits"));
}

#[test]
fn what_agents_write_is_said_to_those_alone_who_asked_for_it() {
    let reason = Reason::new("my key is hush").ok();
    let failed = Session { status: SessionStatus::Failed, status_reason: reason.clone(), ..session(1) };
    let refused = crate::command::Command {
        receipt: Receipt::Refused { reason: reason.expect("valid") },
        ..command(3, CommandKind::Pause)
    };
    let title = Approval { title: crate::text::ApprovalTitle::new("read hush").expect("valid"), ..approval(1) };
    for event in [
        FleetEventDraft::status(&failed, SessionStatus::Running, at(1)),
        FleetEventDraft::receipt(&refused, at(1)),
        FleetEventDraft::approval(&title, at(1)),
    ] {
        let plain = notice(event.clone(), false, false);
        assert!(!format!("{plain:?}").contains("hush"), "{plain:?}");
        let whole = notice(event, true, false);
        assert!(format!("{whole:?}").contains("hush"), "{whole:?}");
    }
}

#[test]
fn a_line_is_one_line_of_a_bounded_length() {
    let long = format!("a\nb\u{1b}{}", "x".repeat(900));
    let title = crate::text::ApprovalTitle::new("x".repeat(400)).expect("valid");
    let told = notice(FleetEventDraft::approval(&Approval { title, ..approval(1) }, at(1)), true, false);
    assert!(told.lines.iter().all(|line| line.chars().count() <= Notice::LINE + 1));
    assert_eq!(line(&long).chars().count(), Notice::LINE + 1);
    assert!(line(&long).starts_with("a b xx"));
}

#[test]
fn an_address_of_the_page_is_an_address_and_nothing_else() {
    assert_eq!(url().as_str(), "https://deck.example");
    for good in ["http://127.0.0.1:7600", "https://deck.example/a/b"] {
        assert!(PublicUrl::new(good).is_ok(), "{good}");
    }
    for wrong in [
        "",
        "deck.example",
        "ftp://x",
        "https://",
        "https:///x",
        "https://x/?a",
        "https://x/#a",
        "https://a b",
        "https://me:hush@x",
    ] {
        assert!(PublicUrl::new(wrong).is_err(), "{wrong}");
    }
}
