//! Who did something, as a person reads it.

/// The name of a key with its id; the id alone where there is no name: a server of an earlier version tells none, and neither
/// the command line nor the server itself has one.
pub(crate) fn operator(id: &str, name: Option<&str>) -> String {
    name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_the_id() {
        assert_eq!(operator("0123456789ab", Some("ada")), "ada (0123456789ab)");
        assert_eq!(operator("system", None), "system");
    }
}
