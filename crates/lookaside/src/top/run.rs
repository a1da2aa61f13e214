use std::{io, time::Duration};

use anyhow::Context;
use lookaside_core::HostPort;
use lookaside_tls::ClientTls;
use ratatui::DefaultTerminal;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    ask::ask,
    draw::draw,
    keys::{Input, Keys},
    view::View,
};
use crate::{output::colours, signals::Signals};

/// Ages on the screen go on although nothing happens.
const REDRAW: Duration = Duration::from_secs(1);

/// The terminal, which is given back as it was however this ends: `init` also sees to it
/// when something panics.
#[derive(Debug)]
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> anyhow::Result<Self> {
        let terminal = ratatui::try_init().context("the terminal cannot be drawn on")?;
        Ok(Self(terminal))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _: io::Result<()> = ratatui::try_restore();
    }
}

/// Shows what a balancer says until somebody ends it.
pub(crate) async fn run(
    balancer: HostPort,
    tls: Option<ClientTls>,
    every: Duration,
) -> anyhow::Result<()> {
    let colours = colours(&io::stdout());
    let mut signals = Signals::new()?;
    let start = Instant::now();
    let (want, wanted) = watch::channel(Vec::new());
    let (answer, mut answers) = mpsc::channel(1);
    let mut view = View::new(balancer.to_string());
    let asking = ask(balancer, tls, every, start, wanted, answer);
    let _asking = AbortOnDropHandle::new(tokio::spawn(asking));

    let mut screen = Screen::open()?;
    let mut keys = Keys::read();
    let mut redraw = tokio::time::interval(REDRAW);
    while !view.ended {
        let now = start.elapsed();
        screen.0.draw(|frame| draw(frame, &view, now, colours))?;
        tokio::select! {
            _ = signals.next() => return Ok(()),
            _ = redraw.tick() => {}
            answer = answers.recv() => match answer {
                Some(Ok(sample)) => view.answered(sample),
                Some(Err(why)) => view.lost(start.elapsed(), why),
                None => anyhow::bail!("nobody asks the balancer any more"),
            },
            input = keys.next() => match input {
                Some(Input::Key(key)) => view.press(key),
                Some(Input::Resized) => {}
                Some(Input::Lost(error)) => return Err(error).context("the terminal is gone"),
                None => anyhow::bail!("the terminal is gone"),
            },
        }
        want.send_if_modified(|names| {
            let now = view.wanted();
            let changed = *names != now;
            *names = now;
            changed
        });
    }
    Ok(())
}
