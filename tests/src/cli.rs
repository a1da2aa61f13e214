//! The binary, run to its end.

use std::{
    io::Read,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::binary;

/// What a finished program left behind.
#[derive(Debug)]
pub struct Output {
    /// Its exit status.
    pub status: i32,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// Runs `lookaside` with `args` and environment `env` until it ends; kills it and
/// panics after `bound`.
pub fn run_with(args: &[&str], env: &[(&str, &str)], bound: Duration) -> Output {
    let mut command = Command::new(binary::lookaside());
    command.args(args).envs(env.iter().copied());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let read = |stream: &mut dyn Read| {
        let mut text = String::new();
        stream
            .read_to_string(&mut text)
            .map(|_| text)
            .unwrap_or_default()
    };
    let out = std::thread::spawn(move || read(&mut stdout));
    let err = std::thread::spawn(move || read(&mut stderr));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if start.elapsed() > bound {
            let _ = child.kill();
            let _ = child.wait();
            panic!("lookaside {args:?} did not end within {bound:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Output {
        status: status.code().unwrap_or(-1),
        stdout: out.join().unwrap_or_default(),
        stderr: err.join().unwrap_or_default(),
    }
}

/// As [`run_with`], without an environment, for at most 20 seconds.
pub fn run(args: &[&str]) -> Output {
    run_with(args, &[], Duration::from_secs(20))
}
