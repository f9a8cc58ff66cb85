//! Hints arrive, once, where they should, and as few messages.

use flightdeck_domain::ports::WakeUps;
use flightdeck_test_servers::valkey::Private;
use flightdeck_wakeup_valkey::Options;

use crate::replica::{Replica, Woken, options, plain, run, session};

pub(crate) fn a_hint_of_one_replica_wakes_the_others(url: String) {
    run(async move {
        let options = options();
        let mut a = Replica::connected(&url, options.clone()).await;
        let mut b = Replica::connected(&url, options.clone()).await;
        let mut c = Replica::connected(&url, options).await;
        let session = session();
        a.moved(session, 7);
        assert_eq!(a.heard(), [Woken::Moved(session, 7)], "its own process is woken at once");
        a.valkey.command_queued(session);
        a.valkey.feed_grew();
        assert_eq!(a.heard(), [Woken::Commands(session), Woken::Feed]);
        for other in [&mut b, &mut c] {
            let heard = other.hear_until(Woken::Feed).await;
            assert_eq!(heard, [Woken::Moved(session, 7), Woken::Commands(session), Woken::Feed]);
        }
    });
}

pub(crate) fn own_hints_are_not_heard_again(url: String) {
    run(async move {
        let options = options();
        let mut a = Replica::connected(&url, options.clone()).await;
        let mut b = Replica::connected(&url, options).await;
        let (one, other) = (session(), session());
        a.moved(one, 1);
        b.hear_until(Woken::Moved(one, 1)).await;
        // The channel is in order: what comes back to A of its own has done so before this.
        b.moved(other, 1);
        assert_eq!(a.hear_until(Woken::Moved(other, 1)).await, [Woken::Moved(one, 1), Woken::Moved(other, 1)]);
        assert_eq!(a.valkey.stats().received, 1);
    });
}

pub(crate) fn what_is_no_message_is_ignored(url: String) {
    run(async move {
        let options = options();
        let channel = format!("{}hints", options.prefix);
        let a = Replica::connected(&url, options.clone()).await;
        let mut b = Replica::connected(&url, options).await;
        let mut anybody = plain(&url).await;
        for message in [&b"hello"[..], b"", b"\xff\xfe", b"2 the next release", b"1 not-an-id\n*"] {
            redis::cmd("PUBLISH").arg(&channel).arg(message).exec_async(&mut anybody).await.expect("sent");
        }
        let session = session();
        a.moved(session, 1);
        assert_eq!(b.hear_until(Woken::Moved(session, 1)).await, [Woken::Moved(session, 1)]);
        assert_eq!(b.valkey.stats().ignored, 5);
        assert!(b.valkey.connected());
    });
}

pub(crate) fn deployments_that_share_a_server_do_not_hear_each_other(url: String) {
    run(async move {
        let (ours, theirs) = (options(), options());
        let a = Replica::connected(&url, ours.clone()).await;
        let mut b = Replica::connected(&url, ours).await;
        let c = Replica::connected(&url, theirs.clone()).await;
        let mut d = Replica::connected(&url, theirs).await;
        let (one, other) = (session(), session());
        a.moved(one, 1);
        b.hear_until(Woken::Moved(one, 1)).await;
        c.moved(other, 1);
        assert_eq!(d.hear_until(Woken::Moved(other, 1)).await, [Woken::Moved(other, 1)]);
    });
}

pub(crate) fn a_burst_is_few_messages_and_ends_with_the_newest(server: Private) {
    run(async move {
        let options = options();
        let a = Replica::connected(&server.url(), options.clone()).await;
        let mut b = Replica::connected(&server.url(), options).await;
        let session = session();
        server.freeze();
        for seq in 1..=10_000 {
            a.moved(session, seq);
        }
        server.thaw();
        let heard = b.hear_until(Woken::Moved(session, 10_000)).await;
        assert!(heard.len() <= 2, "{heard:?}");
        // A frozen server lets one message out at the most; all others wait for it, as one.
        let stats = a.valkey.stats();
        assert!(stats.messages <= 2 && stats.sent <= 2, "{stats:?}");
        assert_eq!(stats.given, 10_000);
    });
}

pub(crate) fn too_many_sessions_at_once_are_one_hint_to_look_at_everything(server: Private) {
    run(async move {
        let options = Options { max_waiting: 10, ..options() };
        let a = Replica::connected(&server.url(), options.clone()).await;
        let mut b = Replica::connected(&server.url(), options).await;
        server.freeze();
        for _ in 0..1_000 {
            a.moved(session(), 1);
        }
        server.thaw();
        let heard = b.hear_until(Woken::Everything).await;
        assert!(heard.len() <= 11, "ten at the most went out before: {heard:?}");
    });
}
