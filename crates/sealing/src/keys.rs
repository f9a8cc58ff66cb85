//! Where the keys come from.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::key::{InvalidKey, SecretsKey};

/// The variable with the key.
const KEY: &str = "FLIGHTDECK_SECRETS_KEY";
/// The variable with older keys, while keys are changed.
const OLD: &str = "FLIGHTDECK_SECRETS_KEY_OLD";

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others can read or change it.
    #[error("{path} has mode {mode:04o}, so other users can get at the secrets key; run chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line or variable is no key.
    #[error("{place}: {source}")]
    Invalid {
        /// Which.
        place: String,
        /// What a key looks like.
        source: InvalidKey,
    },
    /// Older keys without a key.
    #[error("{OLD} is set and {KEY} is not; the newest key belongs in {KEY}")]
    OldAlone,
    /// The keys are in the environment, where they cannot be changed.
    #[error("the secrets keys are in the environment; set {KEY} to a new key and {OLD} to the old one instead")]
    InEnvironment,
    /// There is no key yet.
    #[error("there is no secrets key yet; one is made when the first credential is sealed")]
    None,
}

/// The file with the keys.
#[derive(Clone, Debug)]
pub struct FileKeys(PathBuf);

impl FileKeys {
    /// Keys in this file, which need not be there yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn failed(&self, source: io::Error) -> KeysError {
        KeysError::File { path: self.0.clone(), source }
    }

    /// The keys, the newest first; empty when there is no file.
    fn read(&self) -> Result<Vec<SecretsKey>, KeysError> {
        let metadata = match fs::metadata(&self.0) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mode = mode_of(&metadata);
        if mode & 0o077 != 0 {
            return Err(KeysError::Open { path: self.0.clone(), mode });
        }
        let text = Zeroizing::new(fs::read_to_string(&self.0).map_err(|error| self.failed(error))?);
        let lines = (1_usize..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|(number, line)| {
                let place = || format!("line {number} of {}", self.0.display());
                SecretsKey::parse(line).map_err(|source| KeysError::Invalid { place: place(), source })
            })
            .collect()
    }

    /// Writes the file beside its place, for its owner alone, and gives the name.
    fn beside(&self, keys: &[SecretsKey]) -> io::Result<PathBuf> {
        let path = PathBuf::from(format!("{}.{}.new", self.0.display(), std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        for key in keys {
            writeln!(file, "{}", key.reveal().as_str())?;
        }
        file.sync_all()?;
        Ok(path)
    }

    /// Makes the file with a first key, unless another process was first.
    fn first(&self) -> Result<(), KeysError> {
        let made = self.beside(&[SecretsKey::generate()]).map_err(|error| self.failed(error))?;
        // Whole or not at all, and never over another one.
        let linked = fs::hard_link(&made, &self.0);
        let _ = fs::remove_file(&made);
        match linked {
            Ok(()) => self.settle(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn replace(&self, keys: &[SecretsKey]) -> Result<(), KeysError> {
        let made = self.beside(keys).map_err(|error| self.failed(error))?;
        fs::rename(&made, &self.0).map_err(|error| self.failed(error))?;
        self.settle()
    }

    /// Makes the entry of the folder durable: a credential that is sealed with a lost key is lost.
    fn settle(&self) -> Result<(), KeysError> {
        let folder = self.0.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| self.failed(error))
    }
}

#[cfg(unix)]
fn mode_of(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode_of(_metadata: &fs::Metadata) -> u32 {
    0o600
}

/// The keys of a deployment.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// They are given, the newest first, and never change.
    Given(Vec<SecretsKey>),
    /// They are in a file.
    File(FileKeys),
}

impl KeySource {
    /// The keys in the environment if there are any, otherwise those of the file.
    ///
    /// # Errors
    /// A variable holds no key.
    pub fn find(file: PathBuf, environment: impl Fn(&str) -> Option<String>) -> Result<Self, KeysError> {
        let given = |name: &str| environment(name).map(Zeroizing::new).filter(|text| !text.trim().is_empty());
        let parse = |name: &str, text: &str| {
            SecretsKey::parse(text).map_err(|source| KeysError::Invalid { place: name.to_owned(), source })
        };
        let old = given(OLD);
        let Some(newest) = given(KEY) else {
            return if old.is_some() { Err(KeysError::OldAlone) } else { Ok(Self::File(FileKeys::new(file))) };
        };
        let mut keys = vec![parse(KEY, &newest)?];
        for text in old.iter().flat_map(|old| old.split(',')) {
            keys.push(parse(OLD, text)?);
        }
        Ok(Self::Given(keys))
    }

    /// All keys, the newest first. Empty when none was made yet.
    ///
    /// # Errors
    /// They cannot be read, or others can read them.
    pub fn all(&self) -> Result<Vec<SecretsKey>, KeysError> {
        match self {
            Self::Given(keys) => Ok(keys.clone()),
            Self::File(file) => file.read(),
        }
    }

    /// All keys, with a first one made where there is none.
    ///
    /// # Errors
    /// They cannot be read or made.
    pub fn ensured(&self) -> Result<Vec<SecretsKey>, KeysError> {
        let keys = self.all()?;
        match self {
            Self::File(file) if keys.is_empty() => {
                file.first()?;
                file.read()
            }
            _ => Ok(keys),
        }
    }

    /// Puts a new key before the others, and gives its id.
    ///
    /// # Errors
    /// The keys are in the environment, or the file cannot be written.
    pub fn add(&self) -> Result<String, KeysError> {
        let Self::File(file) = self else { return Err(KeysError::InEnvironment) };
        let mut keys = file.read()?;
        let key = SecretsKey::generate();
        let id = key.id().to_owned();
        keys.insert(0, key);
        file.replace(&keys)?;
        Ok(id)
    }

    /// Leaves the newest key alone, and gives the ids of those that are gone. What is still sealed with one of them is
    /// lost: the caller makes sure that nothing is.
    ///
    /// # Errors
    /// The keys are in the environment, there are none, or the file cannot be written.
    pub fn retire(&self) -> Result<Vec<String>, KeysError> {
        let Self::File(file) = self else { return Err(KeysError::InEnvironment) };
        let keys = file.read()?;
        let Some((newest, old)) = keys.split_first() else { return Err(KeysError::None) };
        if !old.is_empty() {
            file.replace(std::slice::from_ref(newest))?;
        }
        Ok(old.iter().map(|key| key.id().to_owned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn in_a_folder() -> (tempfile::TempDir, PathBuf, KeySource) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.key");
        let source = KeySource::find(path.clone(), |_| None).expect("a file");
        (folder, path, source)
    }

    #[test]
    fn a_file_is_made_for_its_owner_alone_when_it_is_needed() {
        let (folder, path, source) = in_a_folder();
        assert!(source.all().expect("none").is_empty() && !path.exists());
        let keys = source.ensured().expect("made");
        assert_eq!((keys.len(), source.ensured().expect("there")), (1, keys));
        assert_eq!(mode_of(&fs::metadata(&path).expect("there")), 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path, source) = in_a_folder();
        source.ensured().expect("made");
        for mode in [0o640, 0o604, 0o620, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let told = source.all().expect_err("refused").to_string();
            assert!(told.contains(&format!("{mode:04o}")) && told.contains("chmod 600"), "{told}");
        }
    }

    #[test]
    fn a_new_key_stands_before_the_old_ones_until_they_are_retired() {
        let (_folder, path, source) = in_a_folder();
        let first = source.ensured().expect("made");
        let id = source.add().expect("added");
        let both = source.all().expect("read");
        assert_eq!((both[0].id(), &both[1]), (id.as_str(), &first[0]));
        assert_eq!(source.retire().expect("retired"), [first[0].id()]);
        assert_eq!(source.all().expect("read"), &both[..1]);
        assert_eq!(source.retire().expect("nothing to do"), Vec::<String>::new());
        fs::write(&path, "# ours\n\nnonsense\n").expect("written");
        let told = source.all().expect_err("no key").to_string();
        assert!(told.starts_with("line 3 of ") && !told.contains("nonsense"), "{told}");
    }

    #[test]
    fn keys_in_the_environment_go_before_the_file() {
        let [new, old, older] = [(); 3].map(|()| SecretsKey::generate());
        let find = |variables: &[(&str, String)]| {
            let variables: BTreeMap<_, _> = variables.iter().cloned().collect();
            KeySource::find(PathBuf::from("/nowhere/secrets.key"), |name| variables.get(name).cloned())
        };
        let text = |key: &SecretsKey| key.reveal().to_string();
        let olds = format!("{},{}", text(&old), text(&older));
        let source = find(&[(KEY, text(&new)), (OLD, olds)]).expect("keys");
        assert_eq!(source.ensured().expect("given"), [new.clone(), old.clone(), older]);
        assert!(matches!(source.add(), Err(KeysError::InEnvironment)));
        assert!(matches!(find(&[(OLD, text(&old))]), Err(KeysError::OldAlone)));
        let wrong = find(&[(KEY, "hush".to_owned())]).expect_err("no key").to_string();
        assert!(wrong.starts_with(KEY) && !wrong.contains("hush"), "{wrong}");
    }
}
