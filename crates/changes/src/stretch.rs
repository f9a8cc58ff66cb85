//! Where the parts of a session begin and end.

use flightdeck_domain::changes::{KeptChanges, KeptTurn, Stretch};
use flightdeck_domain::ports::ChangesError;
use flightdeck_domain::time::Timestamp;

use crate::record::{Mark, Place, When};

/// The turns: where each begins, and where it ends, which is the end of the session at the latest.
fn turns(marks: &[Mark]) -> Vec<(&Mark, Option<&Mark>)> {
    let begin = |(_, mark): &(usize, &Mark)| mark.when == When::TurnBegins;
    let begins = marks.iter().enumerate().filter(begin);
    begins.map(|(at, mark)| (mark, marks.get(at + 1))).collect()
}

/// The states at both ends of a stretch; the later one is missing while it goes on.
pub(crate) fn ends(marks: &[Mark], stretch: Stretch) -> Result<(Option<&Mark>, Option<&Mark>), ChangesError> {
    match stretch {
        Stretch::Whole => {
            let has_ended = marks.last().is_some_and(|last| last.when == When::End);
            // The folder may have been gone by then: the last state that is known.
            let last = || marks.iter().rev().find(|mark| mark.state.is_some());
            Ok((marks.first(), if has_ended { last() } else { None }))
        }
        Stretch::Turn(turn) => {
            let turns = turns(marks);
            let place = usize::try_from(turn).ok().and_then(|turn| turn.checked_sub(1));
            let found = place.and_then(|place| turns.get(place)).copied();
            let (begin, end) = found.ok_or(ChangesError::UnknownTurn { turn, turns: turns.len() })?;
            Ok((Some(begin), end))
        }
    }
}

/// What is kept, as readers see it.
pub(crate) fn kept(place: &Place, marks: &[Mark]) -> KeptChanges {
    let at = |mark: &Mark| Timestamp::from_micros(mark.at).unwrap_or(Timestamp::FIRST);
    let turns = (1..).zip(turns(marks)).map(|(number, (begin, end))| KeptTurn {
        number,
        began_at: at(begin),
        ended_at: end.map(at),
    });
    KeptChanges {
        folder: place.top.display().to_string(),
        commit: place.commit.clone(),
        branch: place.branch.clone(),
        turns: turns.collect(),
    }
}
