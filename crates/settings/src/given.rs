//! What was set, and by whom.

use std::collections::BTreeMap;

/// A value, and where it comes from, in the words of whoever set it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) value: String,
    pub(crate) origin: String,
}

pub(crate) type Layer = BTreeMap<&'static str, Given>;
