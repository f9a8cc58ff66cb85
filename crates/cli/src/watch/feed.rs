//! The fleet feed, from where the tree was read on.

use std::sync::mpsc::Sender;

use flightdeck_client::{Client, ClientError, Filter, Follower, Heard, encode};

use super::news::News;

/// Follows in a thread of its own until nobody listens.
pub(super) fn follow(client: &Client, filter: &Filter, after: u64, tell: Sender<News>) -> Result<(), ClientError> {
    let mut follower = Follower::open(client, &path(filter), after)?;
    std::thread::spawn(move || {
        loop {
            let news = match follower.hear() {
                Ok(Heard::Event(event)) => News::Fleet(Box::new(event)),
                Ok(Heard::Lost) => News::Live(false),
                Ok(Heard::Back) => News::Live(true),
                Ok(Heard::Ended) => return,
                Err(error) => News::Over(error),
            };
            let over = matches!(news, News::Over(_));
            if tell.send(news).is_err() || over {
                return;
            }
        }
    });
    Ok(())
}

fn path(filter: &Filter) -> String {
    let pairs = [("subtree", &filter.root), ("missionId", &filter.mission)];
    let query: Vec<String> =
        pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_deref()?)))).collect();
    format!("/agents/events?{}", query.join("&"))
}
