//! The state of a folder, as a tree in the shelf.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use flightdeck_domain::changes::FilePath;
use serde::{Deserialize, Serialize};

use crate::git::{Git, GitError, words};
use crate::keeper::Limits;
use crate::record::Place;
use crate::shelf::Shelf;

/// The most repositories below the folder whose commits are noted.
const SUBMODULES: usize = 100;
/// The most bytes of what git says when it has nothing to say.
const SAID: usize = 1 << 20;

/// A file of which only this is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Heavy {
    /// Its path, as the domain writes it.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// When it was last written, in nanoseconds.
    pub(crate) written: i128,
}

/// The state of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) tree: String,
    /// What is not in the tree, because it is too much, or cannot be read; by path.
    pub(crate) heavy: Vec<Heavy>,
}

/// A state that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) state: Snapshot,
    /// How many bytes were read into the shelf for it.
    pub(crate) bytes: u64,
}

/// Why a state was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("the folder {0} is gone")]
    Gone(String),
    #[error("{0} has more than {1} files that are not ignored")]
    TooMany(String, usize),
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What is done with the paths that are not as the index has them.
#[derive(Default)]
struct Sorted {
    /// They are read.
    read: Vec<u8>,
    /// They leave the index: they are gone, or they are not kept.
    leave: Vec<u8>,
    /// Repositories.
    submodules: Vec<Vec<u8>>,
    heavy: Vec<Heavy>,
    bytes: u64,
}

/// What was there before a state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earlier<'a> {
    /// The state before; `None` for the first one.
    pub(crate) state: Option<&'a Snapshot>,
    /// How many bytes the shelf may still take.
    pub(crate) room: u64,
}

