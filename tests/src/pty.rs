//! A program on a terminal, and what a person would see on it.

use std::{
    fs::File,
    io::{Read, Write},
    num::NonZeroU16,
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};
use vt100::Parser;

use crate::{eventually, process::PATIENCE};

/// Rows and columns.
pub type Size = (u16, u16);

/// A program that runs on a terminal of its own.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    /// Kept open, so that how it was left can be looked at.
    line: OwnedFd,
    before: Termios,
    seen: Arc<Mutex<Seen>>,
}

/// What was written to the terminal.
struct Seen {
    bytes: Vec<u8>,
    screen: Parser,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.screen.screen().contents())
    }
}

fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a terminal has rows and columns")
}

fn winsize((rows, columns): Size) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Terminal {
    /// Runs `command` with all three of its streams on a terminal of this size.
    pub fn run(command: &mut Command, size: Size) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a terminal");
        grantpt(&master)
            .and_then(|()| unlockpt(&master))
            .expect("its other end");
        let name = ptsname(&master, Vec::new()).expect("a name");
        // Not this process's own terminal.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).expect("its other end");
        tcsetwinsize(&master, winsize(size)).expect("a size");
        let before = tcgetattr(&line).expect("how it is set");
        let end = || line.try_clone().expect("a file more");
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        // What it holds are ends of the terminal that would stay open.
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let keyboard = File::from(master);
        let seen = Arc::new(Mutex::new(Seen {
            bytes: Vec::new(),
            screen: Parser::new(nonzero(size.0), nonzero(size.1), 0),
        }));
        let (mut output, sink) = (
            keyboard.try_clone().expect("a file more"),
            Arc::clone(&seen),
        );
        // Ends when no end of the terminal is open any more.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                let mut seen = sink.lock().unwrap_or_else(PoisonError::into_inner);
                seen.bytes.extend(&buffer[..n]);
                seen.screen.process(&buffer[..n]);
            }
        });
        Self {
            child,
            keyboard,
            line,
            before,
            seen,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that was written, with what moves the cursor and changes colours.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen().bytes).into_owned()
    }

    /// The rows of the screen, without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        let seen = self.seen();
        let screen = seen.screen.screen();
        let width = screen.size().1.get();
        let rows = screen.rows(0, width);
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// Whether it is the screen that programs draw on, apart from the one with the shell's
    /// lines.
    pub fn is_drawn_on(&self) -> bool {
        self.seen().screen.screen().alternate_screen()
    }

    /// Waits for a screen that `wanted` maps to something.
    pub async fn until<T>(&self, what: &str, mut wanted: impl FnMut(&[String]) -> Option<T>) -> T {
        eventually(what, PATIENCE, async || {
            let rows = self.rows();
            wanted(&rows).ok_or_else(|| rows.join("\n"))
        })
        .await
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("somebody reads it");
    }

    /// Gives it another size. The kernel tells the programs whose own terminal it is; this
    /// one is told by hand, since its own is the terminal of whoever runs the tests.
    pub fn resize(&self, size: Size) {
        {
            let mut seen = self.seen();
            let screen = seen.screen.screen_mut();
            screen.set_size(nonzero(size.0), nonzero(size.1));
        }
        tcsetwinsize(&self.keyboard, winsize(size)).expect("a size");
        self.signal(Signal::WINCH);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits until the program has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("it ends", PATIENCE, async || {
            child.try_wait().expect("it can be waited for").ok_or(())
        })
        .await
    }

    /// What is not as it was before the program ran.
    pub fn left_behind(&self) -> Vec<&'static str> {
        let now = tcgetattr(&self.line).expect("how it is set");
        let (before, seen) = (&self.before, self.seen());
        let screen = seen.screen.screen();
        [
            ("local modes", now.local_modes != before.local_modes),
            ("input modes", now.input_modes != before.input_modes),
            ("output modes", now.output_modes != before.output_modes),
            ("control modes", now.control_modes != before.control_modes),
            ("the screen", screen.alternate_screen()),
            ("the cursor", screen.hide_cursor()),
            ("pasting", screen.bracketed_paste()),
        ]
        .into_iter()
        .filter_map(|(what, differs)| differs.then_some(what))
        .collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("on the terminal:\n{:?}", self.seen());
        }
    }
}
