//! The lines of `qwen --output-format stream-json`: those of Claude Code, counted in another way.

use super::claude::{Dialect, StreamJson};
use super::reading::{Preset, flag_is, text};

pub(super) const PRESET: Preset = Preset {
    name: "qwen",
    programs: &["qwen", "@qwen-code/qwen-code", "qwen-code"],
    speaks: |program| flag_is(program, &["-o", "--output-format"], &["stream-json"]),
    begins: |event| text(event, "/subtype") == "init" && event.get("qwen_code_version").is_some(),
    totals_go_on: true,
    reader: |_| Box::new(StreamJson::new(DIALECT)),
};

/// Its input counts what came out of the cache, and the usage of a result is that of the whole session, over all runs and
/// models, those of sub-agents included.
const DIALECT: Dialect = Dialect { input_has_cache: true, results_are_totals: true };
