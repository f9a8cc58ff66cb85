//! Where an archive is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

/// Where an archive is: a folder, or a bucket of S3 and a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchivePlace {
    /// A folder; it is made when something is written.
    Folder(PathBuf),
    /// The URL of a bucket, as `s3://bucket/prefix`. Who asks is said by the usual variables: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`.
    S3(String),
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It is neither a folder nor a URL of S3.
    #[error("{0:?} is no place for an archive; use a path, file:///path, or s3://bucket/prefix")]
    Unknown(String),
    /// This build has no S3.
    #[error(
        "this build of flightdeck is without S3; build it with its feature `s3`, as is the default, or archive into a folder"
    )]
    NoS3,
    /// The folder or the bucket cannot be used.
    #[error("the archive {place} cannot be used")]
    Unusable {
        /// The place.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl FromStr for ArchivePlace {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let unknown = || PlaceError::Unknown(text.to_owned());
        if let Some(path) = text.strip_prefix("file://") {
            return if path.starts_with('/') { Ok(Self::Folder(path.into())) } else { Err(unknown()) };
        }
        if let Some(bucket) = text.strip_prefix("s3://") {
            let is_named = !bucket.is_empty() && !bucket.starts_with('/') && !bucket.contains(['@', '?', '#', ' ']);
            return if is_named { Ok(Self::S3(text.to_owned())) } else { Err(unknown()) };
        }
        if text.is_empty() || text.contains("://") { Err(unknown()) } else { Ok(Self::Folder(text.into())) }
    }
}

impl fmt::Display for ArchivePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::S3(url) => f.write_str(url),
        }
    }
}

impl ArchivePlace {
    /// The objects there.
    pub(crate) fn open(&self) -> Result<Arc<dyn ObjectStore>, PlaceError> {
        match self {
            Self::Folder(path) => self.folder(path),
            Self::S3(url) => s3(url),
        }
    }

    fn folder(&self, path: &Path) -> Result<Arc<dyn ObjectStore>, PlaceError> {
        let unusable = |source| PlaceError::Unusable { place: self.to_string(), source };
        std::fs::create_dir_all(path).map_err(|error| unusable(error.into()))?;
        let folder = LocalFileSystem::new_with_prefix(path).map_err(|error| unusable(error.into()))?;
        // What is removed from the store afterwards has to be on the disk.
        Ok(Arc::new(folder.with_fsync(true)))
    }
}

#[cfg(feature = "s3")]
fn s3(url: &str) -> Result<Arc<dyn ObjectStore>, PlaceError> {
    use object_store::aws::AmazonS3Builder;
    use object_store::prefix::PrefixStore;

    let unusable = |source: object_store::Error| PlaceError::Unusable { place: url.to_owned(), source: source.into() };
    // Another one may be installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prefix = url.trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix).trim_matches('/');
    let bucket = AmazonS3Builder::from_env().with_url(url).build().map_err(unusable)?;
    if prefix.is_empty() { Ok(Arc::new(bucket)) } else { Ok(Arc::new(PrefixStore::new(bucket, prefix))) }
}

#[cfg(not(feature = "s3"))]
const fn s3(_url: &str) -> Result<Arc<dyn ObjectStore>, PlaceError> {
    Err(PlaceError::NoS3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        let read = |text: &str| text.parse::<ArchivePlace>().ok();
        assert_eq!(read("archive"), Some(ArchivePlace::Folder("archive".into())));
        assert_eq!(read("/var/archive"), Some(ArchivePlace::Folder("/var/archive".into())));
        assert_eq!(read("file:///var/archive"), Some(ArchivePlace::Folder("/var/archive".into())));
        assert_eq!(read("s3://bucket/a/b"), Some(ArchivePlace::S3("s3://bucket/a/b".to_owned())));
        for wrong in ["", "file://host/x", "s3://", "s3:///x", "s3://me:hush@bucket", "gs://x", "https://x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
