//! Messages of a conversation, printed.

use flightdeck_client::replies::{Message, ReceiptEvent, Told};
use flightdeck_terminal::{Out, Tone, line, text};

use crate::author::author;

/// Prints messages.
#[derive(Clone, Copy)]
pub(super) struct Printer(Out);

impl Printer {
    pub(super) const fn new(out: Out) -> Self {
        Self(out)
    }

    /// One message: `12:04:05  #12 assistant  text`, further lines below the text.
    pub(super) fn message(self, Told { raw, read: message }: &Told<Message>) {
        let Self(out) = self;
        if out.json {
            out.json_line(raw);
            return;
        }
        let at = message.created_at.map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default();
        let seq = format!("#{}", message.seq);
        let (label, tone) = author(message);
        let label = format!("{:<9}", line(label));
        let mark = message.receipt.as_ref().map(|receipt| format!("  [{}]", line(&receipt.state))).unwrap_or_default();
        let faint = |text: &str| out.paint.paint(Tone::Faint, text);
        let content = text(&message.content);
        let mut lines = content.lines();
        let first = format!("{}{mark}", lines.next().unwrap_or_default());
        let body = |text: &str| if tone == Tone::Faint { faint(text) } else { text.to_owned() };
        out.line(&format!(
            "{}  {} {}  {}",
            faint(&at),
            faint(&format!("{seq:<6}")),
            out.paint.paint(tone, &label),
            body(&first)
        ));
        for rest in lines {
            out.line(&format!("{:28}{}", "", body(rest)));
        }
    }

    /// What became of an operator's message.
    pub(super) fn receipt(self, event: &ReceiptEvent) {
        let Self(out) = self;
        // Programs get messages alone, each with its receipt as it was when it was read.
        let Some(seq) = event.command.message_seq.filter(|_| !out.json) else { return };
        let state = line(&event.receipt.state);
        out.line(&out.paint.paint(Tone::Faint, &format!("{:28}message #{seq} is {state}", "")));
    }
}
