//! Markdown (`CommonMark` with tables, struck-out words and tasks), as nodes.
//!
//! HTML is not read: it is words like others. So are the definitions of links, which would otherwise not be shown.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use crate::limits::{Allowance, DEPTH, NODES, TEXT, split};
use crate::node::{Kind, Node};
use crate::{code, diff, link};

/// What was read, and whether words were left plain.
pub(crate) struct Read {
    pub(crate) nodes: Vec<Node>,
    pub(crate) cut: bool,
}

/// Reads a text.
pub(crate) fn read(text: &str, allowance: &mut Allowance) -> Read {
    let (head, tail) = split(text, TEXT);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let parser = Parser::new_ext(head, options);
    let mut defined: Vec<_> =
        parser.reference_definitions().iter().map(|(_, definition)| definition.span.clone()).collect();
    let mut builder = Builder { open: Vec::new(), nodes: Vec::new(), made: 0, beyond: 0, code: None, allowance };
    let mut rest = "";
    for (event, place) in parser.into_offset_iter() {
        // The place of an end is that of its beginning.
        if builder.made >= NODES && !matches!(event, Event::End(_)) {
            rest = head.get(place.start..).unwrap_or_default();
            break;
        }
        builder.take(event);
    }
    let mut nodes = builder.finish();
    // What is behind the rest is in it.
    let read = head.len().saturating_sub(rest.len());
    defined.retain(|place| place.start < read);
    defined.sort_by_key(|place| place.start);
    if !defined.is_empty() {
        let lines: Vec<&str> = defined.into_iter().filter_map(|place| head.get(place)).map(str::trim_end).collect();
        let mut paragraph = Node::new(Kind::Paragraph);
        paragraph.children.push(Node::words(Kind::Text, lines.join("\n")));
        nodes.push(paragraph);
    }
    for plain in [rest, tail] {
        if !plain.is_empty() {
            nodes.push(Node::words(Kind::Plain, plain));
        }
    }
    Read { nodes, cut: !rest.is_empty() || !tail.is_empty() }
}

