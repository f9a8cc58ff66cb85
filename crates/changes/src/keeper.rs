//! Keeps the states of sessions, and compares them.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use flightdeck_domain::changes::{
    ChangeList, ChangeReport, Compared, FileDiff, FilePath, KeptChanges, Moment, Stretch, Unkept, WorkFolder,
};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{Changes, ChangesError, Clock};
use flightdeck_domain::time::Timestamp;
use tokio::sync::Semaphore;

use crate::compare::{self, Found};
use crate::git::{Git, GitError};
use crate::record::{Mark, Place, Record, When};
use crate::repository::Repository;
use crate::shelf::{self, Shelf};
use crate::snapshot::{self, Earlier, Made, Snapshot, SnapshotError};
use crate::stretch::{ends, kept};

/// How much may be looked at and kept.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long the first state of a folder may take: its agent waits for it.
    pub first: Duration,
    /// How long any other state, or a comparison, may take.
    pub time: Duration,
    /// The most files of a folder that are not ignored.
    pub files: usize,
    /// The most bytes of a list of paths.
    pub list_bytes: usize,
    /// The most bytes of a file that is kept.
    pub file_bytes: u64,
    /// The most bytes of files that one state adds.
    pub bytes: u64,
    /// The most bytes of files that the states of a session add.
    pub session_bytes: u64,
    /// The most files whose lines are counted, and that are looked at for renames.
    pub counted: usize,
    /// The most files in a list.
    pub listed: usize,
    /// How many states are kept at a time, and how many are compared.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            time: Duration::from_secs(15),
            files: 250_000,
            list_bytes: 64 << 20,
            file_bytes: 8 << 20,
            bytes: 256 << 20,
            session_bytes: 1 << 30,
            counted: 5_000,
            listed: 2_000,
            at_once: std::thread::available_parallelism().map_or(2, NonZero::get).max(2),
        }
    }
}

/// Keeps the states of sessions in a folder of the server, and compares them.
pub struct Keeper {
    shared: Arc<Shared>,
    /// Who keeps does not wait for those who read.
    keeping: Arc<Semaphore>,
    reading: Arc<Semaphore>,
}

struct Shared {
    folder: PathBuf,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// Whoever works on the shelf of a session has its lock.
    locks: Mutex<HashMap<SessionId, Arc<Mutex<()>>>>,
}

impl Keeper {
    /// Keeps them in this folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: &Path, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let places = || Arc::new(Semaphore::new(limits.at_once.max(1)));
        let (keeping, reading) = (places(), places());
        // git runs in other folders, where a relative path would lead elsewhere. Without a current folder it stays what it is.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let shared = Shared { folder, limits, clock, locks: Mutex::default() };
        Self { shared: Arc::new(shared), keeping, reading }
    }

    /// Works on the shelf of a session, beside the runtime's threads. It is done to its end, also when nobody waits for it
    /// any more.
    async fn on<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        session: SessionId,
        work: impl FnOnce(&Shared, &Path) -> T + Send + 'static,
    ) -> Result<T, String> {
        let permit = Arc::clone(places).acquire_owned().await.map_err(|error| error.to_string())?;
        let shared = Arc::clone(&self.shared);
        let working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            shared.alone(session, |folder| work(&shared, folder))
        });
        working.await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Changes for Keeper {
    async fn begin(&self, session: SessionId, folder: WorkFolder) -> Result<(), Unkept> {
        let begun = self.on(&self.keeping, session, move |shared, shelf| shared.begin(shelf, &folder)).await;
        begun.unwrap_or_else(|problem| Err(Unkept(problem)))
    }

    async fn keep(&self, session: SessionId, moment: Moment) {
        let when = match moment {
            Moment::TurnBegins => When::TurnBegins,
            Moment::TurnEnds => When::TurnEnds,
            Moment::End => When::End,
        };
        match self.on(&self.keeping, session, move |shared, shelf| shared.keep(shelf, when)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) | Err(problem) => {
                tracing::warn!(%session, problem, "a state of an agent's folder is not kept");
            }
        }
    }

    async fn list(&self, session: SessionId, stretch: Stretch) -> Result<Compared<ChangeList>, ChangesError> {
        let work = move |shared: &Shared, shelf: &Path| {
            let found = |_: &Git, found: Vec<Found>| Ok(compare::listed(found, &shared.limits));
            shared.compare(session, shelf, stretch, Later::Now, found)
        };
        self.on(&self.reading, session, work).await.map_err(ChangesError::Unreadable)?
    }

    async fn file(
        &self,
        session: SessionId,
        stretch: Stretch,
        path: FilePath,
    ) -> Result<Compared<FileDiff>, ChangesError> {
        let work = move |shared: &Shared, shelf: &Path| {
            let found = |git: &Git, found: Vec<Found>| {
                let diff = compare::diff(git, found, &path).map_err(|error| unreadable(&error))?;
                diff.ok_or_else(|| ChangesError::UnknownFile(path.clone()))
            };
            shared.compare(session, shelf, stretch, Later::Now, found)
        };
        self.on(&self.reading, session, work).await.map_err(ChangesError::Unreadable)?
    }

    async fn report(&self, session: SessionId, stretch: Stretch) -> Result<ChangeReport, ChangesError> {
        let work = move |shared: &Shared, shelf: &Path| {
            let found = |git: &Git, found: Vec<Found>| {
                let files = compare::reported(git, found.clone());
                Ok((compare::listed(found, &shared.limits), files))
            };
            shared.compare(session, shelf, stretch, Later::Kept, found)
        };
        // An agent waits for it.
        let compared = self.on(&self.keeping, session, work).await.map_err(ChangesError::Unreadable)??;
        let Compared { kept: KeptChanges { folder, commit, branch, turns }, from_at, to_at, found, .. } = compared;
        let (ChangeList { total, added, removed, .. }, files) = found;
        Ok(ChangeReport { folder, commit, branch, turns, from_at, to_at, files, total, added, removed }.fitted())
    }

    async fn kept(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<SessionId>, ChangesError> {
        let folder = self.shared.folder.clone();
        let found = tokio::task::spawn_blocking(move || shelf::sessions(&folder, after, limit)).await;
        let found = found.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        found.map_err(|error| ChangesError::Unreadable(format!("what is kept cannot be listed: {error}")))
    }

    async fn forget(&self, session: SessionId) -> Result<(), ChangesError> {
        let work = |_: &Shared, folder: &Path| match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        let done = self.on(&self.keeping, session, work).await.map_err(ChangesError::Unreadable)?;
        done.map_err(|error| {
            ChangesError::Unreadable(format!("what is kept of session {session} cannot be removed: {error}"))
        })
    }
}

