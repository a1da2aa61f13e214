//! Colours, where somebody sees them.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use clap::ValueEnum;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// Also into pipes and files
    Always,
    /// Nowhere
    Never,
}

/// Whether standard output has colours. A command is one process with one output: what
/// writes tables need not be handed this through every layer. Off until it is decided, so
/// that tests see plain text.
static ON: AtomicBool = AtomicBool::new(false);

impl Colour {
    /// Decides for this process: for what commands print, and for help and errors, which
    /// clap prints.
    pub(crate) fn decide(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
        ON.store(colours(&io::stdout()), Ordering::Relaxed);
    }
}

/// Whether what is written there may have colours.
pub(crate) fn colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Whether standard output has colours.
pub(super) fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// What a colour is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Heading,
    Good,
    Odd,
    Bad,
    Faint,
}

impl Tone {
    /// Of a state, a plan or a verdict, by its first word; `None`: nothing to point out.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let word = text.split([' ', '(']).next().unwrap_or_default();
        Some(match word {
            "OK" | "ready" | "serving" | "sent" => Self::Good,
            "WARN" | "draining" | "drained" | "cordoned" | "unresolved" | "suspect" | "held"
            | "fallback" | "unknown" | "behind" => Self::Odd,
            // "not ready"
            "FAIL" | "not" | "ejected" | "stuck" | "STALE" => Self::Bad,
            "SKIP" => Self::Faint,
            _ => return None,
        })
    }

    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Good => "32",
            Self::Odd => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        }
    }

    /// The text in this colour.
    pub(crate) fn paint(self, text: &str) -> String {
        format!("\x1b[{}m{text}\x1b[0m", self.code())
    }
}

/// A word in the colour of what it says, if there are colours.
pub(super) fn painted(text: &str) -> String {
    match Tone::of(text).filter(|_| on()) {
        Some(tone) => tone.paint(text),
        None => text.to_owned(),
    }
}
