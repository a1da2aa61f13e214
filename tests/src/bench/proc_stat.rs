//! What the kernel says of another process (Linux).

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// Processor time of process `pid` so far, user and system, at nanosecond resolution.
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    // Per thread: on-CPU nanoseconds first. `stat` counts only in ticks of 10 ms.
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let nanos = text
            .split(' ')
            .next()
            .context("an empty schedstat")?
            .parse()?;
        sum += Duration::from_nanos(nanos);
    }
    Ok(sum)
}

/// Resident memory of process `pid`, in bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
