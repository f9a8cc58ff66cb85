//! Takes the credentials of agents out of what is shown of their files.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_agent_io::scrub::Scrubber;
use flightdeck_domain::changes::{
    ChangeList, ChangeReport, Compared, FileDiff, FilePath, Hunk, Moment, Stretch, Unkept, WorkFolder,
};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{Changes, ChangesError, SessionRepository};
use flightdeck_domain::provider_config::Credentials;
use flightdeck_domain::use_cases::{Has, ResolveProvider};

/// The changes of an agent without its credentials: those that its configuration has now. A credential of several lines, such as
/// a key in PEM, is found by each of its lines.
pub struct Scrubbed {
    inner: Arc<dyn Changes>,
    sessions: Arc<dyn SessionRepository>,
    resolve: ResolveProvider,
}

impl Scrubbed {
    /// Shows what another one keeps.
    #[must_use]
    pub fn over<P: Has<dyn SessionRepository>>(inner: Arc<dyn Changes>, ports: &P, resolve: ResolveProvider) -> Self {
        Self { inner, sessions: ports.port(), resolve }
    }

    /// What takes the credentials of a session's agent out. Whoever cannot know them shows nothing.
    async fn scrubber(&self, session: SessionId) -> Result<Scrubber, ChangesError> {
        let hidden = |why: &dyn std::fmt::Display| {
            ChangesError::Unreadable(format!(
                "the lines cannot be shown, for they may hold credentials of the agent: {why}"
            ))
        };
        let found = self.sessions.get(session).await.map_err(|error| hidden(&error))?;
        let Some(started_by) = found.and_then(|session| session.started_by) else { return Ok(Scrubber::default()) };
        let credentials = self.resolve.credentials_of(&started_by).await.map_err(|error| hidden(&error))?;
        Ok(scrubber(&credentials))
    }
}

fn scrubber(credentials: &Credentials) -> Scrubber {
    Scrubber::of_lines(credentials.iter().map(|(name, secret)| (name.as_str(), secret.reveal())))
}

fn scrub(diff: &mut FileDiff, scrubber: &Scrubber) {
    // Most agents have no credentials, and a diff may have thousands of lines.
    if scrubber.is_empty() {
        return;
    }
    Hunk::rewrite(&mut diff.hunks, diff.truncated, |text, is_cut| scrubber.part(text, is_cut));
}

#[async_trait]
impl Changes for Scrubbed {
    async fn begin(&self, session: SessionId, folder: WorkFolder) -> Result<(), Unkept> {
        self.inner.begin(session, folder).await
    }

    async fn keep(&self, session: SessionId, moment: Moment) {
        self.inner.keep(session, moment).await;
    }

    async fn list(&self, session: SessionId, stretch: Stretch) -> Result<Compared<ChangeList>, ChangesError> {
        self.inner.list(session, stretch).await
    }

    async fn file(
        &self,
        session: SessionId,
        stretch: Stretch,
        path: FilePath,
    ) -> Result<Compared<FileDiff>, ChangesError> {
        let scrubber = self.scrubber(session).await?;
        let mut compared = self.inner.file(session, stretch, path).await?;
        scrub(&mut compared.found, &scrubber);
        Ok(compared)
    }

    async fn report(&self, session: SessionId, stretch: Stretch) -> Result<ChangeReport, ChangesError> {
        let scrubber = self.scrubber(session).await?;
        let mut report = self.inner.report(session, stretch).await?;
        report.rewrite(|text, is_cut| scrubber.part(text, is_cut));
        Ok(report)
    }

    async fn kept(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<SessionId>, ChangesError> {
        self.inner.kept(after, limit).await
    }

    async fn forget(&self, session: SessionId) -> Result<(), ChangesError> {
        self.inner.forget(session).await
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::changes::{ChangedFile, DiffLine, DiffOp, FileKind, FileStatus};
    use flightdeck_domain::provider_config::{CredentialName, Secret};

    use super::*;

    fn credentials() -> Credentials {
        let pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n";
        let all = [("API_KEY", "hush-hush-hush"), ("PEM", pem)];
        let one = |(name, text): (&str, &str)| {
            (CredentialName::new(name).expect("a name"), Secret::new(text.to_owned()).expect("a secret"))
        };
        all.map(one).into()
    }

    fn diff(heading: &str, lines: &[&str], truncated: bool) -> FileDiff {
        let path = "x".parse::<FilePath>().expect("a path");
        let line = |text: &&str| DiffLine { op: DiffOp::Added, old: None, new: Some(1), text: (*text).to_owned() };
        let hunk = Hunk { heading: heading.to_owned(), lines: lines.iter().map(line).collect() };
        let (from, executable, size) = (None, None, None);
        let (status, kind) = (FileStatus::Added, FileKind::Text);
        let file = ChangedFile { path, from, status, kind, added: None, removed: None, executable, size };
        FileDiff { file, hunks: vec![hunk], truncated }
    }

    fn shown(mut diff: FileDiff) -> Vec<String> {
        scrub(&mut diff, &scrubber(&credentials()));
        let texts = |hunk: Hunk| std::iter::once(hunk.heading).chain(hunk.lines.into_iter().map(|line| line.text));
        diff.hunks.into_iter().flat_map(texts).collect()
    }

    #[test]
    fn credentials_are_shown_in_no_line_and_no_heading() {
        let lines = ["key = \"hush-hush-hush\"", "MIIEvQIBADANBgkqhkiG", "ends in h"];
        let clean = ["fn [credential API_KEY]()", "key = \"[credential API_KEY]\"", "[credential PEM]", "ends in h"];
        assert_eq!(shown(diff("fn hush-hush-hush()", &lines, false)), clean);
    }

    #[test]
    fn the_beginning_of_one_is_not_shown_where_the_rest_is_missing() {
        let long = format!("{}hush-hush", "x".repeat(Hunk::MAX_CHARS - 9));
        let heading = format!("{}hush", "y".repeat(Hunk::HEADING - 4));
        let shown = shown(diff(&heading, &[&long, "is hush", "it was hush-h"], true));
        assert_eq!(
            shown,
            [
                "y".repeat(Hunk::HEADING - 4),
                "x".repeat(Hunk::MAX_CHARS - 9),
                "is hush".to_owned(),
                "it was ".to_owned()
            ]
        );
    }
}
