//! The server goes, and comes back.

use std::net::TcpListener;
use std::num::NonZeroU32;
use std::time::Duration;

use flightdeck_test_servers::valkey::Private;
use flightdeck_wakeup_valkey::{Admission, Options, Quota};

use crate::replica::{Replica, Woken, options, plain, run, session, until};

pub(crate) fn a_server_that_comes_back_is_subscribed_to_again_and_everything_is_looked_at(mut server: Private) {
    run(async move {
        let options = options();
        let a = Replica::connected(&server.url(), options.clone()).await;
        let mut b = Replica::connected(&server.url(), options).await;
        server.stop();
        until("both see that it is gone", || !a.valkey.connected() && !b.valkey.connected()).await;
        let status = b.valkey.status();
        assert!(status.problem.is_some() && server.url().ends_with(&status.server), "{status:?}");
        let session = session();
        a.moved(session, 5);
        assert!(b.heard().is_empty(), "nothing can be heard");

        server.start_again().expect("it starts again");
        b.hear_until(Woken::Everything).await;
        assert_eq!(b.valkey.status().problem, None);
        assert_eq!(b.valkey.stats().subscribed, 2);
        until("what waited has gone out", || a.valkey.stats().sent == 1).await;
        a.moved(session, 6);
        b.hear_until(Woken::Moved(session, 6)).await;
    });
}

pub(crate) fn a_hint_that_was_on_its_way_when_the_server_died_is_sent_again(mut server: Private) {
    run(async move {
        let a = Replica::connected(&server.url(), options()).await;
        server.freeze();
        a.moved(session(), 1);
        // Nobody has read it yet, and nobody will.
        server.stop();
        until("it is seen to be gone", || !a.valkey.connected()).await;
        assert_eq!(a.valkey.stats().sent, 0);
        server.start_again().expect("it starts again");
        until("it went out after all", || a.valkey.stats().sent == 1).await;
    });
}

pub(crate) fn a_connection_that_was_cut_is_made_again(server: Private) {
    run(async move {
        let options = options();
        let a = Replica::connected(&server.url(), options.clone()).await;
        let mut b = Replica::connected(&server.url(), options).await;
        let mut anybody = plain(&server.url()).await;
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL").arg("TYPE").arg("pubsub").exec_async(&mut anybody).await.expect("cut");
        b.hear_until(Woken::Everything).await;
        until("A is back too", || a.valkey.stats().subscribed == 2 && a.valkey.connected()).await;
        let session = session();
        a.moved(session, 1);
        b.hear_until(Woken::Moved(session, 1)).await;
    });
}

pub(crate) fn a_password_is_used_and_not_told(server: Private) {
    run(async move {
        let options = options();
        let mut anybody = plain(&server.url()).await;
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("requirepass").arg("open-sesame").exec_async(&mut anybody).await.expect("set");
        let with = |password: &str| server.url().replace("redis://", &format!("redis://:{password}@"));
        let a = Replica::connected(&with("open-sesame"), options.clone()).await;
        let mut b = Replica::connected(&with("open-sesame"), options.clone()).await;
        let session = session();
        a.moved(session, 1);
        b.hear_until(Woken::Moved(session, 1)).await;
        assert!(!format!("{:?}", a.valkey.status()).contains("open-sesame"));

        let stranger = Replica::new(&with("open-barley"), options);
        until("it is told why", || stranger.valkey.status().problem.is_some()).await;
        let status = stranger.valkey.status();
        assert!(!status.connected && !format!("{status:?}").contains("open-barley"), "{status:?}");
    });
}

/// The command of the documentation makes the user, and its rights are enough.
pub(crate) fn a_user_with_the_documented_rights_may_do_everything(server: Private) {
    run(async move {
        let page = include_str!("../../../../docs/operations.md");
        let command = page.lines().find(|line| line.starts_with("ACL SETUSER ")).expect("it is documented");
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let mut set = redis::cmd("ACL");
        set.arg(words).exec_async(&mut plain(&server.url()).await).await.expect("set");

        let url = server.url().replace("redis://", "redis://flightdeck:password@");
        let options = Options { prefix: Options::default().prefix, ping_every: Duration::from_millis(1), ..options() };
        let a = Replica::connected(&url, options.clone()).await;
        let mut b = Replica::connected(&url, options).await;
        let quota = Quota { count: NonZeroU32::MIN, period: Duration::from_hours(1) };
        let throttle = a.valkey.throttle("control", quota);
        assert!(matches!(throttle.admit("k").await, Ok(Admission::Granted)));
        assert!(matches!(throttle.admit("k").await, Ok(Admission::Refused { .. })));
        let session = session();
        a.moved(session, 1);
        b.hear_until(Woken::Moved(session, 1)).await;
        assert_eq!((a.valkey.stats().subscribed, b.valkey.stats().subscribed), (1, 1), "nothing was forbidden");
    });
}

pub(crate) fn without_a_server_nothing_waits_and_nothing_fails() {
    run(async move {
        // It takes connections, and never says a word.
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("redis://{}", silent.local_addr().expect("its address"));
        let options = Options { connect_timeout: Duration::from_millis(50), ..options() };
        let mut replica = Replica::new(&url, options);
        for seq in 1..=10_000 {
            replica.moved(session(), seq);
        }
        assert_eq!(replica.heard().len(), 10_000, "this process is woken all the same");
        until("it is told why", || replica.valkey.status().problem.is_some()).await;
        assert!(!replica.valkey.connected());
        assert_eq!((replica.valkey.stats().given, replica.valkey.stats().sent), (10_000, 0));
    });
}