/// Makes the state of the folder now.
pub(crate) fn make(
    shelf: &Shelf,
    place: &Place,
    limits: &Limits,
    earlier: Earlier<'_>,
    until: Instant,
) -> Result<Made, SnapshotError> {
    if !place.top.join(".git").symlink_metadata().is_ok_and(|_| place.top.is_dir()) {
        return Err(SnapshotError::Gone(place.top.display().to_string()));
    }
    let git = shelf.git_on(place, until);
    let foreign = tracked(shelf, place, limits, until)?;
    let mut paths = other(&git, place, limits)?;
    // What is ignored and is in the repository all the same.
    paths.extend(foreign.ignored);
    let is_first = earlier.state.is_none();
    let sorted = sort(place, limits, &earlier, paths, |path| is_first && foreign.all.contains(path));
    if !sorted.leave.is_empty() {
        git.whole(&words(["update-index", "-z", "--force-remove", "--stdin"]), &sorted.leave, SAID)?;
    }
    if !sorted.read.is_empty() {
        let read = words(["update-index", "-z", "--add", "--remove", "--replace", "--stdin"]);
        git.whole(&read, &sorted.read, SAID)?;
    }
    for submodule in sorted.submodules.iter().take(SUBMODULES) {
        let [command, add, replace, end] = words(["update-index", "--add", "--replace", "--"]);
        match git.whole(&[command, add, replace, end, OsStr::from_bytes(submodule)], &[], SAID) {
            // A repository without a commit has nothing to be noted.
            Ok(_) | Err(GitError::Failed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let tree = git.line(&words(["write-tree"]), &[])?;
    let mut heavy = sorted.heavy;
    heavy.sort();
    Ok(Made { state: Snapshot { tree, heavy }, bytes: sorted.bytes })
}

/// What the agent's own repository has in its index.
#[derive(Default)]
struct Tracked {
    ignored: Vec<Vec<u8>>,
    all: BTreeSet<Vec<u8>>,
}

/// Reads it, with the configuration of the shelf. An index that cannot be read so is taken for an empty one.
fn tracked(shelf: &Shelf, place: &Place, limits: &Limits, until: Instant) -> Result<Tracked, GitError> {
    if !place.index.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return Ok(Tracked::default());
    }
    let git = shelf.git_on(place, until).with("GIT_INDEX_FILE", &place.index);
    let list = |more: &[&OsStr]| -> Result<Vec<Vec<u8>>, GitError> {
        let mut arguments = words(["ls-files", "-z", "--cached"]).to_vec();
        arguments.extend(more);
        match git.run(&arguments, &[], limits.list_bytes) {
            Ok(output) => Ok(paths_of(&output.bytes)),
            Err(GitError::Failed { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    };
    let exclude = exclude_from(place);
    let mut ignored = words(["--ignored", "--exclude-standard"]).to_vec();
    ignored.extend(exclude.as_deref());
    Ok(Tracked { ignored: list(&ignored)?, all: list(&[])?.into_iter().collect() })
}

/// The option that has git obey what the agent's repository ignores besides what its files say.
fn exclude_from(place: &Place) -> Option<std::ffi::OsString> {
    let is_file = place.exclude.symlink_metadata().is_ok_and(|about| about.is_file());
    is_file.then(|| {
        let mut option = std::ffi::OsString::from("--exclude-from=");
        option.push(&place.exclude);
        option
    })
}

/// The paths that are not as the index of the shelf has them.
fn other(git: &Git, place: &Place, limits: &Limits) -> Result<Vec<Vec<u8>>, SnapshotError> {
    let exclude = exclude_from(place);
    let mut arguments = words(["ls-files", "-z", "--others", "--modified", "--deleted", "--exclude-standard"]).to_vec();
    arguments.extend(exclude.as_deref());
    let output = git.run(&arguments, &[], limits.list_bytes)?;
    let paths = paths_of(&output.bytes);
    if output.is_cut || paths.len() > limits.files {
        return Err(SnapshotError::TooMany(place.top.display().to_string(), limits.files));
    }
    Ok(paths)
}

fn paths_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Looks at each path. `is_free`: what it holds is in the agent's repository already, most likely.
fn sort(
    place: &Place,
    limits: &Limits,
    earlier: &Earlier<'_>,
    paths: Vec<Vec<u8>>,
    is_free: impl Fn(&Vec<u8>) -> bool,
) -> Sorted {
    let before: BTreeSet<&Heavy> = earlier.state.iter().flat_map(|state| &state.heavy).collect();
    let paths: BTreeSet<Vec<u8>> = paths.into_iter().collect();
    let mut sorted = Sorted::default();
    let mut links = Links { top: &place.top, known: HashMap::new() };
    for path in paths {
        let bare = path.strip_suffix(b"/").unwrap_or(&path);
        let whole = place.top.join(OsStr::from_bytes(bare));
        let Some(about) = whole.symlink_metadata().ok().filter(|_| !links.lead_to(bare)) else {
            push(&mut sorted.leave, bare);
            continue;
        };
        if about.is_dir() && whole.join(".git").symlink_metadata().is_ok() {
            sorted.submodules.push(bare.to_vec());
            continue;
        }
        if about.is_symlink() {
            push(&mut sorted.read, bare);
            continue;
        }
        let heavy = heavy(bare, &about);
        // What was too much stays so while it is the same: else it would seem to be new.
        let is_known = heavy.as_ref().is_some_and(|heavy| before.contains(heavy));
        let is_free = is_free(&path);
        let room = limits.bytes.min(earlier.room).saturating_sub(sorted.bytes);
        let fits = about.len() <= limits.file_bytes && (is_free || about.len() <= room);
        if about.is_file() && !is_known && fits && File::open(&whole).is_ok() {
            sorted.bytes = sorted.bytes.saturating_add(if is_free { 0 } else { about.len() });
            push(&mut sorted.read, bare);
            continue;
        }
        push(&mut sorted.leave, bare);
        sorted.heavy.extend(heavy);
    }
    sorted
}

/// Which folders are links: what is found behind them is not in this folder.
struct Links<'a> {
    top: &'a Path,
    known: HashMap<Vec<u8>, bool>,
}

impl Links<'_> {
    /// Whether a link is on the way to a path.
    fn lead_to(&mut self, path: &[u8]) -> bool {
        let Some(end) = path.iter().rposition(|byte| *byte == b'/') else { return false };
        let Some(folder) = path.get(..end) else { return false };
        if let Some(known) = self.known.get(folder) {
            return *known;
        }
        let whole = self.top.join(OsStr::from_bytes(folder));
        let leads = self.lead_to(folder) || !whole.symlink_metadata().is_ok_and(|about| about.is_dir());
        self.known.insert(folder.to_vec(), leads);
        leads
    }
}

fn push(list: &mut Vec<u8>, path: &[u8]) {
    list.extend_from_slice(path);
    list.push(0);
}

fn heavy(path: &[u8], about: &Metadata) -> Option<Heavy> {
    let path = FilePath::new(path.to_vec()).ok().filter(|_| about.is_file())?;
    let written = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
    Some(Heavy { path: path.to_string(), size: about.len(), written })
}
