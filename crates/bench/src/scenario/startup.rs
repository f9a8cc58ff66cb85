//! From the start of the process to the first good answer, on a store that is there already.

use std::path::Path;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use tokio::time::sleep;

use super::history::fill;
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::http::Connection;
use crate::number::{float, millis, nanos};
use crate::options::{given, number, seconds, some};
use crate::process::rss;
use crate::server::{Launcher, data_folder};

pub(super) fn grammar() -> Command {
    Command::new("startup")
        .about("Start the server on a store that is there already")
        .arg(number("messages", "1000000", "Messages of 500 bytes in the store; 0 for an empty one"))
        .arg(number("sessions", "100", "Sessions that they are spread over"))
        .arg(number("settle", "3", "Seconds between the first answer and the measuring of idle memory"))
}

/// All runs start on the same store.
pub(super) async fn runs(matches: &ArgMatches, launcher: &Launcher, runs: u64) -> Outcome<Vec<Figures>> {
    let folder = data_folder(launcher.folder()?)?;
    let data = folder.path().join("data");
    let server = launcher.start_on(&data)?;
    let sessions = some(matches, "sessions")?;
    let content = Content::of_size(500);
    let each = given(matches, "messages").div_ceil(sessions.into());
    for member in register(&server.site, Names::fresh(), 0..sessions, |_| None).await? {
        fill(&server, &content, &member, each).await?;
    }
    server.stop()?;
    let size = size_of(&data);
    let mut all = Vec::new();
    for _ in 0..runs {
        let mut figures = Figures::default();
        figures.add("store", "MB", float(size) / 1e6);
        start(launcher, &data, seconds(matches, "settle"), &mut figures).await?;
        all.push(figures);
    }
    Ok(all)
}

async fn start(launcher: &Launcher, data: &Path, settle: Duration, figures: &mut Figures) -> Outcome<()> {
    let begin = Instant::now();
    let server = launcher.start_on(data)?;
    let listening = begin.elapsed();
    let request = server.site.get("/health/ready");
    let mut connection = Connection::open(server.site.address).await?;
    while connection.exchange(&request).await?.status != 200 {
        sleep(Duration::from_millis(1)).await;
    }
    let ready = begin.elapsed();
    figures.add("start to listening", "ms", millis(nanos(listening)));
    figures.add("start to healthy", "ms", millis(nanos(ready)));
    let unknown = || BenchError::Usage("the memory of the server cannot be read".to_owned());
    let memory = || server.pid.and_then(rss).map(|bytes| float(bytes) / 1e6).ok_or_else(unknown);
    figures.add("RSS when healthy", "MB", memory()?);
    sleep(settle).await;
    figures.add("idle RSS", "MB", memory()?);
    server.stop()
}

/// The bytes of the files in a folder.
fn size_of(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}
