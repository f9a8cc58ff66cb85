//! `flightdeck tree --watch`: the tree, live, with keys to open a conversation, to decide permission requests and to step in.
//!
//! One loop takes what comes (keys, events of the fleet feed, answers to what was asked), in the order in which it comes,
//! changes the [`Model`], and draws it. Only `screen` knows the terminal, and only `feed` and `errands` the server. The model
//! says what has to be read ([`Model::wants`]): the feed tells how far each conversation has come, so that no second stream is
//! needed to follow one.

mod conversation;
mod errands;
mod feed;
mod keys;
mod model;
mod news;
mod requests;
mod screen;
#[cfg(test)]
mod tests;
mod typing;
mod view;

use std::io::IsTerminal;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use flightdeck_client::{Client, Filter, fetch};
use flightdeck_terminal::{Outcome, clock};

use self::keys::Step;
use self::model::Model;
use self::news::News;
use self::screen::Screen;
use crate::error::CommandError;

/// Ages are right to the second, and no more is drawn than an eye can follow.
const TICK: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(50);
/// After so many ticks without news, what is open is read again.
const RESTS: u32 = 3;

pub(crate) fn run(client: &Client, filter: &Filter) -> Outcome {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(CommandError::Usage("--watch needs a terminal".to_owned()).into());
    }
    let fetched = fetch(client, filter, None)?;
    let mut model = Model::new(fetched.entries, filter.statuses.as_deref());
    let (tell, news) = mpsc::channel();
    let client = &client.without_waiting();
    feed::follow(client, filter, fetched.as_of, tell.clone())?;
    let mut screen = Screen::open()?;
    screen::read_keys(tell.clone());
    let ended = live(client, &mut model, &mut screen, &tell, &news);
    drop(screen);
    ended
}

fn live(
    client: &Client,
    model: &mut Model,
    screen: &mut Screen,
    tell: &Sender<News>,
    news: &Receiver<News>,
) -> Outcome {
    let mut rests: u32 = 0;
    loop {
        for what in model.wants() {
            errands::fetch(client, what, tell.clone());
        }
        let (width, height) = screen.size();
        screen.draw(&view::draw(model, width, height, clock()))?;
        let first = match news.recv_timeout(TICK) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                rests = rests.wrapping_add(1);
                if rests.is_multiple_of(RESTS) {
                    model.rest();
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        // Whatever came together is drawn together.
        std::thread::sleep(if matches!(first, News::Fleet(_)) { FRAME } else { Duration::ZERO });
        for item in std::iter::once(first).chain(news.try_iter()) {
            match item {
                News::Key(key) => match keys::press(model, key, usize::from(screen.size().1)) {
                    Step::Stay => {}
                    Step::Quit => return Ok(()),
                    Step::Ask { path, body, told } => errands::ask(client, path, body, told, tell.clone()),
                },
                News::Resized => screen.forget(),
                News::Closed => return Ok(()),
                News::Fleet(event) => model.take(&event),
                News::Live(live) => model.live = live,
                News::Messages(id, page) => model.take_messages(id, page),
                News::Requests(open) => model.take_requests(open),
                News::Told(text) => model.notice = text,
                News::Over(error) => return Err(error.into()),
            }
        }
    }
}
