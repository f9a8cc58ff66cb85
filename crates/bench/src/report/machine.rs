//! The machine that figures come from, in a line.

use std::fs;
use std::num::NonZeroUsize;

/// Its processor, memory and kernel, as far as they can be read.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, NonZeroUsize::get);
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| gigabytes(&text));
    let memory = memory.map(|gb| format!(", {gb} GB of memory")).unwrap_or_default();
    format!("{cores} cores ({model}){memory}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn gigabytes(kib: &str) -> Option<u64> {
    Some(kib.strip_suffix("kB")?.trim().parse::<u64>().ok()?.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let text = "processor\t: 0\nmodel name\t: A Chip @ 3 GHz\nmodel name\t: other\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A Chip @ 3 GHz"));
        assert_eq!((field(text, "flags"), gigabytes("24000000 kB")), (None, Some(24)));
    }
}