/// Which state is the later one of a stretch that goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Later {
    /// That of the folder now.
    Now,
    /// The last one that is kept.
    Kept,
}

fn unreadable(error: &GitError) -> ChangesError {
    ChangesError::Unreadable(format!("the changes cannot be read now: {error}"))
}

impl Shared {
    /// Works on a shelf while nobody else does.
    fn alone<T>(&self, session: SessionId, work: impl FnOnce(&Path) -> T) -> T {
        let locks = || self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = Arc::clone(locks().entry(session).or_default());
        let held = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&self.folder.join(session.to_string()));
        drop(held);
        let mut locks = locks();
        // The map and this one: nobody else waits.
        if Arc::strong_count(&lock) == 2 {
            locks.remove(&session);
        }
        done
    }

    fn now(&self) -> i64 {
        self.clock.now().as_micros()
    }

    fn begin(&self, folder: &Path, work: &WorkFolder) -> Result<(), Unkept> {
        match Record::read(folder) {
            Ok(None) => {}
            Ok(Some(Record::Kept { .. })) => return Ok(()),
            Ok(Some(Record::Unkept(why))) => return Err(Unkept(why)),
            Err(error) => return Err(Unkept(format!("what is kept cannot be read: {error}"))),
        }
        let begun = self.first(folder, work);
        let record = match &begun {
            Ok(record) => record.clone(),
            Err(why) => Record::Unkept(why.0.clone()),
        };
        let written = std::fs::create_dir_all(folder).and_then(|()| record.write(folder));
        written.map_err(|error| Unkept(format!("what is kept cannot be written: {error}")))?;
        begun.map(drop)
    }

    fn first(&self, folder: &Path, work: &WorkFolder) -> Result<Record, Unkept> {
        let until = Instant::now() + self.limits.first;
        let shown = work.path.display();
        let unkept = |error: &dyn std::error::Error| {
            Unkept(format!("the state of the folder {shown} could not be kept when the agent began: {error}"))
        };
        let repository = Repository::find(work, until).map_err(|error| unkept(&error))?;
        let Some(repository) = repository else {
            let why = format!("the folder {shown} is in no git repository, so nothing tells what the agent changed");
            return Err(Unkept(why));
        };
        let Repository { top, objects, index, exclude, format, commit, branch } = repository;
        let place = Place { top, objects, index, exclude, commit, branch };
        let made = || -> Result<Made, SnapshotError> {
            let trees = Shelf::make(folder, &format, until)?;
            let earlier = Earlier { state: None, room: self.limits.bytes };
            let made = twice(|| snapshot::make(&trees, &place, &self.limits, earlier, until))?;
            trees.take_over_folders(&place, &made.state.tree, until)?;
            Ok(made)
        };
        let state = made().map_err(|error| unkept(&error))?.state;
        let begin = Mark { when: When::Begin, at: self.now(), state: Some(state) };
        Ok(Record::Kept { place, bytes: 0, marks: vec![begin] })
    }

    fn keep(&self, folder: &Path, when: When) -> Result<(), String> {
        let record = Record::read(folder).map_err(|error| error.to_string())?;
        let Some(Record::Kept { place, mut bytes, mut marks }) = record else { return Ok(()) };
        if marks.last().is_some_and(|last| last.when == When::End) {
            return Ok(());
        }
        let until = Instant::now() + self.limits.time;
        let trees = Shelf { folder: folder.to_owned() };
        let made = self.state(&trees, &place, &marks, bytes, until).and_then(|made| {
            Self::take_over(&trees, &place, &marks, &made.state, until)?;
            Ok(made)
        });
        let at = self.now();
        let (state, problem) = match made {
            Ok(made) => {
                bytes = bytes.saturating_add(made.bytes);
                (Some(made.state), Ok(()))
            }
            Err(error) => (None, Err(error.to_string())),
        };
        marks.push(Mark { when, at, state });
        Record::Kept { place, bytes, marks }.write(folder).map_err(|error| error.to_string())?;
        problem
    }

    fn state(
        &self,
        trees: &Shelf,
        place: &Place,
        marks: &[Mark],
        bytes: u64,
        until: Instant,
    ) -> Result<Made, SnapshotError> {
        let state = marks.iter().rev().find_map(|mark| mark.state.as_ref());
        let earlier = Earlier { state, room: self.limits.session_bytes.saturating_sub(bytes) };
        twice(|| snapshot::make(trees, place, &self.limits, earlier, until))
    }

    /// A new state can be compared with the first one and with the one before.
    fn take_over(
        trees: &Shelf,
        place: &Place,
        marks: &[Mark],
        state: &Snapshot,
        until: Instant,
    ) -> Result<(), SnapshotError> {
        let states = || marks.iter().filter_map(|mark| mark.state.as_ref());
        let mut others: Vec<&str> =
            states().next().into_iter().chain(states().next_back()).map(|one| &*one.tree).collect();
        others.dedup();
        for other in others.into_iter().filter(|other| *other != state.tree) {
            trees.take_over(place, other, &state.tree, until)?;
        }
        Ok(())
    }

    /// Compares the states at both ends of a stretch.
    fn compare<T>(
        &self,
        session: SessionId,
        folder: &Path,
        stretch: Stretch,
        later: Later,
        found: impl FnOnce(&Git, Vec<Found>) -> Result<T, ChangesError>,
    ) -> Result<Compared<T>, ChangesError> {
        let broken = |error: std::io::Error| ChangesError::Unreadable(format!("what is kept cannot be read: {error}"));
        let (place, bytes, marks) = match Record::read(folder).map_err(broken)? {
            None => return Err(ChangesError::UnknownSession(session)),
            Some(Record::Unkept(why)) => return Err(Unkept(why).into()),
            Some(Record::Kept { place, bytes, marks }) => (place, bytes, marks),
        };
        let until = Instant::now() + self.limits.time;
        let trees = Shelf { folder: folder.to_owned() };
        let (from, to) = ends(&marks, stretch)?;
        let unkept = || ChangesError::Unreadable("no state was kept at the beginning of it".to_owned());
        let (from_at, old) = from.and_then(|mark| Some((mark.at, mark.state.clone()?))).ok_or_else(unkept)?;
        let now = match to {
            None if later == Later::Now => {
                Some(self.state(&trees, &place, &marks, bytes, until).map(|made| (self.now(), made.state)))
            }
            _ => None,
        };
        let last = || to.or(marks.iter().rev().find(|mark| mark.state.is_some()));
        let (to_at, new, is_now) = match now {
            Some(Ok((at, state))) => (at, state, true),
            // The folder is gone, for example: the last state that is known.
            Some(Err(error)) => match last().and_then(|mark| Some((mark.at, mark.state.clone()?))) {
                Some((at, state)) if matches!(error, SnapshotError::Gone(_)) => (at, state, false),
                _ => return Err(ChangesError::Unreadable(format!("the folder cannot be read now: {error}"))),
            },
            None => {
                let kept = last().and_then(|mark| Some((mark.at, mark.state.clone()?)));
                let (at, state) = kept.ok_or_else(|| {
                    ChangesError::Unreadable(
                        "no state was kept at the end of it: the folder could not be read".to_owned(),
                    )
                })?;
                (at, state, false)
            }
        };
        // What is kept is whole without the agent's repository; what is there now may need it.
        let git = if is_now { trees.git_on(&place, until) } else { trees.git(until) };
        let all = compare::all(&git, &old, &new, &self.limits).map_err(|error| unreadable(&error))?;
        let at = |micros: i64| Timestamp::from_micros(micros).unwrap_or(Timestamp::FIRST);
        Ok(Compared {
            kept: kept(&place, &marks),
            from_at: at(from_at),
            to_at: at(to_at),
            is_now,
            found: found(&git, all)?,
        })
    }
}

/// A folder at work may change while it is read.
fn twice(make: impl Fn() -> Result<Made, SnapshotError>) -> Result<Made, SnapshotError> {
    match make() {
        Err(SnapshotError::Git(GitError::Failed { .. })) => make(),
        done => done,
    }
}
