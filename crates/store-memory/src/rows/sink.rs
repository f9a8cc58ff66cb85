//! Sinks and their dead letters.

use std::collections::BTreeMap;

use flightdeck_domain::ports::{LetterQuery, Rows, SinkRows};
use flightdeck_domain::sink::{DeadLetter, Sink, SinkName};

use crate::state::{State, count, put};

fn set_sink(state: &mut State, name: SinkName, sink: Option<Sink>) -> Option<Sink> {
    put(&mut state.sinks, name, sink)
}

fn set_letter(state: &mut State, key: (SinkName, u64), letter: Option<DeadLetter>) -> Option<DeadLetter> {
    put(&mut state.letters, key, letter)
}

impl State {
    fn letters_of<'a>(&'a self, sink: &'a SinkName) -> impl Iterator<Item = &'a DeadLetter> {
        self.letters.range((sink.clone(), 0)..=(sink.clone(), u64::MAX)).map(|(_, letter)| letter)
    }
}

impl SinkRows for State {
    async fn insert_sink(&mut self, sink: &Sink) -> Rows<bool> {
        if self.sinks.contains_key(&sink.name) {
            return Ok(false);
        }
        self.save_sink(sink).await?;
        Ok(true)
    }

    async fn sink(&mut self, name: &SinkName) -> Rows<Option<Sink>> {
        Ok(self.sinks.get(name).cloned())
    }

    async fn sinks(&mut self) -> Rows<Vec<Sink>> {
        Ok(self.sinks.values().cloned().collect())
    }

    async fn save_sink(&mut self, sink: &Sink) -> Rows<()> {
        self.change(set_sink, sink.name.clone(), Some(sink.clone()));
        Ok(())
    }

    async fn remove_sink(&mut self, name: &SinkName) -> Rows<()> {
        let places: Vec<u64> = self.letters_of(name).map(|letter| letter.place).collect();
        for place in places {
            self.remove_letter(name, place).await?;
        }
        self.change(set_sink, name.clone(), None);
        Ok(())
    }

    async fn insert_letter(&mut self, letter: &DeadLetter) -> Rows<()> {
        self.change(set_letter, (letter.sink.clone(), letter.place), Some(letter.clone()));
        Ok(())
    }

    async fn letter(&mut self, sink: &SinkName, place: u64) -> Rows<Option<DeadLetter>> {
        Ok(self.letters.get(&(sink.clone(), place)).cloned())
    }

    async fn letters(&mut self, query: &LetterQuery) -> Rows<Vec<DeadLetter>> {
        let wanted = |letter: &&DeadLetter| {
            (letter.again || !query.again) && query.after.is_none_or(|after| letter.place > after)
        };
        Ok(self.letters_of(&query.sink).filter(wanted).take(query.limit).cloned().collect())
    }

    async fn count_letters(&mut self) -> Rows<Vec<(SinkName, u64)>> {
        let mut counts: BTreeMap<SinkName, usize> = BTreeMap::new();
        for (sink, _) in self.letters.keys() {
            *counts.entry(sink.clone()).or_default() += 1;
        }
        Ok(counts.into_iter().map(|(sink, letters)| (sink, count(letters))).collect())
    }

    async fn save_letters_again(&mut self, sink: &SinkName, places: &[u64]) -> Rows<u64> {
        let wanted = |letter: &&DeadLetter| places.is_empty() || places.contains(&letter.place);
        let letters: Vec<DeadLetter> = self.letters_of(sink).filter(wanted).cloned().collect();
        let number = count(letters.len());
        for letter in letters {
            self.insert_letter(&DeadLetter { again: true, ..letter }).await?;
        }
        Ok(number)
    }

    async fn remove_letter(&mut self, sink: &SinkName, place: u64) -> Rows<()> {
        self.change(set_letter, (sink.clone(), place), None);
        Ok(())
    }
}