struct Builder<'a> {
    /// The containers that are open, the innermost last.
    open: Vec<Node>,
    nodes: Vec<Node>,
    /// How many nodes there are.
    made: usize,
    /// How many containers are open that lie too deep to be made.
    beyond: usize,
    /// The words of the block of code that is open.
    code: Option<String>,
    allowance: &'a mut Allowance,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.code.is_some() => {
                if let Some(code) = &mut self.code {
                    code.push_str(&text);
                }
            }
            Event::Text(text) => self.text(&text),
            Event::Html(text) | Event::InlineHtml(text) | Event::FootnoteReference(text) => self.words(&text),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.put(Node::words(Kind::InlineCode, text.into_string()));
            }
            Event::SoftBreak | Event::HardBreak => self.words("\n"),
            Event::Rule => self.put(Node::new(Kind::Rule)),
            Event::TaskListMarker(done) => match self.open.last_mut().filter(|open| open.kind == Kind::Item) {
                Some(item) => item.checked = Some(done),
                None => self.words(if done { "[x] " } else { "[ ] " }),
            },
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let node = match tag {
            Tag::Paragraph | Tag::HtmlBlock => Node::new(Kind::Paragraph),
            Tag::Heading { level, .. } => Node { number: Some(level_of(level)), ..Node::new(Kind::Heading) },
            Tag::BlockQuote(_) => Node::new(Kind::Quote),
            Tag::CodeBlock(kind) => {
                self.code = Some(String::new());
                let language = match kind {
                    CodeBlockKind::Fenced(language) => Some(language.into_string()),
                    CodeBlockKind::Indented => None,
                };
                Node { language, ..Node::new(Kind::Code) }
            }
            Tag::List(number) => Node { number, ..Node::new(Kind::List) },
            Tag::Item => Node::new(Kind::Item),
            Tag::Table(_) => Node::new(Kind::Table),
            Tag::TableHead => Node { header: Some(true), ..Node::new(Kind::Row) },
            Tag::TableRow => Node::new(Kind::Row),
            Tag::TableCell => Node::new(Kind::Cell),
            Tag::Emphasis => Node::new(Kind::Emphasis),
            Tag::Strong => Node::new(Kind::Strong),
            Tag::Strikethrough => Node::new(Kind::Strikethrough),
            Tag::Link { link_type, dest_url, .. } => {
                let target = match link_type {
                    LinkType::Email => format!("mailto:{dest_url}"),
                    _ => dest_url.into_string(),
                };
                Node { href: link::followed(&target), target: Some(target), ..Node::new(Kind::Link) }
            }
            Tag::Image { dest_url, .. } => {
                let target = dest_url.into_string();
                Node { href: link::followed(&target), target: Some(target), ..Node::new(Kind::Image) }
            }
            // They are not asked for.
            _ => Node::new(Kind::Paragraph),
        };
        if self.open.len() >= DEPTH {
            self.beyond = self.beyond.saturating_add(1);
            return;
        }
        self.made = self.made.saturating_add(1);
        self.open.push(node);
    }

    fn end(&mut self, tag: TagEnd) {
        if let Some(rest) = self.beyond.checked_sub(1) {
            self.beyond = rest;
            match self.code.take() {
                Some(code) => {
                    let block = code::block("", &code, self.allowance);
                    self.put(block);
                }
                // Paragraphs that are no longer told apart are still apart.
                None if matches!(tag, TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) => self.words("\n"),
                None => {}
            }
            return;
        }
        let Some(node) = self.open.pop() else { return };
        let node = match (node.kind, self.code.take()) {
            (Kind::Code, Some(code)) => self.block(node.language.as_deref().unwrap_or_default(), &code),
            _ => node,
        };
        self.made = self.made.saturating_sub(1);
        self.put(node);
    }

    fn block(&mut self, language: &str, code: &str) -> Node {
        let is_diff = matches!(language.to_ascii_lowercase().as_str(), "diff" | "patch" | "udiff");
        let read = if is_diff { diff::fenced(code) } else { None };
        let named = |diff| Node { language: Some(language.to_owned()), ..Node::changes(diff) };
        let node = read.map_or_else(|| code::block(language, code, self.allowance), named);
        let lines = node.diff.as_ref().map_or(0, |diff| diff.lines.len());
        self.made = self.made.saturating_add(node.spans.len()).saturating_add(lines);
        node
    }

    /// Words, in which addresses are links.
    fn text(&mut self, text: &str) {
        let in_link = self.open.iter().any(|open| matches!(open.kind, Kind::Link | Kind::Image));
        let mut rest = text;
        while let Some((before, address)) = link::bare(rest).filter(|_| !in_link && self.made < NODES) {
            self.words(before);
            let mut node =
                Node { href: link::followed(address), target: Some(address.to_owned()), ..Node::new(Kind::Link) };
            node.children.push(Node::words(Kind::Text, address));
            self.put(node);
            rest = rest.get(before.len().saturating_add(address.len())..).unwrap_or_default();
        }
        self.words(rest);
    }

    fn words(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let siblings = self.open.last_mut().map_or(&mut self.nodes, |open| &mut open.children);
        match siblings.last_mut() {
            Some(last) if last.kind == Kind::Text => last.text.push_str(text),
            _ => self.put(Node::words(Kind::Text, text)),
        }
    }

    fn put(&mut self, node: Node) {
        self.made = self.made.saturating_add(1);
        self.open.last_mut().map_or(&mut self.nodes, |open| &mut open.children).push(node);
    }

    fn finish(mut self) -> Vec<Node> {
        self.beyond = 0;
        while !self.open.is_empty() {
            self.end(TagEnd::Paragraph);
        }
        self.nodes
    }
}

fn level_of(level: HeadingLevel) -> u64 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
