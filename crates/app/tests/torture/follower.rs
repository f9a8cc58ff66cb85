//! A follower of the shared session, who comes back with the id of the last event that it has.

use std::net::SocketAddr;
use std::thread;

use crate::support::sse::Stream;
use crate::{PATIENCE, Scene};

/// What came over the stream.
#[derive(Default)]
pub(crate) struct Followed {
    pub(crate) seqs: Vec<u64>,
    pub(crate) ids: Vec<String>,
    pub(crate) reconnects: u64,
}

pub(crate) fn follow(scene: &Scene, address: SocketAddr, key: &str) -> Followed {
    let path = format!("/agents/{}/messages/stream", scene.shared);
    let mut followed = Followed::default();
    while scene.goes_on() {
        let Ok(mut stream) = Stream::open(address, key, &path, followed.seqs.last().copied()) else {
            thread::sleep(PATIENCE);
            continue;
        };
        assert_eq!(
            stream.status,
            200,
            "after {:?}: what was sent is durable, so its id is never ahead",
            followed.seqs.last()
        );
        followed.reconnects += 1;
        while let Ok(Some(event)) = stream.next() {
            followed.seqs.push(event.id.expect("a message has an id"));
            followed.ids.push(event.json()["id"].as_str().expect("an id").to_owned());
            if !scene.goes_on() {
                break;
            }
        }
    }
    followed
}
