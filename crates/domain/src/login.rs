//! Logins: a browser acts as a key without having the key.
//!
//! A *session* is what a cookie represents. A *link* gives one session to the first browser that opens it. Both act as
//! the key that they were made with, end with it, and expire by themselves. Only the hash of their secret is stored.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::action::{ActionName, Attribution};
use crate::api_key::{ApiKey, KeyRejected, SecretHash};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::hex::hex;
use crate::ids::KeyId;
use crate::operator::{Principal, Role};
use crate::time::Timestamp;

/// The public half of a login; it may appear in logs and on the audit log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct LoginId(String);

/// A text that is not the id of a login: 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a login's id is 16 lower-case hexadecimal digits")]
pub struct InvalidLoginId;

impl LoginId {
    /// Checks and wraps a text.
    ///
    /// # Errors
    /// It is not 16 lower-case hexadecimal digits.
    pub fn new(text: &str) -> Result<Self, InvalidLoginId> {
        let valid = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidLoginId) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A login in clear text, as a cookie or a link contains it. It is shown once, when it is made, and is never stored or
/// logged.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginToken {
    /// The public half.
    pub id: LoginId,
    secret: String,
}

/// A text that is not the token of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no login")]
pub struct NotALogin;

impl LoginToken {
    /// Makes a token of random bytes: the id takes the first 8 of its 32, the secret all 32 (256 bits).
    #[must_use]
    pub fn from_random(id: [u8; 32], secret: [u8; 32]) -> Self {
        let id = hex(&id).chars().take(16).collect();
        Self { id: LoginId(id), secret: hex(&secret) }
    }

    /// Reads a token as a browser sends it.
    ///
    /// # Errors
    /// The text does not have the form of a token.
    pub fn parse(text: &str) -> Result<Self, NotALogin> {
        let (id, secret) = text.split_once('_').ok_or(NotALogin)?;
        let id = LoginId::new(id).or(Err(NotALogin))?;
        if secret.len() != 64 || !secret.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotALogin);
        }
        Ok(Self { id, secret: secret.to_owned() })
    }

    /// The whole token, for its owner. It can be used in a cookie and in a path unchanged.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}_{}", self.id, self.secret)
    }

    /// What is stored of the secret.
    #[must_use]
    pub fn secret_hash(&self) -> SecretHash {
        SecretHash::of(&self.secret)
    }
}

impl fmt::Debug for LoginToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginToken({})", self.id)
    }
}

/// What a login can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginKind {
    /// For requests, until it ends.
    Session,
    /// For one session, once.
    Link,
}

/// A word that is not a kind of login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of login")]
pub struct UnknownLoginKind(pub String);

impl LoginKind {
    /// The longest time for which a login is valid.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Session => Duration::from_hours(7 * 24),
            Self::Link => Duration::from_mins(10),
        }
    }

    /// The word used in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Link => "link",
        }
    }
}

impl std::str::FromStr for LoginKind {
    type Err = UnknownLoginKind;

    fn from_str(word: &str) -> Result<Self, UnknownLoginKind> {
        [Self::Session, Self::Link]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownLoginKind(word.to_owned()))
    }
}

/// A login as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Its public half.
    pub id: LoginId,
    /// What it can be used for.
    pub kind: LoginKind,
    /// The key that it acts as.
    pub key_id: KeyId,
    /// The hash of its secret half.
    pub secret_hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When the session was logged out, or the link was used.
    pub ended_at: Option<Timestamp>,
}

/// Why a login was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginRejected {
    /// There is no such login. The answer is the same for an unknown id, a wrong secret and the wrong kind.
    #[error("the login is not known")]
    Unknown,
    /// It was logged out, or the link was used.
    #[error("the login has ended")]
    Ended,
    /// It has expired.
    #[error("the login has expired")]
    Expired,
    /// The key that it acts as is no longer valid.
    #[error(transparent)]
    Key(#[from] KeyRejected),
}

/// A key that cannot be used to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an agent's key is for the agent; log in with the key of a viewer, an operator or an admin")]
pub struct NotForPeople;

impl Login {
    /// How long a login is kept after it expired; after that it may be deleted.
    pub const KEPT_FOR: Duration = Duration::from_hours(24);

    /// Makes a login for a key: its clear text, and what is to be stored.
    ///
    /// # Errors
    /// The key is an agent's.
    pub fn of(kind: LoginKind, key: &ApiKey, token: &LoginToken, now: Timestamp) -> Result<Self, NotForPeople> {
        if key.role == Role::Agent {
            return Err(NotForPeople);
        }
        let own = now.saturating_add(kind.lifetime());
        Ok(Self {
            id: token.id.clone(),
            kind,
            key_id: key.id.clone(),
            secret_hash: token.secret_hash(),
            created_at: now,
            expires_at: key.expires_at.map_or(own, |end| end.min(own)),
            ended_at: None,
        })
    }

    /// Whether it is still valid, apart from its key.
    ///
    /// # Errors
    /// It has ended or expired.
    pub fn usable_at(&self, now: Timestamp) -> Result<(), LoginRejected> {
        if self.ended_at.is_some() {
            return Err(LoginRejected::Ended);
        }
        if self.expires_at <= now {
            return Err(LoginRejected::Expired);
        }
        Ok(())
    }

