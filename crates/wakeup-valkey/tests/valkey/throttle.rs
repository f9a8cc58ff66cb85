//! A quota holds for all replicas together.

use std::num::NonZeroU32;
use std::time::Duration;

use flightdeck_test_servers::valkey::Private;
use flightdeck_wakeup_valkey::{Admission, Options, Quota, Throttle, Unavailable};

use crate::replica::{Replica, options, plain, run, until};

const HOUR: Duration = Duration::from_hours(1);

fn quota(count: u32) -> Quota {
    Quota { count: NonZeroU32::new(count).expect("some"), period: HOUR }
}

async fn granted(throttle: &Throttle, key: &str) -> bool {
    throttle.admit(key).await.expect("an answer") == Admission::Granted
}

/// When the refused request would pass.
async fn refused(throttle: &Throttle, key: &str) -> Duration {
    match throttle.admit(key).await.expect("an answer") {
        Admission::Refused { retry_after } => retry_after,
        Admission::Granted => panic!("granted"),
    }
}

/// The key in the server that holds the count.
fn counted(options: &Options, key: &str) -> String {
    format!("{}throttle:control:{key}", options.prefix)
}

pub(crate) fn replicas_count_together(url: String) {
    run(async move {
        let options = options();
        let a = Replica::connected(&url, options.clone()).await.valkey.throttle("control", quota(3));
        assert!(matches!(a.admit("k").await, Err(Unavailable::Away)), "the connection is gone with its replica");

        let (one, other) =
            (Replica::connected(&url, options.clone()).await, Replica::connected(&url, options.clone()).await);
        let (a, b) = (one.valkey.throttle("control", quota(3)), other.valkey.throttle("control", quota(3)));
        assert!(granted(&a, "k").await && granted(&b, "k").await && granted(&a, "k").await);
        for throttle in [&a, &b] {
            let wait = refused(throttle, "k").await;
            assert!(wait > Duration::ZERO && wait <= HOUR / 3, "{wait:?}");
        }
        assert!(granted(&b, "another key").await);
        assert!(granted(&other.valkey.throttle("tree", quota(3)), "k").await, "another throttle");
    });
}

pub(crate) fn requests_come_back_one_by_one(url: String) {
    run(async move {
        let options = options();
        let replica = Replica::connected(&url, options.clone()).await;
        let throttle = replica.valkey.throttle("control", quota(4));
        for _ in 0..4 {
            assert!(granted(&throttle, "k").await);
        }
        refused(&throttle, "k").await;
        // A quarter of an hour passes.
        let mut server = plain(&url).await;
        let key = counted(&options, "k");
        let whole: f64 = redis::cmd("GET").arg(&key).query_async(&mut server).await.expect("a time");
        let earlier = whole - (HOUR / 4).as_secs_f64() * 1e6;
        redis::cmd("SET").arg(&key).arg(format!("{earlier:.3}")).exec_async(&mut server).await.expect("set");
        assert!(granted(&throttle, "k").await);
        refused(&throttle, "k").await;
    });
}

pub(crate) fn a_clock_that_was_set_back_locks_nobody_out(url: String) {
    run(async move {
        let options = options();
        let replica = Replica::connected(&url, options.clone()).await;
        let throttle = replica.valkey.throttle("control", quota(4));
        let mut server = plain(&url).await;
        let mut set = redis::cmd("SET");
        // In the year 2255.
        set.arg(counted(&options, "k")).arg("9000000000000000").exec_async(&mut server).await.expect("set");
        let wait = refused(&throttle, "k").await;
        assert!(wait <= HOUR / 4, "{wait:?}");
        redis::cmd("DEL").arg(counted(&options, "k")).exec_async(&mut server).await.expect("deleted");
    });
}

pub(crate) fn keys_vanish_when_they_say_nothing_any_more(url: String) {
    run(async move {
        let options = options();
        let replica = Replica::connected(&url, options.clone()).await;
        let throttle = replica.valkey.throttle("control", quota(2));
        let mut server = plain(&url).await;
        assert!(granted(&throttle, "k").await);
        let mut ttl = redis::cmd("PTTL");
        let left: i64 = ttl.arg(counted(&options, "k")).query_async(&mut server).await.expect("a time");
        assert!(left > 0 && left <= 1_800_000, "one of two requests is back after half an hour: {left}");
        assert!(granted(&throttle, "k").await);
        refused(&throttle, "k").await;
        redis::cmd("DEL").arg(counted(&options, "k")).exec_async(&mut server).await.expect("deleted");
        assert!(granted(&throttle, "k").await && granted(&throttle, "k").await, "no key is a whole quota");
    });
}

pub(crate) fn a_script_that_was_forgotten_is_loaded_again(server: Private) {
    run(async move {
        let replica = Replica::connected(&server.url(), options()).await;
        let throttle = replica.valkey.throttle("control", quota(2));
        assert!(granted(&throttle, "k").await);
        let mut flush = redis::cmd("SCRIPT");
        flush.arg("FLUSH").exec_async(&mut plain(&server.url()).await).await.expect("forgotten");
        assert!(granted(&throttle, "k").await);
        refused(&throttle, "k").await;
    });
}

pub(crate) fn no_server_is_no_answer_and_no_wait(mut server: Private) {
    run(async move {
        let replica = Replica::connected(&server.url(), options()).await;
        let throttle = replica.valkey.throttle("control", quota(2));
        assert!(granted(&throttle, "k").await);
        server.stop();
        until("it is seen to be gone", || !replica.valkey.connected()).await;
        // The patience of these options is a minute: only who does not ask at all is away at once.
        assert!(matches!(throttle.admit("k").await, Err(Unavailable::Away)));
        server.start_again().expect("it starts again");
        until("it is back", || replica.valkey.connected()).await;
        assert!(granted(&throttle, "k").await);
    });
}

pub(crate) fn a_server_that_does_not_answer_is_not_waited_for(server: Private) {
    run(async move {
        let options = Options { throttle_deadline: Duration::from_millis(20), ..options() };
        let replica = Replica::connected(&server.url(), options).await;
        let throttle = replica.valkey.throttle("control", quota(2));
        server.freeze();
        assert!(matches!(throttle.admit("k").await, Err(Unavailable::Late)));
        assert!(replica.valkey.connected(), "one late answer is no outage");
        server.thaw();
    });
}
