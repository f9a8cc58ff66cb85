//! The same loads against Flightdeck and against others that carry messages from writers to followers: throw-away servers on
//! this machine, one after the other, with the same client.

mod audience;
mod contest;
mod dialect;
mod nats;
mod redis;
mod rivals;
mod wire;

use std::collections::BTreeMap;

use clap::{ArgMatches, Command};

use self::contest::{Contest, Sizes};
use self::rivals::{Rival, Standing};
use crate::error::Outcome;
use crate::figures::{aligned, round};
use crate::number::ratio;
use crate::options::{folder, given, launcher, number, seconds, some, text, word};
use crate::progress::watched;
use crate::stats::Spread;

pub(crate) fn grammar() -> Command {
    Command::new("compare")
        .about(
            "The same loads against Flightdeck, nchan, Redis Streams and NATS JetStream, as far as they are installed",
        )
        .arg(number("messages", "3000", "Messages of a load at saturation"))
        .arg(number("followers", "1000", "Followers of a load at saturation"))
        .arg(number("window", "64", "Requests in flight of the writer that pipelines"))
        .arg(number("seconds", "3", "How long a message every 50 ms is measured"))
        .arg(text("only", "Only rivals with this word in their name, besides Flightdeck"))
}

/// What was measured: by load and figure, in their order, and by rival.
type Table = BTreeMap<(usize, &'static str), BTreeMap<usize, Vec<f64>>>;

/// Runs all contests and tells the table.
///
/// # Errors
/// Flightdeck or a rival lost, doubled or swapped a message, or does not work as it must.
pub(crate) async fn run(matches: &ArgMatches, tell: impl Fn(&str)) -> Outcome<()> {
    let sizes = Sizes {
        messages: some(matches, "messages")?,
        followers: some(matches, "followers")?,
        window: some(matches, "window")?,
        seconds: some(matches, "seconds")?,
    };
    let (launcher, folder, runs) = (launcher(matches)?, folder(matches)?, given(matches, "runs").max(1));
    let only = word(matches, "only").unwrap_or_default();
    let (mut rivals, mut missing) = (Vec::new(), Vec::new());
    for rival in Rival::ALL.into_iter().filter(|rival| *rival == Rival::Flightdeck || rival.name().contains(only)) {
        match rival.standing() {
            Standing::Installed(told) => rivals.push((rival, told)),
            Standing::Missing(why) => missing.push(format!("{} is left out: {why}", rival.name())),
        }
    }
    let contests = Contest::all();
    let mut table = Table::new();
    for _ in 0..runs {
        // The loads in turn, and for each the rivals in turn: what the machine does besides hits all of them.
        for (load, contest) in contests.iter().enumerate() {
            for (place, (rival, told)) in rivals.iter().enumerate() {
                tell(&format!("{}: {told}", contest.name(sizes)));
                let work = async {
                    let running = rival.start(&launcher, &folder).await?;
                    let measured = contest.run(&running.dialect, sizes).await;
                    running.stop()?;
                    measured
                };
                for (figure, value) in watched(seconds(matches, "patience"), work).await? {
                    table.entry((load, figure)).or_default().entry(place).or_default().push(value);
                }
            }
        }
    }
    let names: Vec<&str> = rivals.iter().map(|(_, told)| told.as_str()).collect();
    let loads: Vec<String> = contests.iter().map(|contest| contest.name(sizes)).collect();
    tell(&told(&table, &names, &loads));
    for why in &missing {
        tell(why);
    }
    Ok(())
}

/// The table: each figure of each rival, and what Flightdeck's is beside it.
fn told(table: &Table, names: &[&str], loads: &[String]) -> String {
    let mut lines =
        vec![["rival", "load", "figure", "median", "least", "most", "Flightdeck / rival"].map(str::to_owned)];
    for ((load, figure), by_rival) in table {
        let spread = |place: &usize| by_rival.get(place).and_then(|values| Spread::of(values));
        let ours = spread(&0).map_or(0.0, |spread| spread.median);
        for (place, name) in names.iter().enumerate() {
            let Some(spread) = spread(&place) else { continue };
            let load = loads.get(*load).cloned().unwrap_or_default();
            let beside = if place == 0 { "-".to_owned() } else { round(ratio(ours, spread.median)) };
            let numbers = [round(spread.median), round(spread.min), round(spread.max)];
            let [median, least, most] = numbers;
            lines.push([(*name).to_owned(), load, (*figure).to_owned(), median, least, most, beside]);
        }
    }
    aligned(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rival_stands_beside_flightdeck() {
        let rates = BTreeMap::from([(0, vec![300.0, 100.0, 200.0]), (1, vec![400.0])]);
        let told = told(&Table::from([((0, "events/s"), rates)]), &["Flightdeck", "Other"], &["a load".to_owned()]);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].contains("Flightdeck") && lines[1].contains("200") && lines[1].trim_end().ends_with('-'));
        assert!(lines[2].contains("Other") && lines[2].trim_end().ends_with("0.500"), "{told}");
    }
}
