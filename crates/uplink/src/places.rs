//! Places for agents: how many may be at work at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// So many places, given to whoever comes first. Their number can be changed while agents are at work: with fewer, nobody
/// is sent away, and places that become free are not given again until there are as few as there should be.
#[derive(Debug)]
pub struct Places {
    free: Semaphore,
    count: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    /// How many there should be.
    all: usize,
    /// How many of those that are taken are not to be given again.
    surplus: usize,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub struct Place(Arc<Places>);

impl Places {
    /// So many places.
    #[must_use]
    pub fn new(all: usize) -> Self {
        Self { free: Semaphore::new(all), count: Mutex::new(Count { all, surplus: 0 }) }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are, free or taken.
    #[must_use]
    pub fn all(&self) -> usize {
        self.count().all
    }

    /// Changes their number.
    pub fn resize(&self, all: usize) {
        let mut count = self.count();
        let (more, fewer) = (all.saturating_sub(count.all), count.all.saturating_sub(all));
        let kept = more.min(count.surplus);
        self.free.add_permits(more - kept);
        count.surplus += fewer - self.free.forget_permits(fewer);
        count.surplus -= kept;
        count.all = all;
    }

    /// A place, if one is free now.
    #[must_use]
    pub fn try_take(self: &Arc<Self>) -> Option<Place> {
        self.free.try_acquire().ok()?.forget();
        Some(Place(Arc::clone(self)))
    }

    /// A place, as soon as one is free.
    pub async fn take(self: Arc<Self>) -> Place {
        // Nothing closes it.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        Place(self)
    }

    /// Whether a place is free now.
    #[must_use]
    pub fn has_free(&self) -> bool {
        self.free.available_permits() > 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.0.count();
        if count.surplus > 0 {
            count.surplus -= 1;
        } else {
            self.0.free.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_places_send_nobody_away_and_more_are_there_at_once() {
        let places = Arc::new(Places::new(3));
        let mut taken: Vec<Place> = (0..3).filter_map(|_| places.try_take()).collect();
        assert_eq!((taken.len(), places.has_free()), (3, false));
        places.resize(1);
        taken.pop();
        taken.pop();
        assert!(places.try_take().is_none(), "one is at work, and one place is left");
        taken.pop();
        let last = places.try_take().expect("free");
        assert!(places.try_take().is_none());
        places.resize(2);
        let second = places.try_take().expect("one more");
        places.resize(1);
        places.resize(2);
        drop((last, second));
        let both: Vec<Place> = (0..3).filter_map(|_| places.try_take()).collect();
        assert_eq!(both.len(), 2);
        assert_eq!(places.all(), 2);
    }
}
