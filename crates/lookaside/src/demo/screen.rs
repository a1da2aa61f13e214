use std::{
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    expected::Expected,
    ledger::{Score, Totals},
    scene::Scene,
    view::Seen,
    world::QPS,
};
use crate::output::{Align, Table, colours, percent};

/// How often a terminal is redrawn; fast enough to look alive.
const FRAME: Duration = Duration::from_millis(200);

/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(1);

/// A share of 1 is so many characters wide.
const BAR: f64 = 30.0;

const HEADING: &str = "Lookaside demo: a balancer, backends, and a client that makes";

/// Draws what happens: on a terminal a picture that changes in place, elsewhere lines.
#[derive(Debug)]
pub(super) struct Screen {
    paper: Paper,
    colours: bool,
    start: Instant,
}

#[derive(Debug)]
enum Paper {
    Terminal {
        /// Lines of the last picture.
        drawn: usize,
    },
    Lines,
}

/// What goes into one picture.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) seen: Seen,
    pub(super) score: Score,
    pub(super) totals: Totals,
}

impl Screen {
    pub(super) fn new() -> Self {
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = io::stdout().is_terminal() && !dumb;
        Self {
            paper: if terminal {
                Paper::Terminal { drawn: 0 }
            } else {
                Paper::Lines
            },
            colours: terminal && colours(&io::stdout()),
            start: Instant::now(),
        }
    }

    pub(super) fn period(&self) -> Duration {
        match self.paper {
            Paper::Terminal { .. } => FRAME,
            Paper::Lines => LINE,
        }
    }

    /// A scene begins.
    pub(super) fn announce(&self, scene: Scene) -> io::Result<()> {
        if matches!(self.paper, Paper::Terminal { .. }) {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        if scene == Scene::Steady {
            writeln!(out, "{HEADING} {QPS} calls a second.")?;
        }
        writeln!(out, "\n{}", scene.line())?;
        out.flush()
    }

    pub(super) fn draw(&mut self, frame: &Frame) -> io::Result<()> {
        let text = match self.paper {
            Paper::Terminal { drawn } => {
                let lines = self.picture(frame);
                self.paper = Paper::Terminal { drawn: lines.len() };
                over(drawn, &lines)
            }
            Paper::Lines => self.line(frame),
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// The last picture, as things stand at the end.
    pub(super) fn end(&mut self, frame: &Frame) -> io::Result<()> {
        match self.paper {
            Paper::Terminal { .. } => self.draw(frame),
            Paper::Lines => Ok(()),
        }
    }

    fn picture(&self, frame: &Frame) -> Vec<String> {
        let (bold, reset) = (self.style("1"), self.style("0"));
        let elapsed = self.start.elapsed().as_secs();
        let mut text = format!("{bold}{HEADING} {QPS} calls a second.{reset}  {elapsed} s\n\n");
        for scene in Scene::ALL {
            text.push_str(&self.scene_line(scene, frame.seen.scene));
        }
        text.push_str(&format!("\n{}\n  {}\n", table(frame), counts(frame)));
        let columns = columns();
        let clipped = text.lines().map(|line| clip(line, columns) + &reset);
        clipped.collect()
    }

    fn scene_line(&self, scene: Scene, now: Option<Scene>) -> String {
        let at = |scene: Scene| Scene::ALL.iter().position(|it| *it == scene);
        let (mark, style) = match (at(scene), now.and_then(at)) {
            (Some(this), Some(now)) if this < now => ("done", "32"),
            (this, now) if this == now => ("now ", "1"),
            _ => ("    ", "2"),
        };
        let (style, reset) = (self.style(style), self.style("0"));
        format!("{style}  {mark}  {}{reset}\n", scene.line())
    }

    /// What happened in the last second, in a line.
    fn line(&self, frame: &Frame) -> String {
        let backends = frame.score.answered.keys();
        let shares: Vec<String> = backends
            .map(|name| format!("{name} {}", percent(frame.score.share(name) * 100.0)))
            .collect();
        let elapsed = self.start.elapsed().as_secs_f64();
        let shares = shares.join("  ");
        format!("  {elapsed:>4.0} s  {shares:<30}  {}\n", counts(frame))
    }

    fn style(&self, code: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m")
        } else {
            String::new()
        }
    }
}

fn table(frame: &Frame) -> Table {
    let Frame { seen, score, .. } = frame;
    let expected = seen.scene.map(Expected::of);
    let mut table = Table::new(&[
        ("  BACKEND", Align::Left),
        ("ADDRESS", Align::Left),
        ("WEIGHT", Align::Right),
        ("STATE", Align::Left),
        ("EXPECTED", Align::Right),
        ("MEASURED", Align::Right),
        ("", Align::Left),
    ]);
    for backend in &seen.backends {
        let wanted = expected.as_ref().map_or(0.0, |it| it.share(backend.name));
        let measured = score.share(backend.name);
        table.row([
            format!("  {}", backend.name),
            backend.address.to_string(),
            backend.weight.to_string(),
            backend.state.to_owned(),
            percent(wanted * 100.0),
            percent(measured * 100.0),
            "#".repeat((measured * BAR).round() as usize),
        ]);
    }
    table
}

fn counts(frame: &Frame) -> String {
    let Totals {
        answered,
        dropped,
        lost,
        failed,
        ..
    } = frame.totals;
    let mut text = format!("answered {answered}");
    for (what, n) in [("dropped", dropped), ("lost with b", lost)] {
        if n > 0 {
            text.push_str(&format!("  {what} {n}"));
        }
    }
    text.push_str(&format!("  failed {failed}"));
    if !frame.seen.balancer.is_empty() {
        text.push_str(&format!("  balancer {}", frame.seen.balancer));
    }
    text
}

/// A picture that covers the last one, of `drawn` lines.
fn over(drawn: usize, lines: &[String]) -> String {
    let mut text = String::new();
    if drawn > 0 {
        text.push_str(&format!("\x1b[{drawn}F"));
    }
    for line in lines {
        // Each line clears what it does not cover.
        text.push_str(&format!("{line}\x1b[K\n"));
    }
    text.push_str("\x1b[J");
    text
}

/// Lines that wrap would not be counted right when they are drawn over.
fn clip(line: &str, columns: usize) -> String {
    let mut shown = 0;
    let mut escape = false;
    let mut clipped = String::new();
    for c in line.chars() {
        if escape {
            escape = c != 'm';
        } else if c == '\x1b' {
            escape = true;
        } else {
            shown += 1;
        }
        if shown > columns {
            break;
        }
        clipped.push(c);
    }
    clipped
}

fn columns() -> usize {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(80)
}

#[cfg(test)]
mod tests;
