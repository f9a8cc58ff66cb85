//! How often a second the disk says that something is safe.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::number::per_second;
use crate::stats::Samples;

/// As much as a small commit writes.
const BLOCK: usize = 8_192;
/// Blocks in the file. It has its full size before the clock runs: growing would be measured else.
const BLOCKS: u64 = 2_048;

/// Overwrites one block after the other, each followed by `fdatasync`.
pub(super) fn measure(folder: &Path, span: Duration, figures: &mut Figures) -> Outcome<()> {
    let failed = || BenchError::system("cannot write a file to measure the disk");
    let mut file = File::create(folder.join("disk")).map_err(failed())?;
    let block = [7; BLOCK];
    for _ in 0..BLOCKS {
        file.write_all(&block).map_err(failed())?;
    }
    file.sync_all().map_err(failed())?;
    let mut times = Samples::default();
    let (begin, mut place) = (Instant::now(), 0);
    while begin.elapsed() < span {
        let sent = Instant::now();
        file.write_all_at(&block, place * 8_192).map_err(failed())?;
        file.sync_data().map_err(failed())?;
        times.add(sent.elapsed());
        place = (place + 1) % BLOCKS;
    }
    let (elapsed, times) = (begin.elapsed(), times.sorted());
    figures.add("fdatasync of 8 KiB", "/s", per_second(times.len(), elapsed));
    figures.add("fdatasync p50", "ms", times.p50());
    figures.add("fdatasync p99", "ms", times.p99());
    Ok(())
}
