//! Sealing and opening.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use flightdeck_domain::ports::{IdGenerator, SecretSealer};
use flightdeck_domain::provider_config::{
    ConfigName, CredentialDigest, CredentialName, SealedCredential, SealedFault, Secret,
};
use flightdeck_domain::system::SystemIds;
use zeroize::Zeroizing;

use crate::key::{SecretsKey, hex, mac, unhex};
use crate::keys::{KeySource, KeysError};

/// The bytes of a nonce: so many that random ones never meet.
const NONCE: usize = 24;

/// Seals with the newest key, and opens with any.
#[derive(Clone, Debug)]
pub struct Sealer(KeySource);

impl Sealer {
    /// A sealer with these keys.
    #[must_use]
    pub const fn new(keys: KeySource) -> Self {
        Self(keys)
    }

    /// Where its keys come from.
    #[must_use]
    pub const fn keys(&self) -> &KeySource {
        &self.0
    }

    fn newest(&self) -> Result<SecretsKey, SealedFault> {
        let keys = self.0.ensured().map_err(|error| fault(&error))?;
        keys.into_iter().next().ok_or_else(|| fault(&KeysError::None))
    }
}

fn fault(error: &KeysError) -> SealedFault {
    SealedFault::Keys(error.to_string())
}

fn cipher(key: &SecretsKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*key.derive("seal")).into())
}

/// What a value is bound to. Names hold no zero byte.
fn bound_to(config: &ConfigName, name: &CredentialName) -> Vec<u8> {
    ["flightdeck-credential/v1", config.as_str(), name.as_str()].join("\0").into_bytes()
}

impl SecretSealer for Sealer {
    fn seal(
        &self,
        config: &ConfigName,
        name: &CredentialName,
        secret: &Secret,
    ) -> Result<SealedCredential, SealedFault> {
        let key = self.newest()?;
        let aad = bound_to(config, name);
        let random = SystemIds.random_bytes();
        let nonce: [u8; NONCE] = random.first_chunk().copied().ok_or(SealedFault::Broken)?;
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: &aad };
        let ciphertext = cipher(&key).encrypt(&XNonce::from(nonce), payload).or(Err(SealedFault::Broken))?;
        let digest = mac(key.derive("digest").as_slice(), &[&aad, b"\0", secret.reveal().as_bytes()]);
        let digest = format!("{}:{}", key.id(), hex(digest.get(..16).unwrap_or_default()));
        Ok(SealedCredential {
            key_id: key.id().to_owned(),
            nonce: hex(&nonce),
            ciphertext: hex(&ciphertext),
            digest: CredentialDigest(digest),
        })
    }

    fn open(
        &self,
        config: &ConfigName,
        name: &CredentialName,
        sealed: &SealedCredential,
    ) -> Result<Secret, SealedFault> {
        let keys = self.0.all().map_err(|error| fault(&error))?;
        let key = keys.iter().find(|key| key.id() == sealed.key_id);
        let key = key.ok_or_else(|| SealedFault::UnknownKey(sealed.key_id.clone()))?;
        let nonce = unhex(&sealed.nonce).and_then(|nonce| <[u8; NONCE]>::try_from(nonce).ok());
        let (Some(nonce), Some(ciphertext)) = (nonce, unhex(&sealed.ciphertext)) else {
            return Err(SealedFault::Broken);
        };
        let aad = bound_to(config, name);
        let payload = Payload { msg: &ciphertext, aad: &aad };
        let opened = cipher(key).decrypt(&XNonce::from(nonce), payload).or(Err(SealedFault::Broken))?;
        let opened = Zeroizing::new(opened);
        let text = std::str::from_utf8(&opened).or(Err(SealedFault::Broken))?;
        Secret::new(text.to_owned()).or(Err(SealedFault::Broken))
    }

    fn is_current(&self, sealed: &SealedCredential) -> Result<bool, SealedFault> {
        let keys = self.0.all().map_err(|error| fault(&error))?;
        Ok(keys.first().is_some_and(|key| key.id() == sealed.key_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> ConfigName {
        ConfigName::new(text).expect("valid")
    }

    fn name(text: &str) -> CredentialName {
        CredentialName::new(text).expect("valid")
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned()).expect("valid")
    }

    fn with(keys: &[&SecretsKey]) -> Sealer {
        Sealer::new(KeySource::Given(keys.iter().copied().cloned().collect()))
    }

    #[test]
    fn what_is_sealed_opens_under_its_own_names_alone() {
        let key = SecretsKey::generate();
        let ours = with(&[&key]);
        let sealed = ours.seal(&config("a"), &name("TOKEN"), &secret("hush")).expect("sealed");
        assert_eq!(ours.open(&config("a"), &name("TOKEN"), &sealed), Ok(secret("hush")));
        assert_eq!(ours.open(&config("b"), &name("TOKEN"), &sealed), Err(SealedFault::Broken));
        assert_eq!(ours.open(&config("a"), &name("OTHER"), &sealed), Err(SealedFault::Broken));
        let again = ours.seal(&config("a"), &name("TOKEN"), &secret("hush")).expect("sealed");
        assert_ne!((&again.nonce, &again.ciphertext), (&sealed.nonce, &sealed.ciphertext));
        assert_eq!(again.digest, sealed.digest, "the record says that it is the same value");
        let other = ours.seal(&config("a"), &name("TOKEN"), &secret("hust")).expect("sealed");
        assert_ne!(other.digest, sealed.digest);
        let elsewhere = ours.seal(&config("b"), &name("TOKEN"), &secret("hush")).expect("sealed");
        assert_ne!(elsewhere.digest, sealed.digest, "and not that another one has it, too");
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let ours = with(&[&SecretsKey::generate()]);
        let sealed = ours.seal(&config("a"), &name("TOKEN"), &secret("hush")).expect("sealed");
        let flip = |text: &str| {
            let first = if text.starts_with('0') { "1" } else { "0" };
            format!("{first}{}", text.get(1..).unwrap_or_default())
        };
        let broken = [
            SealedCredential { ciphertext: flip(&sealed.ciphertext), ..sealed.clone() },
            SealedCredential { nonce: flip(&sealed.nonce), ..sealed.clone() },
            SealedCredential { nonce: "00".to_owned(), ..sealed.clone() },
            SealedCredential { ciphertext: "x".to_owned(), ..sealed.clone() },
        ];
        for wrong in broken {
            assert_eq!(ours.open(&config("a"), &name("TOKEN"), &wrong), Err(SealedFault::Broken));
        }
    }

    #[test]
    fn either_key_opens_while_both_are_there() {
        let [old, new] = [SecretsKey::generate(), SecretsKey::generate()];
        let before = with(&[&old]).seal(&config("a"), &name("T"), &secret("hush")).expect("sealed");
        let both = with(&[&new, &old]);
        assert_eq!(both.open(&config("a"), &name("T"), &before), Ok(secret("hush")));
        assert_eq!((both.is_current(&before), with(&[&old]).is_current(&before)), (Ok(false), Ok(true)));
        let after = both.seal(&config("a"), &name("T"), &secret("hush")).expect("sealed");
        assert_eq!((after.key_id.as_str(), both.is_current(&after)), (new.id(), Ok(true)));
        assert_eq!(with(&[&new]).open(&config("a"), &name("T"), &after), Ok(secret("hush")));
        let gone = with(&[&new]).open(&config("a"), &name("T"), &before);
        assert_eq!(gone, Err(SealedFault::UnknownKey(old.id().to_owned())));
    }
}