    /// Checks what a browser sent, for the intended use.
    ///
    /// # Errors
    /// The secret is wrong, the login is of another kind, or the login or its key is no longer valid.
    pub fn admit(
        &self,
        presented: &LoginToken,
        meant: LoginKind,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<Principal, LoginRejected> {
        let same = self.id == presented.id && self.kind == meant && self.key_id == key.id;
        if !self.secret_hash.matches(&presented.secret) || !same {
            return Err(LoginRejected::Unknown);
        }
        self.usable_at(now)?;
        key.usable_at(now)?;
        Ok(key.principal())
    }

    /// The login after its end; `None` if it had ended before. A store calls this under the login's lock.
    #[must_use]
    pub fn end(&self, at: Timestamp) -> Option<Self> {
        self.ended_at.is_none().then(|| Self { ended_at: Some(at), ..self.clone() })
    }

    /// The time from which on logins are kept; logins that expired before it may be deleted.
    #[must_use]
    pub fn kept_since(now: Timestamp) -> Timestamp {
        now.saturating_sub(Self::KEPT_FOR)
    }

    /// The audit entry of its beginning. A link has none: it gives nothing until it is used, and the session that it
    /// gives names the link.
    #[must_use]
    pub fn begun(&self, by: &Attribution, link: Option<&LoginId>) -> Option<AuditDraft> {
        let mut details = self.details();
        details.insert("expiresAt".to_owned(), self.expires_at.to_string());
        if let Some(link) = link {
            details.insert("link".to_owned(), link.to_string());
        }
        match self.kind {
            LoginKind::Session => Some(by.audit(ActionName::Login, self.target(), AuditOutcome::Accepted, details)),
            LoginKind::Link => None,
        }
    }

    /// The audit entry of a logout.
    #[must_use]
    pub fn ended(&self, by: &Attribution) -> AuditDraft {
        by.audit(ActionName::Logout, self.target(), AuditOutcome::Accepted, self.details())
    }

    fn target(&self) -> AuditTarget {
        AuditTarget::Key(self.key_id.to_string())
    }

    fn details(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("login".to_owned(), self.id.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;
    use crate::text::KeyName;

    fn key(role: Role) -> ApiKey {
        ApiKey {
            id: KeyId::new("0102030405ab").expect("valid"),
            name: KeyName::new("ana").expect("valid"),
            role,
            bound_to: None,
            place: crate::session::SessionPlace::default(),
            missions: None,
            secret_hash: SecretHash::of("x"),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
        }
    }

    fn token() -> LoginToken {
        LoginToken::from_random([0xab; 32], [7; 32])
    }

    fn session() -> Login {
        Login::of(LoginKind::Session, &key(Role::Operator), &token(), at(0)).expect("allowed")
    }

    #[test]
    fn a_token_reads_back_and_hides_itself() {
        let text = token().reveal();
        assert!(text.starts_with("abababababababab_0707"), "{text}");
        assert_eq!(LoginToken::parse(&text), Ok(token()));
        assert_eq!(format!("{:?}", token()), "LoginToken(abababababababab)");
        for wrong in ["", "_", "abababababababab_07", "ABABABABABABABAB_", &text.replace('_', "-"), &format!("{text}0")]
        {
            assert_eq!(LoginToken::parse(wrong), Err(NotALogin), "{wrong}");
        }
    }

    #[test]
    fn a_login_acts_as_its_key_for_the_use_that_it_was_made_for() {
        let key = key(Role::Operator);
        let principal = session().admit(&token(), LoginKind::Session, &key, at(1)).expect("let in");
        assert_eq!((principal.key_id, principal.role), (key.id.clone(), Role::Operator));
        let unknown = Err(LoginRejected::Unknown);
        assert_eq!(session().admit(&token(), LoginKind::Link, &key, at(1)), unknown);
        let guess = LoginToken::from_random([0xab; 32], [8; 32]);
        assert_eq!(session().admit(&guess, LoginKind::Session, &key, at(1)), unknown);
        let other = ApiKey { id: KeyId::new("ffffffffffff").expect("valid"), ..key };
        assert_eq!(session().admit(&token(), LoginKind::Session, &other, at(1)), unknown);
    }

    #[test]
    fn a_login_ends_by_itself_when_it_is_ended_and_with_its_key() {
        let key = key(Role::Viewer);
        let admit = |login: &Login, key: &ApiKey, now| login.admit(&token(), login.kind, key, now).map(drop);
        let week = 7 * 24 * 60 * 60;
        assert_eq!(admit(&session(), &key, at(week - 1)), Ok(()));
        assert_eq!(admit(&session(), &key, at(week)), Err(LoginRejected::Expired));
        let ended = session().end(at(5)).expect("the first time");
        assert_eq!(admit(&ended, &key, at(6)), Err(LoginRejected::Ended));
        assert_eq!(ended.end(at(7)), None, "an end is not moved");
        let revoked = ApiKey { revoked_at: Some(at(2)), ..key.clone() };
        assert_eq!(admit(&session(), &revoked, at(3)), Err(LoginRejected::Key(KeyRejected::Revoked)));
        let short = ApiKey { expires_at: Some(at(60)), ..key };
        let login = Login::of(LoginKind::Session, &short, &token(), at(0)).expect("allowed");
        assert_eq!(login.expires_at, at(60), "never longer than the key");
        let link = Login::of(LoginKind::Link, &short, &token(), at(0)).expect("allowed");
        assert_eq!(link.expires_at, at(60));
    }

    #[test]
    fn nobody_logs_in_with_the_key_of_an_agent() {
        for role in Role::ALL {
            let made = Login::of(LoginKind::Session, &key(role), &token(), at(0));
            assert_eq!(made.is_ok(), role != Role::Agent, "{role}");
        }
    }
}
