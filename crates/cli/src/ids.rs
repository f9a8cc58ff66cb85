//! Ids as people give them: a part that fits only one.

use flightdeck_client::{Client, Filter, fetch};
use uuid::Uuid;

use crate::error::CommandError;

/// How much of an id lists show: its end, for the beginnings of ids that were made at the same time are the same.
const SHOWN: usize = 8;

/// The end of an id, as lists show it.
pub(crate) fn tail(id: &Uuid) -> String {
    tail_of(&id.to_string())
}

/// The same of its text.
pub(crate) fn tail_of(id: &str) -> String {
    let skip = id.chars().count().saturating_sub(SHOWN);
    id.chars().skip(skip).collect()
}

/// The session that is meant: a whole id is taken as it is, of anything else there must be one that begins or ends so.
pub(crate) fn session(client: &Client, given: &str) -> Result<String, CommandError> {
    if let Ok(id) = Uuid::try_parse(given) {
        return Ok(id.to_string());
    }
    check(given)?;
    let all = fetch(client, &Filter::default(), None)?;
    let described = all.entries.iter().map(|entry| {
        (entry.session_id, format!("{} ({} {})", tail(&entry.session_id), entry.agent_type, entry.task_id))
    });
    unique("session", given, described)
}

/// The one of these that begins or ends as given.
pub(crate) fn unique(
    what: &'static str,
    given: &str,
    all: impl Iterator<Item = (Uuid, String)>,
) -> Result<String, CommandError> {
    check(given)?;
    let part = plain(given);
    let mut found: Vec<(String, String)> = Vec::new();
    for (id, described) in all {
        let whole = id.simple().to_string();
        if whole.starts_with(&part) || whole.ends_with(&part) {
            found.push((id.to_string(), described));
        }
    }
    match found.as_slice() {
        [] => Err(CommandError::Unknown { what, given: given.to_owned() }),
        [(id, _)] => Ok(id.clone()),
        several => {
            let mut names: Vec<&str> = several.iter().take(4).map(|(_, described)| described.as_str()).collect();
            if several.len() > names.len() {
                names.push("…");
            }
            Err(CommandError::Ambiguous {
                given: given.to_owned(),
                found: format!("{}: {}", several.len(), names.join(", ")),
            })
        }
    }
}

fn plain(given: &str) -> String {
    given.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase()
}

fn check(given: &str) -> Result<(), CommandError> {
    let plain = plain(given);
    if plain.len() >= 3 && plain.len() <= 32 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "{given:?} is no part of an id: at least 3 of its digits, from its beginning or end"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = [
        "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11",
        "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b22",
        "0298c1f0-7d3e-7c2a-9a51-aaaaaaaaaa11",
    ];

    fn found(given: &str) -> Result<String, CommandError> {
        let ids = IDS.into_iter().map(|id| Uuid::try_parse(id).expect("an id"));
        unique("session", given, ids.map(|id| (id, tail(&id))))
    }

    #[test]
    fn a_beginning_or_an_end_that_fits_one_is_enough() {
        assert_eq!(found("029").expect("one"), IDS[2]);
        assert_eq!(found("0c0e8b11").expect("one"), IDS[0]);
        assert_eq!(found("0C0E-8B22").expect("one"), IDS[1]);
        assert!(matches!(found("0198c1f0-7"), Err(CommandError::Ambiguous { .. })));
        assert!(matches!(found("fff"), Err(CommandError::Unknown { .. })));
        for wrong in ["", "01", "xyz", "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b110"] {
            assert!(matches!(found(wrong), Err(CommandError::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn several_that_fit_are_named() {
        let error = found("0198").expect_err("two").to_string();
        assert_eq!(error, "\"0198\" fits 2: 0c0e8b11, 0c0e8b22; give more of it");
    }
}
