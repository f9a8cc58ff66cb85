//! The repository in which the states of a session's folder are kept.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use flightdeck_domain::ids::SessionId;

use crate::git::{Git, GitError, words};
use crate::listing::raw_entries;
use crate::record::Place;

/// The most bytes of a list of objects.
const MOST: usize = 64 << 20;

/// Bytes of files are kept as they are, whatever the files of the repository say of themselves.
const ATTRIBUTES: &str = "* -text -crlf -ident -filter -working-tree-encoding !eol !diff !merge\n";

/// A shelf.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) folder: PathBuf,
}

impl Shelf {
    /// Makes an empty one, or an earlier attempt whole.
    pub(crate) fn make(folder: &Path, format: &str, until: Instant) -> Result<Self, GitError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let shelf = Self { folder: folder.to_owned() };
        let format = format!("--object-format={format}");
        let git = shelf.git(until);
        git.whole(&words(["init", "-q", "--bare", "--template=", &format]), &[], MOST)?;
        let info = folder.join("info");
        std::fs::create_dir_all(&info)?;
        std::fs::write(info.join("attributes"), ATTRIBUTES)?;
        // What is compared with a file that is not there.
        git.line(&words(["hash-object", "-w", "--stdin"]), &[])?;
        Ok(shelf)
    }

    /// git with this shelf alone.
    pub(crate) fn git(&self, until: Instant) -> Git {
        Git::new(&self.folder, &self.folder, until)
    }

    /// git with this shelf, on the agent's folder, with the objects of the agent's repository at hand.
    pub(crate) fn git_on(&self, place: &Place, until: Instant) -> Git {
        Git::new(&self.folder, &place.top, until)
            .with("GIT_WORK_TREE", &place.top)
            .with("GIT_INDEX_FILE", self.folder.join("index"))
            .with("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&place.objects))
    }

    /// Takes over what is needed to compare two trees when the agent's repository is gone: the trees and files in
    /// which they differ.
    pub(crate) fn take_over(&self, place: &Place, old: &str, new: &str, until: Instant) -> Result<(), GitError> {
        let all = self.git_on(place, until);
        let differ = words(["diff-tree", "-r", "-t", "-z", "--raw", "--no-abbrev", "--no-renames", old, new]);
        let differ = all.whole(&differ, &[], MOST)?;
        let mut needed: BTreeSet<String> = [old.to_owned(), new.to_owned()].into();
        for entry in raw_entries(&differ) {
            needed.extend(entry.old.object().map(str::to_owned));
            needed.extend(entry.new.object().map(str::to_owned));
        }
        self.copy(&all, &needed, until)
    }

    /// Takes over all folders of a tree, but for the files in them.
    pub(crate) fn take_over_folders(&self, place: &Place, tree: &str, until: Instant) -> Result<(), GitError> {
        let all = self.git_on(place, until);
        let listed = all.whole(&words(["ls-tree", "-r", "-d", "-z", tree]), &[], MOST)?;
        let of_line = |line: &[u8]| {
            let head = line.split(|byte| *byte == b'\t').next()?;
            let text = std::str::from_utf8(head).ok()?;
            let mut fields = text.split(' ').skip(1);
            (fields.next()? == "tree").then(|| fields.next().map(str::to_owned)).flatten()
        };
        let mut needed: BTreeSet<String> = listed.split(|byte| *byte == 0).filter_map(of_line).collect();
        needed.insert(tree.to_owned());
        self.copy(&all, &needed, until)
    }

    /// Copies objects that the shelf does not have.
    fn copy(&self, all: &Git, objects: &BTreeSet<String>, until: Instant) -> Result<(), GitError> {
        let lines = |objects: &mut dyn Iterator<Item = &str>| -> Vec<u8> {
            objects.flat_map(|object| [object, "\n"]).collect::<String>().into_bytes()
        };
        let asked = lines(&mut objects.iter().map(String::as_str));
        let known = self.git(until).whole(&words(["cat-file", "--batch-check", "--buffer"]), &asked, MOST)?;
        let known = String::from_utf8_lossy(&known);
        let mut missing = known.lines().filter_map(|line| line.strip_suffix(" missing"));
        let missing = lines(&mut missing);
        if missing.is_empty() {
            return Ok(());
        }
        let pack = self.folder.join("objects/pack/pack").into_os_string();
        let [command, quiet, window] = words(["pack-objects", "-q", "--window=0"]);
        all.whole(&[command, quiet, window, &pack], &missing, MOST).map(drop)
    }
}

/// The sessions that have a shelf in a folder, those behind a place, by their ids. There need not be such a folder.
pub(crate) fn sessions(folder: &Path, after: Option<SessionId>, limit: usize) -> io::Result<Vec<SessionId>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.parse::<SessionId>().ok());
        if let Some(id) = id.filter(|id| after.is_none_or(|after| *id > after)) {
            found.insert(id);
            if found.len() > limit {
                found.pop_last();
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// As git reads a list of folders: a colon would end it, and quotes keep it together.
fn quoted(path: &Path) -> OsString {
    let mut bytes = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(*byte);
    }
    bytes.push(b'"');
    OsString::from_vec(bytes)
}
