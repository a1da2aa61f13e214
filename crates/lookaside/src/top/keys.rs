use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use super::view::Key;

/// How soon the thread that reads keys sees that it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// What came from the terminal.
#[derive(Debug)]
pub(super) enum Input {
    Key(Key),
    /// It has another size.
    Resized,
    /// It cannot be read any more.
    Lost(io::Error),
}

/// Keys, from a thread of their own: reading a terminal blocks. The thread ends when this
/// is dropped.
#[derive(Debug)]
pub(super) struct Keys {
    inputs: mpsc::Receiver<Input>,
    end: Arc<AtomicBool>,
}

impl Keys {
    pub(super) fn read() -> Self {
        let (sender, inputs) = mpsc::channel(16);
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let input = match next() {
                    Ok(None) => continue,
                    Ok(Some(input)) => input,
                    Err(error) => Input::Lost(error),
                };
                let is_last = matches!(input, Input::Lost(_));
                if sender.blocking_send(input).is_err() || is_last {
                    return;
                }
            }
        });
        Self { inputs, end }
    }

    /// The next one; `None`: there are no more.
    pub(super) async fn next(&mut self) -> Option<Input> {
        self.inputs.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

fn next() -> io::Result<Option<Input>> {
    if !event::poll(LOOK)? {
        return Ok(None);
    }
    Ok(match event::read()? {
        Event::Key(pressed) => key(pressed).map(Input::Key),
        Event::Resize(..) => Some(Input::Resized),
        _ => None,
    })
}

/// What a key asks for.
pub(super) fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    Some(match pressed.code {
        // A terminal that is read key by key sends no signal for it.
        KeyCode::Char('c') if control => Key::Quit,
        _ if control => return None,
        KeyCode::Char('q') => Key::Quit,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => Key::Enter,
        KeyCode::Esc | KeyCode::Left | KeyCode::Backspace | KeyCode::Char('h') => Key::Back,
        KeyCode::Char('s') => Key::Sort,
        _ => return None,
    })
}
