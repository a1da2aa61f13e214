//! A child process, its output, and its certain end.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::poll::eventually;

/// How long a program may take to print what is waited for, or to end: generous, for
/// machines that do other things too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How many of its last lines are shown when a test fails.
const SHOWN: usize = 40;

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// The lines a program has printed so far.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn read(stream: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let sink = lines.clone();
        // Ends with the program's output.
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                sink.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        lines
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Process {
    /// Starts `command`; `name` is for people.
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {command:?}: {error}"));
        let stdout = Lines::read(child.stdout.take().expect("piped"));
        let stderr = Lines::read(child.stderr.take().expect("piped"));
        Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
        }
    }

    /// What it printed to standard output.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// What it printed to standard error.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.all()
    }

    /// Waits for a line of standard output that `wanted` maps to something.
    pub async fn line<T>(&mut self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let what = format!("{} prints {what}", self.name);
        eventually(&what, PATIENCE, || {
            let found = self.stdout().iter().find_map(|line| wanted(line));
            let ended = self.child.try_wait().ok().flatten();
            let seen = (ended, self.stdout(), self.stderr());
            assert!(
                found.is_some() || seen.0.is_none(),
                "ended before {what}: {seen:?}"
            );
            async { found.ok_or(seen) }
        })
        .await
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal)
            .unwrap_or_else(|e| panic!("{}: {signal:?}: {e}", self.name));
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Stops it from running until [`Process::resume`], without its noticing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it run again.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it at once, as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        let bound = PATIENCE * 2;
        eventually(&what, bound, || {
            let status = self.child.try_wait().expect("a child can be waited for");
            let seen = self.stderr();
            async move { status.ok_or(seen) }
        })
        .await
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            for (stream, lines) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
                for line in lines.iter().rev().take(SHOWN).rev() {
                    eprintln!("[{} {stream}] {line}", self.name);
                }
            }
        }
    }
}
