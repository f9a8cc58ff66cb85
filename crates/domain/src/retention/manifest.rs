//! Manifests: which objects the archive has, signed.

use serde::{Deserialize, Serialize};

use super::{ArchivedSession, ObjectDigest, ObjectName};
use crate::audit::{CheckpointKey, CheckpointKeyId, CheckpointSignature};
use crate::ids::{CommandSeq, Seq, SessionId};
use crate::ports::CheckpointSigner;
use crate::time::Timestamp;

/// Keeps signatures of manifests apart from signatures of anything else.
const DOMAIN_SEPARATOR: &[u8] = b"flightdeck-archive-manifest/v1\0";

/// One object, as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    session_id: SessionId,
    object: ObjectName,
    sha256: ObjectDigest,
    bytes: u64,
    messages: Seq,
    commands: CommandSeq,
}

/// Objects that were written and read back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveManifest {
    /// The version of this form: 1.
    version: u32,
    /// When it was written.
    at: Timestamp,
    objects: Vec<Named>,
}

/// A manifest with its signature. What is signed is `"flightdeck-archive-manifest/v1\0" ‖ manifest`, where the manifest is
/// the exact text of the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedManifest {
    /// The JSON of an [`ArchiveManifest`], as it was signed.
    pub manifest: String,
    /// The key that signed it; `None` where the deployment has no key.
    pub key_id: Option<CheckpointKeyId>,
    /// The signature.
    pub signature: Option<CheckpointSignature>,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// It is not signed.
    #[error("it is not signed")]
    Unsigned,
    /// The signature is not good.
    #[error("its signature is not good: it was changed, or signed with another key")]
    Signature,
    /// Its text is not a manifest.
    #[error("it is not a manifest of version 1: {0}")]
    Form(String),
}

impl ArchiveManifest {
    /// A manifest of these sessions.
    #[must_use]
    pub fn of<'a>(sessions: impl IntoIterator<Item = &'a ArchivedSession>, at: Timestamp) -> Self {
        let named = |archived: &ArchivedSession| Named {
            session_id: archived.session,
            object: archived.object.name.clone(),
            sha256: archived.object.digest.clone(),
            bytes: archived.object.bytes,
            messages: archived.object.messages,
            commands: archived.object.commands,
        };
        Self { version: 1, at, objects: sessions.into_iter().map(named).collect() }
    }

    /// The objects that it names, each with the session.
    pub fn objects(&self) -> impl Iterator<Item = (SessionId, super::ArchiveObject)> + '_ {
        self.objects.iter().map(|named| {
            let object = super::ArchiveObject {
                name: named.object.clone(),
                digest: named.sha256.clone(),
                bytes: named.bytes,
                messages: named.messages,
                commands: named.commands,
            };
            (named.session_id, object)
        })
    }

    /// When it was written.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Signs it, where there is a key.
    #[must_use]
    pub fn sign(&self, signer: Option<&dyn CheckpointSigner>) -> SignedManifest {
        // Texts and numbers: there is nothing in it that JSON cannot express.
        let manifest = serde_json::to_string(self).unwrap_or_default();
        let signature = signer.map(|signer| signer.sign(&signed(&manifest)));
        SignedManifest { manifest, key_id: signer.map(|signer| signer.public_key().id()), signature }
    }
}

fn signed(manifest: &str) -> Vec<u8> {
    [DOMAIN_SEPARATOR, manifest.as_bytes()].concat()
}

impl SignedManifest {
    /// Reads the manifest without asking whether it is genuine.
    ///
    /// # Errors
    /// The text is not a manifest of version 1.
    pub fn read(&self) -> Result<ArchiveManifest, ManifestFault> {
        let manifest: ArchiveManifest =
            serde_json::from_str(&self.manifest).map_err(|error| ManifestFault::Form(error.to_string()))?;
        if manifest.version == 1 { Ok(manifest) } else { Err(ManifestFault::Form("another version".to_owned())) }
    }

    /// Reads it and checks that the owner of a key signed it.
    ///
    /// # Errors
    /// It is not signed, not by this key, was changed, or is not a manifest.
    pub fn verify(&self, key: &CheckpointKey) -> Result<ArchiveManifest, ManifestFault> {
        let signature = self.signature.as_ref().ok_or(ManifestFault::Unsigned)?;
        if self.key_id != Some(key.id()) || !key.has_signed(&signed(&self.manifest), signature) {
            return Err(ManifestFault::Signature);
        }
        self.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::CheckpointSigningKey;
    use crate::fixtures::at;

    #[test]
    fn a_manifest_is_good_only_as_it_was_signed() {
        let (ours, theirs) = (CheckpointSigningKey::from_seed(&[1; 32]), CheckpointSigningKey::from_seed(&[2; 32]));
        let manifest = ArchiveManifest::of([], at(3));
        let signed = manifest.sign(Some(&ours));
        let text = serde_json::to_string(&signed).expect("JSON");
        let read: SignedManifest = serde_json::from_str(&text).expect("read");
        assert_eq!(read.verify(&ours.public_key()), Ok(manifest.clone()));
        assert_eq!(read.verify(&theirs.public_key()), Err(ManifestFault::Signature));
        let changed = SignedManifest { manifest: read.manifest.replace("2026", "2027"), ..read.clone() };
        assert_eq!(changed.verify(&ours.public_key()), Err(ManifestFault::Signature));
        // A signature of the same bytes for another purpose is none of a manifest.
        let bare = SignedManifest { signature: Some(ours.sign(read.manifest.as_bytes())), ..read };
        assert_eq!(bare.verify(&ours.public_key()), Err(ManifestFault::Signature));
        assert_eq!(manifest.sign(None).verify(&ours.public_key()), Err(ManifestFault::Unsigned));
    }
}
