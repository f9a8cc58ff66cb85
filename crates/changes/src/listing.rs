//! Lists of differences, as git writes them.

use std::collections::HashMap;

/// A side of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side<'a> {
    pub(crate) mode: &'a str,
    id: &'a str,
}

impl<'a> Side<'a> {
    pub(crate) const SUBMODULE: &'static str = "160000";
    pub(crate) const LINK: &'static str = "120000";

    /// The object in the repository: a submodule's is in another one.
    pub(crate) fn object(self) -> Option<&'a str> {
        (!self.is_none() && self.mode != Self::SUBMODULE).then_some(self.id)
    }

    /// Its name, wherever it is.
    pub(crate) const fn id(self) -> &'a str {
        self.id
    }

    /// Whether there is nothing on this side.
    pub(crate) fn is_none(self) -> bool {
        self.mode == "000000"
    }
}

/// A line of `--raw -z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) old: Side<'a>,
    pub(crate) new: Side<'a>,
    /// The first letter of the status.
    pub(crate) status: u8,
    pub(crate) path: &'a [u8],
    /// The path before, where it was renamed.
    pub(crate) from: Option<&'a [u8]>,
}

/// How many lines came and went; `None` where there are no lines.
pub(crate) type Count = Option<(u64, u64)>;

/// Reads the lines of `--raw -z`. What is not one of them ends them.
pub(crate) fn raw_entries(bytes: &[u8]) -> Vec<Entry<'_>> {
    read(bytes).0
}

/// Reads what `--raw --numstat -z` writes: first the entries, then their counts by path.
pub(crate) fn entries_and_counts(bytes: &[u8]) -> (Vec<Entry<'_>>, HashMap<&[u8], Count>) {
    let (entries, rest) = read(bytes);
    (entries, counts(rest))
}

fn read(bytes: &[u8]) -> (Vec<Entry<'_>>, &[u8]) {
    let mut rest = bytes;
    let mut entries = Vec::new();
    while rest.first() == Some(&b':') {
        let Some((entry, behind)) = entry(rest) else { break };
        entries.push(entry);
        rest = behind;
    }
    (entries, rest)
}

/// Up to a NUL, and what is behind it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (head, rest) = field(bytes.strip_prefix(b":")?)?;
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let (old, new, old_id, new_id) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let status = words.next()?.bytes().next()?;
    let (first, rest) = field(rest)?;
    let (path, from, rest) = if matches!(status, b'R' | b'C') {
        let (path, rest) = field(rest)?;
        (path, Some(first), rest)
    } else {
        (first, None, rest)
    };
    let (old, new) = (Side { mode: old, id: old_id }, Side { mode: new, id: new_id });
    Some((Entry { old, new, status, path, from }, rest))
}

fn counts(bytes: &[u8]) -> HashMap<&[u8], Count> {
    let mut counts = HashMap::new();
    let mut rest = bytes;
    while let Some((head, behind)) = field(rest) {
        let mut parts = head.splitn(3, |byte| *byte == b'\t');
        let (Some(added), Some(removed), Some(path)) = (parts.next(), parts.next(), parts.next()) else { break };
        rest = behind;
        let path = if path.is_empty() {
            // Of a rename both names follow.
            let Some((path, behind)) = field(rest).and_then(|(_from, rest)| field(rest)) else { break };
            rest = behind;
            path
        } else {
            path
        };
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
        counts.insert(path, number(added).zip(number(removed)));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] =
        b":100644 100755 aa bb M\0a b\tc\0:000000 100644 00 cc A\0n\xffw\0:100644 100644 dd ee R090\0old\0new\0";

    #[test]
    fn entries_and_their_counts_are_read_with_odd_names() {
        let mut bytes = RAW.to_vec();
        bytes.extend_from_slice(b"1\t2\ta b\tc\0-\t-\tn\xffw\x003\t0\t\0old\0new\0");
        let (entries, counts) = entries_and_counts(&bytes);
        let path = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let told: Vec<String> = entries
            .iter()
            .map(|entry| format!("{} {} {:?}", char::from(entry.status), path(entry.path), entry.from.map(path)))
            .collect();
        assert_eq!(told, ["M a b\tc None", "A n\u{fffd}w None", "R new Some(\"old\")"]);
        assert_eq!((entries[1].old.object(), entries[1].new.object()), (None, Some("cc")));
        let of = |path: &[u8]| counts.get(path).copied();
        assert_eq!((of(b"a b\tc"), of(b"n\xffw"), of(b"new")), (Some(Some((1, 2))), Some(None), Some(Some((3, 0)))));
    }

    #[test]
    fn what_is_cut_ends_the_list() {
        assert_eq!(raw_entries(RAW).len(), 3);
        for end in 0..RAW.len() {
            assert!(raw_entries(&RAW[..end]).len() <= 2, "{end}");
        }
    }
}
