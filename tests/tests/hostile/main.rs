//! Peers that mean no good, or are broken, against the real binary. While each of them
//! does its worst, an honest client goes on getting changes about as fast as before, and
//! the balancer's memory stays within a bound that the test states.
//!
//! `LOOKASIDE_HOSTILE_NAMES=N` asks for N names in place of 100,000; `./dev full` for a million.

mod big;
mod floods;
mod names;
mod peer;
mod slow;
mod streams;
mod world;
