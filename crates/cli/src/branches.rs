//! Sessions in the order of the tree.

use std::collections::{HashMap, HashSet};

use flightdeck_client::Entry;
use uuid::Uuid;

/// Sessions in the order of the tree, each with the branches drawn before it: parents first, siblings as they were
/// spawned. Whoever's parent is not among them is at the top.
pub(crate) fn in_order(entries: &[Entry]) -> Vec<(String, &Entry)> {
    let known: HashSet<Uuid> = entries.iter().map(|entry| entry.session_id).collect();
    let mut below: HashMap<Option<Uuid>, Vec<&Entry>> = HashMap::new();
    for entry in entries {
        let parent = entry.parent_session_id.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(entry);
    }
    for siblings in below.values_mut() {
        siblings.sort_by_key(|entry| (entry.spawned_at, entry.session_id));
    }
    let mut ordered = Vec::with_capacity(entries.len());
    // Not by recursion: a tree may be deep.
    let mut open: Vec<(String, String, &Entry)> = below
        .remove(&None)
        .unwrap_or_default()
        .into_iter()
        .rev()
        .map(|top| (String::new(), String::new(), top))
        .collect();
    while let Some((before, indent, entry)) = open.pop() {
        let children = below.remove(&Some(entry.session_id)).unwrap_or_default();
        let last = children.len();
        for (index, child) in children.into_iter().enumerate().rev() {
            let (branch, rest) = if index + 1 == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push((format!("{indent}{branch}"), format!("{indent}{rest}"), child));
        }
        ordered.push((before, entry));
    }
    ordered
}

#[cfg(test)]
pub(crate) mod fixtures {
    use chrono::DateTime;

    use super::{Entry, Uuid};

    /// A session of the tree.
    pub(crate) fn entry(n: u128, parent: Option<u128>) -> Entry {
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        Entry {
            session_id: Uuid::from_u128(n),
            parent_session_id: parent.map(Uuid::from_u128),
            status: "running".to_owned(),
            desired_status: "running".to_owned(),
            agent_type: format!("agent{n}"),
            provider: "internal".to_owned(),
            mission_id: None,
            task_id: "T-1".to_owned(),
            last_seq: 7,
            spawned_at: at + chrono::TimeDelta::seconds(i64::try_from(n).expect("small")),
            completed_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::entry;
    use super::*;

    #[test]
    fn branches_show_who_is_below_whom() {
        let entries = [entry(5, Some(99)), entry(4, Some(1)), entry(3, Some(2)), entry(2, Some(1)), entry(1, None)];
        let shown: Vec<String> =
            in_order(&entries).iter().map(|(before, entry)| format!("{before}{}", entry.agent_type)).collect();
        assert_eq!(shown, ["agent1", "├─ agent2", "│  └─ agent3", "└─ agent4", "agent5"]);
    }

    #[test]
    fn a_deep_chain_is_drawn() {
        let entries: Vec<Entry> = (1..=5_000).map(|n| entry(n, (n > 1).then(|| n - 1))).collect();
        assert_eq!(in_order(&entries).len(), 5_000);
    }
}
