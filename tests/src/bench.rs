//! What the benchmarks share: thousands of cheap clients, a baseline that only writes
//! ready-made frames, and readings of another process's time and memory.

pub mod baseline;
pub mod clients;
pub mod frames;
pub mod proc_stat;
pub mod table;
