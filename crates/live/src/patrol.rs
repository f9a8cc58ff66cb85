//! Looks for tails that are behind their logs because a hint was lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::log::Log;
use crate::tail::Tail;

/// The most logs whose ends are read at once: few enough that no other reader waits long behind it.
const AT_ONCE: usize = 500;

/// The tails of all followed logs of one kind.
pub(crate) struct Live<K> {
    pub(crate) tails: HashMap<K, Weak<Tail>>,
    /// Whether a patrol is on its way.
    pub(crate) patrolled: bool,
}

impl<K> Default for Live<K> {
    fn default() -> Self {
        Self { tails: HashMap::new(), patrolled: false }
    }
}

/// Every so often reads the ends of all logs that are followed, and has those tails look that are behind: so quiet logs cost
/// one read for all of them, however many there are. Ends when nothing is followed any more.
pub(crate) async fn patrol<L: Log>(log: Arc<L>, live: Weak<Mutex<Live<L::Key>>>, every: Duration) {
    let mut was_away = false;
    loop {
        tokio::time::sleep(every).await;
        let Some(followed) = followed(&live) else { return };
        let mut away = false;
        for some in followed.chunks(AT_ONCE) {
            match log.heads(some.to_vec()).await {
                Ok(heads) => {
                    let tails = heads.into_iter().filter_map(|(key, head)| Some((tail(&live, &key)?, head)));
                    tails.for_each(|(tail, head)| tail.ends_at(head));
                }
                Err(error) => {
                    if !was_away {
                        let cause: &dyn std::error::Error = &error;
                        tracing::warn!(cause, "cannot read where followed logs end; trying again");
                    }
                    away = true;
                    break;
                }
            }
        }
        was_away = away;
    }
}

/// The keys of what is followed; `None` when nothing is, after which no patrol is on its way.
fn followed<K: Clone + Eq + std::hash::Hash>(live: &Weak<Mutex<Live<K>>>) -> Option<Vec<K>> {
    let live = live.upgrade()?;
    let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
    live.tails.retain(|_, tail| tail.strong_count() > 0);
    let enough = live.tails.len() * 2;
    live.tails.shrink_to(enough);
    live.patrolled = !live.tails.is_empty();
    live.patrolled.then(|| live.tails.keys().cloned().collect())
}

fn tail<K: Eq + std::hash::Hash>(live: &Weak<Mutex<Live<K>>>, key: &K) -> Option<Arc<Tail>> {
    live.upgrade()?.lock().unwrap_or_else(PoisonError::into_inner).tails.get(key)?.upgrade()
}
