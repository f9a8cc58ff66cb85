//! The colours of a terminal, as styles (ECMA-48, 8.3.117 SGR).
//!
//! Only colours and weights are taken. A colour behind the words is told apart from one of the words, so that a page can
//! show it beside them: words are never hidden by it. What moves the cursor or erases is left out. Everything else,
//! titles and links of terminals too, stays in the text as it is, where a page shows its characters by their codes.

use crate::node::{Span, add};

const ESCAPE: char = '\u{1b}';
/// A sequence is no longer than this, in bytes; a longer one is text.
const LONGEST: usize = 64;
const COLOURS: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const BEHIND: [&str; 8] =
    ["on-black", "on-red", "on-green", "on-yellow", "on-blue", "on-magenta", "on-cyan", "on-white"];

/// Whether a text has what a terminal would obey.
pub(crate) fn is_for_terminal(text: &str) -> bool {
    text.contains(ESCAPE) || text.trim_end_matches("\r\n").replace("\r\n", "\n").contains('\r')
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Style {
    colour: Option<&'static str>,
    behind: Option<&'static str>,
    /// The weights that are on, a bit each.
    weights: u8,
}

const BOLD: u8 = 1;
const DIM: u8 = 2;
const ITALIC: u8 = 4;
const UNDERLINE: u8 = 8;
const INVERSE: u8 = 16;
const STRIKE: u8 = 32;
const WEIGHTS: [(u8, &str); 6] = [
    (BOLD, "bold"),
    (DIM, "dim"),
    (ITALIC, "italic"),
    (UNDERLINE, "underline"),
    (INVERSE, "inverse"),
    (STRIKE, "strike"),
];

impl Style {
    fn name(&self) -> String {
        let weights = WEIGHTS.into_iter().filter_map(|(bit, name)| (self.weights & bit != 0).then_some(name));
        let names: Vec<&str> = self.colour.into_iter().chain(self.behind).chain(weights).collect();
        names.join(" ")
    }

    fn obey(&mut self, parameters: &str) {
        let mut numbers = parameters.split([';', ':']).map(|number| match number {
            "" => Some(0),
            number => number.parse::<u16>().ok(),
        });
        while let Some(number) = numbers.next() {
            let Some(number) = number else { continue };
            match number {
                38 => self.colour = extended(&mut numbers, COLOURS),
                48 => self.behind = extended(&mut numbers, BEHIND),
                number => self.one(number),
            }
        }
    }

    fn one(&mut self, number: u16) {
        match number {
            0 => *self = Self::default(),
            1 => self.weights |= BOLD,
            2 => self.weights |= DIM,
            3 => self.weights |= ITALIC,
            4 => self.weights |= UNDERLINE,
            7 => self.weights |= INVERSE,
            9 => self.weights |= STRIKE,
            22 => self.weights &= !(BOLD | DIM),
            23 => self.weights &= !ITALIC,
            24 => self.weights &= !UNDERLINE,
            27 => self.weights &= !INVERSE,
            29 => self.weights &= !STRIKE,
            30..=37 => self.colour = nth(COLOURS, number.saturating_sub(30)),
            39 => self.colour = None,
            40..=47 => self.behind = nth(BEHIND, number.saturating_sub(40)),
            49 => self.behind = None,
            90..=97 => self.colour = nth(COLOURS, number.saturating_sub(90)),
            100..=107 => self.behind = nth(BEHIND, number.saturating_sub(100)),
            // What would hide words (8, conceal) or make them blink.
            _ => {}
        }
    }
}

fn nth(names: [&'static str; 8], at: u16) -> Option<&'static str> {
    names.get(usize::from(at)).copied()
}

/// One of 256 colours, or one of all: the nearest of the eight.
fn extended(numbers: &mut impl Iterator<Item = Option<u16>>, names: [&'static str; 8]) -> Option<&'static str> {
    let mut number = || numbers.next().flatten().unwrap_or_default();
    match number() {
        5 => match number() {
            index @ 0..=15 => nth(names, index % 8),
            index @ 16..=231 => {
                let index = index.saturating_sub(16);
                let level = |step: u16| step.saturating_mul(51);
                nearest(level(index / 36), level(index / 6 % 6), level(index % 6), names)
            }
            grey => {
                let level = grey.saturating_sub(232).saturating_mul(10);
                nearest(level, level, level, names)
            }
        },
        2 => {
            let (red, green, blue) = (number(), number(), number());
            nearest(red, green, blue, names)
        }
        _ => None,
    }
}

/// Which of the three lights are on; greys are the colour of the text.
fn nearest(red: u16, green: u16, blue: u16, names: [&'static str; 8]) -> Option<&'static str> {
    let most = red.max(green).max(blue);
    if most.saturating_sub(red.min(green).min(blue)) < 32 {
        return None;
    }
    let on = |level: u16, bit: u16| if level.saturating_mul(3) >= most.saturating_mul(2) { bit } else { 0 };
    nth(names, on(red, 1) | on(green, 2) | on(blue, 4))
}

/// A control sequence at the beginning of a text: its parameters, what it does, and its length.
fn sequence(text: &str) -> Option<(&str, char, usize)> {
    let inside = text.strip_prefix("\u{1b}[")?;
    let end = inside.bytes().take(LONGEST).position(|byte| !(0x20..=0x3f).contains(&byte))?;
    let (parameters, rest) = inside.split_at_checked(end)?;
    let last = rest.chars().next().filter(|last| ('\u{40}'..='\u{7e}').contains(last))?;
    Some((parameters, last, end.saturating_add(3)))
}

/// The pieces of what a terminal showed.
pub(crate) fn read(text: &str) -> Vec<Span> {
    // A line that is written over is as much a line as any.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut spans = Vec::new();
    let mut style = Style::default();
    let mut name = style.name();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(ESCAPE) {
        let (before, from) = rest.split_at(at);
        add(&mut spans, before, &name);
        let Some((parameters, last, length)) = sequence(from) else {
            let (escape, after) = from.split_at(ESCAPE.len_utf8());
            add(&mut spans, escape, &name);
            rest = after;
            continue;
        };
        if last == 'm' {
            style.obey(parameters);
            name = style.name();
        }
        rest = from.get(length..).unwrap_or_default();
    }
    add(&mut spans, rest, &name);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(text: &str) -> Vec<(String, String)> {
        read(text).into_iter().map(|span| (span.text, span.style)).collect()
    }

    fn span(text: &str, style: &str) -> (String, String) {
        (text.to_owned(), style.to_owned())
    }

    #[test]
    fn colours_and_weights_are_styles() {
        let table: [(&str, &[(&str, &str)]); 12] = [
            ("plain", &[("plain", "")]),
            ("\u{1b}[31mred\u{1b}[0m rest", &[("red", "red"), (" rest", "")]),
            ("\u{1b}[1;32mok\u{1b}[22m still", &[("ok", "green bold"), (" still", "green")]),
            ("\u{1b}[91mbright\u{1b}[m", &[("bright", "red")]),
            ("\u{1b}[7;41mPASS\u{1b}[27;49m", &[("PASS", "on-red inverse")]),
            ("\u{1b}[38;5;196mx", &[("x", "red")]),
            ("\u{1b}[38;2;10;200;20mx", &[("x", "green")]),
            ("\u{1b}[38;2;9;9;9mdark", &[("dark", "")]),
            ("\u{1b}[8mhidden\u{1b}[28m", &[("hidden", "")]),
            ("a\u{1b}[2K\u{1b}[1Gb", &[("ab", "")]),
            ("10%\r20%\r\n", &[("10%\n20%\n", "")]),
            ("\u{1b}[38;5mshort\u{1b}[;mend", &[("short", "black"), ("end", "")]),
        ];
        for (given, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(text, style)| span(text, style)).collect();
            assert_eq!(read_as(given), expected, "{given:?}");
        }
    }

    #[test]
    fn what_is_no_colour_stays_where_it_can_be_seen() {
        for text in [
            "\u{1b}]8;;https://evil.test\u{7}ok\u{1b}]8;;\u{7}",
            "\u{1b}]0;title\u{7}",
            "\u{1b}c",
            "\u{1b}[",
            "\u{1b}[1",
        ] {
            assert_eq!(read_as(text), [span(text, "")]);
        }
        let long = format!("\u{1b}[{}m", "1;".repeat(200));
        assert_eq!(read_as(&long), [span(&long, "")]);
    }

    #[test]
    fn there_are_never_too_many_pieces() {
        let text = "\u{1b}[31ma\u{1b}[32mb".repeat(10_000);
        let spans = read(&text);
        assert_eq!(spans.len(), crate::limits::SPANS);
        assert_eq!(spans.iter().map(|span| span.text.as_str()).collect::<String>(), "ab".repeat(10_000));
    }
}
