//! What the benchmarks share: thousands of cheap clients, a baseline that only writes
//! ready-made frames, and readings of another process's time and memory.

pub mod baseline;
pub mod clients;
pub mod frames;
pub mod health;
pub mod proc_stat;
pub mod table;

/// How many streams a benchmark runs with: its arguments, or 1,000 and 10,000.
pub fn stream_counts() -> Vec<usize> {
    let args = std::env::args().skip(1);
    let counts: Vec<usize> = args.filter_map(|arg| arg.parse().ok()).collect();
    if counts.is_empty() {
        vec![1_000, 10_000]
    } else {
        counts
    }
}
